import asyncio
import contextvars
import inspect
import json
from contextlib import suppress

import anyio
import pytest

import mcplens
from mcplens.capture.recorder import Recorder
from mcplens.errors import UsageError
from mcplens.events import SideEffect
from mcplens.store.location import create
from tests.processes import until
from tests.spooled import calls, rows


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "store")


@pytest.fixture
def recording(store):
    """A recorder, and what it wrote once it is closed."""
    with Recorder(store, observer="server") as recorder:
        yield recorder


def recorded_calls(recording, store):
    recording.close()
    return calls(store.path)


def test_a_function_is_a_tool_of_its_module(recording, store):
    @mcplens.record(recorder=recording)
    def add(a, b=2, *, note=None):
        """Add two numbers."""
        return a + b

    assert add(1, note="secret") == 3

    [call] = recorded_calls(recording, store)
    assert (call.server_name, call.target, call.outcome) == (__name__, "add", "ok")
    assert (call.transport, call.observer, call.method) == ("function", "server", "tools/call")
    assert json.loads(call.arguments_shape) == {"a": "integer", "note": "string(6)"}
    assert call.request_id is None
    assert call.session_basis == "client_process"
    [definition] = rows(store.path, "definitions")
    assert json.loads(definition.definition) == {
        "name": "add",
        "inputSchema": {"type": "object", "properties": {"a": {}, "b": {}, "note": {}}},
        "description": "Add two numbers.",
    }


def test_it_stays_the_function_that_it_was(recording):
    def add(a: int, b: int = 2) -> int:
        """Add two numbers."""
        return a + b

    recorded = mcplens.record(add, recorder=recording)

    assert inspect.signature(recorded) == inspect.signature(add)
    assert (recorded.__name__, recorded.__doc__) == ("add", "Add two numbers.")


def test_what_it_raises_is_its_failure_and_goes_on(recording, store):
    @mcplens.record(recorder=recording)
    def fetch():
        raise ConnectionError("HTTP 429 Too Many Requests")

    with pytest.raises(ConnectionError):
        fetch()

    [call] = recorded_calls(recording, store)
    assert (call.outcome, call.error_class) == ("tool_error", "rate_limited")


def test_wrong_arguments_are_the_functions_to_refuse(recording, store):
    @mcplens.record(recorder=recording)
    def add(a, b):
        return a + b

    with pytest.raises(TypeError, match="missing 1 required"):
        add(1)

    [call] = recorded_calls(recording, store)
    assert call.outcome == "tool_error"


def test_a_caller_that_gives_up_is_told_from_one_whose_time_is_up(recording, store):
    @mcplens.record(recorder=recording)
    async def hang():
        await asyncio.sleep(60)

    async def run():
        with suppress(TimeoutError), anyio.fail_after(0.05):
            await hang()
        task = asyncio.create_task(hang())
        await asyncio.sleep(0.05)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())

    assert [(c.outcome, c.outcome_basis) for c in recorded_calls(recording, store)] == [
        ("timeout", "deadline"),
        ("cancelled", "interrupted"),
    ]


def test_a_method_is_called_by_what_follows_its_object(recording, store):
    class Shop:
        @mcplens.record(recorder=recording)
        def sell(self, item):
            return item

        @mcplens.record(recorder=recording)
        @staticmethod
        def close(hour):
            return hour

        @classmethod
        @mcplens.record(recorder=recording)
        def open(cls, hour):
            return hour

    assert Shop().sell("tea") == "tea"
    assert Shop.close(18) == 18
    assert Shop.open(8) == 8

    found = recorded_calls(recording, store)
    assert [(call.target, json.loads(call.arguments_shape)) for call in found] == [
        ("sell", {"item": "string(3)"}),
        ("close", {"hour": "integer"}),
        ("open", {"hour": "integer"}),
    ]


def test_objects_that_json_cannot_say_are_kept_by_kind(store):
    with Recorder(store, observer="server", keep="full") as recorder:

        @mcplens.record(recorder=recorder)
        def paint(canvas, colours):
            return canvas

        class Canvas:
            def __repr__(self):
                raise RuntimeError

        paint(Canvas(), (1, {"deep": [Canvas()]}))

    [call] = calls(store.path)
    assert json.loads(call.arguments) == {
        "canvas": "<Canvas>",
        "colours": [1, {"deep": ["<Canvas>"]}],
    }
    assert json.loads(call.result) == {"content": [], "value": "<Canvas>"}


def test_it_can_note_what_it_did_also_from_a_thread(recording, store):
    def send(number):
        mcplens.note(sent=f"mail {number}", cost_usd=0.25)

    @mcplens.record(recorder=recording)
    async def send_all():
        mcplens.note(checkpoint="begun")
        await asyncio.to_thread(send, 1)
        await anyio.to_thread.run_sync(send, 2)

    asyncio.run(send_all())

    [call] = recorded_calls(recording, store)
    assert call.side_effects == [
        SideEffect(kind="sent", target="mail 1"),
        SideEffect(kind="sent", target="mail 2"),
    ]
    assert (call.cost_usd, call.checkpoint, call.note_basis) == (0.5, "begun", "tool")


def test_two_calls_at_once_keep_their_notes_apart(recording, store):
    @mcplens.record(recorder=recording)
    async def work(name):
        mcplens.note(checkpoint=name)
        await asyncio.sleep(0.01)
        mcplens.note(upstream=name)

    async def run():
        await asyncio.gather(work("one"), work("two"))

    asyncio.run(run())

    found = recorded_calls(recording, store)
    assert {(call.checkpoint, call.upstream) for call in found} == {("one", "one"), ("two", "two")}


def test_under_an_sdks_decorator_the_schema_is_still_made(recording, store):
    from mcp.server import MCPServer

    server = MCPServer("shop")

    @server.tool()
    @mcplens.record(recorder=recording)
    async def sell(item: str, count: int = 1) -> str:
        """Sell something."""
        return f"{count} {item}"

    [tool] = asyncio.run(server.list_tools())

    assert tool.description == "Sell something."
    assert tool.input_schema["properties"].keys() == {"item", "count"}
    assert tool.input_schema["required"] == ["item"]


def test_a_generator_is_refused():
    def numbers():
        yield 1

    with pytest.raises(UsageError, match="numbers is a generator"):
        mcplens.record(numbers)


def test_trouble_in_the_recorder_stays_there():
    def broken():
        raise RuntimeError

    from mcplens.capture.function import record_function

    add = record_function(lambda a, b: a + b, recorder=broken)

    assert add(1, 2) == 3


def test_of_much_no_more_is_looked_at_than_a_call_can_wait_for(store):
    matrix = [[0.0] * 1000] * 1000

    with Recorder(store, observer="server", keep="full") as recorder:
        mcplens.record(lambda matrix, text: text in matrix, recorder=recorder)(matrix, "short")

    [call] = calls(store.path)
    assert json.loads(call.arguments) == {"matrix": ["<list>"] * 1000, "text": "short"}


def test_arguments_that_refuse_to_be_looked_at_cost_no_call(store):
    class Key:
        def __str__(self):
            raise RuntimeError

    with Recorder(store, observer="server", keep="full") as recorder:
        mcplens.record(lambda by_key: not by_key, recorder=recorder)({Key(): 1})

    [call] = calls(store.path)
    assert (call.outcome, json.loads(call.arguments)) == ("ok", {"by_key": "<dict>"})


def test_what_waits_to_be_read_is_bounded_by_its_weight():
    recorder = Recorder(None, observer="server")
    recorder.close()  # Nobody reads any more.
    keep = mcplens.record(lambda text: not text, recorder=recorder)

    for number in range(100):
        keep(f"{number:01000000}")

    [tap] = recorder._drain._sources
    tap.give_up()
    # 63 calls of a little more than a megabyte fit; each was noted at its begin and at its end.
    assert recorder.lost_count == 63 * 2 + 37


def test_a_call_thrown_away_half_done_ends_quietly(recording, store):
    @mcplens.record(recorder=recording)
    async def wait():
        await asyncio.Event().wait()

    async def begin():
        waiting = wait()
        contextvars.copy_context().run(waiting.send, None)
        waiting.close()

    asyncio.run(begin())

    [call] = recorded_calls(recording, store)
    assert call.outcome == "disconnected"


def test_functions_made_again_and_again_do_not_pile_up():
    recorder = Recorder(None, observer="server")

    for _ in range(10):
        mcplens.record(lambda: None, recorder=recorder)()

    until(lambda: not recorder._drain._sources)
    recorder.close()


def test_under_another_decorator_an_async_function_ends_when_it_was_awaited(recording, store):
    async def fetch():
        await asyncio.sleep(0)
        mcplens.note(checkpoint="half way")
        raise ConnectionError("HTTP 429 Too Many Requests")

    fetch_it = mcplens.record(lambda: fetch(), recorder=recording)  # noqa: PLW0108  as of `wraps`

    with suppress(ConnectionError):
        asyncio.run(fetch_it())

    [call] = recorded_calls(recording, store)
    assert (call.outcome, call.error_class) == ("tool_error", "rate_limited")
    assert call.checkpoint == "half way"


def test_an_error_that_cannot_say_what_it_is_costs_no_later_call(recording, store):
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError

    @mcplens.record(recorder=recording)
    def work(error):
        if error:
            raise error

    with suppress(MuteError):
        work(MuteError())
    work(None)

    assert [call.outcome for call in recorded_calls(recording, store)] == ["tool_error", "ok"]
