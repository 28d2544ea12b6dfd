"""Calling real servers from plain functions."""

import asyncio
import os
import signal
import sys
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mcplens.capture.client import record_transport
from mcplens.capture.recorder import Recorder
from mcplens.errors import CallError, TargetError
from mcplens.probe.server import running
from mcplens.probe.target import parse_target
from mcplens.store.location import create
from tests.spooled import calls

SERVERS = Path(__file__).parent.parent / "servers"


def target(script, *arguments):
    return parse_target(f"{sys.executable} {SERVERS / script} {' '.join(arguments)}")


@pytest.fixture
def plain():
    with running(target("plain.py"), call_timeout_ms=300) as server:
        yield server


def test_a_call_gives_text_structure_and_content(plain):
    result = plain.call("add", a=1, b=2)

    assert result.text == '{"sum": 3}'
    assert result.structured == {"sum": 3}
    assert result.content == [{"type": "text", "text": '{"sum": 3}'}]
    assert not result.is_error


def test_an_error_that_the_tool_answers_is_a_result(plain):
    result = plain.call("fail")

    assert (result.is_error, result.text, result.code) == (True, "could not be done", None)


def test_a_refusal_by_the_server_is_a_result_with_its_code(plain):
    result = plain.call("no_such_tool")

    assert (result.is_error, result.code) == (True, -32602)
    assert result.text == "Unknown tool: no_such_tool"


def test_an_argument_may_be_called_tool_or_self(plain):
    assert plain.call("echo", text="x", tool="y", self="z").text == "x"


@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        ("hang", "hang: no answer within 300 ms"),
        ("malform", "malform: the answer is no MCP result: content: Input should be a valid list"),
        (
            "lie",
            "lie: Invalid structured content returned by tool lie: 'seven' is not of type 'number'",
        ),
        ("die", "die: no answer, as the server ended the connection"),
    ],
)
def test_no_usable_answer_is_an_error_with_the_end_of_stderr(plain, tool, reason):
    with pytest.raises(CallError) as failed:
        plain.call(tool)

    sentence, *tail = str(failed.value).splitlines()
    assert sentence == f"{reason}; its stderr ends:"
    assert "    plain server is up" in tail


def test_after_a_timeout_the_server_can_be_called_again(plain):
    with pytest.raises(CallError):
        plain.call("hang")

    assert plain.call("echo", text="still here").text == "still here"


def test_the_tools_are_listed_when_the_server_starts(plain):
    assert {"echo", "add"} < set(plain.tools)
    assert plain.tools["echo"].input_schema["required"] == ["text"]
    assert plain.tools["echo"].annotations["readOnlyHint"] is True


def test_stderr_is_what_the_server_wrote_so_far(plain):
    assert plain.stderr == "plain server is up\n"

    with pytest.raises(CallError):
        plain.call("die")

    assert plain.stderr == "plain server is up\nabout to die\n"


def test_a_server_of_the_stateless_era_is_called_the_same_way():
    with running(target("good.py")) as server:
        assert server.call("add", a=1, b=2).structured == {"result": 3}
        assert set(server.tools) == {"echo", "add"}


def test_it_can_be_called_inside_a_running_event_loop(plain):
    async def main():
        return plain.call("echo", text="x").text

    assert asyncio.run(main()) == "x"


def test_it_can_be_called_from_several_threads(plain):
    texts = []
    threads = [
        threading.Thread(target=lambda i=i: texts.append(plain.call("echo", text=str(i)).text))
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(texts) == list("01234567")


def test_a_call_that_is_interrupted_is_cancelled(tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    store = create(tmp_path / "store")
    before = signal.signal(signal.SIGUSR1, interrupt)
    with (
        Recorder(store, observer="client") as recorder,
        running(
            target("plain.py"),
            tap=lambda transport: record_transport(transport, recorder=recorder),
        ) as server,
    ):
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(KeyboardInterrupt):
            server.call("hang")
        assert server.call("echo", text="on we go").text == "on we go"
    signal.signal(signal.SIGUSR1, before)

    assert [event.outcome for event in calls(store.path)] == ["cancelled", "ok"]


def test_the_time_to_start_is_not_a_time_to_live():
    with running(target("plain.py"), start_timeout_ms=2000) as server:
        assert server.call("sleep", ms=2100).text == "slept"


def test_the_server_inherits_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SERVER_KEY", "from the shell")
    script = tmp_path / "server.py"
    script.write_text("import os, sys; sys.exit(os.environ['SERVER_KEY'])")

    with (
        pytest.raises(TargetError, match="from the shell"),
        running(parse_target(f"{sys.executable} {script}")),
    ):
        pass


def test_leaving_the_block_ends_the_server(tmp_path):
    pid_file = tmp_path / "pid"
    script = tmp_path / "server.py"
    script.write_text(
        f"import os, runpy; open({str(pid_file)!r}, 'w').write(str(os.getpid()))\n"
        f"runpy.run_path({str(SERVERS / 'plain.py')!r}, run_name='__main__')"
    )

    with running(parse_target(f"{sys.executable} {script}")):
        pid = int(pid_file.read_text())
        os.kill(pid, 0)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("true", "true: ended before it answered as an MCP server"),
        ("cat", "cat: does not speak MCP: Method not found"),
        (
            "sleep 60",
            (
                "sleep 60: no MCP server answered within 300 ms; "
                "a target must speak MCP on stdin and stdout"
            ),
        ),
    ],
)
def test_a_command_that_is_no_server_is_told_in_one_line(command, reason):
    with pytest.raises(TargetError) as failed, running(parse_target(command), start_timeout_ms=300):
        pass

    assert str(failed.value) == reason


def test_a_server_that_dies_at_its_start_shows_the_end_of_its_stderr():
    with (
        pytest.raises(TargetError) as failed,
        running(parse_target(f"{sys.executable} -c 'import no_such_module'")),
    ):
        pass

    assert str(failed.value).endswith("No module named 'no_such_module'")


def test_a_fault_of_the_observer_is_not_blamed_on_the_server():
    @asynccontextmanager
    async def broken(transport):
        raise AttributeError("a mistake of ours")
        yield

    with pytest.raises(AttributeError), running(target("plain.py"), tap=broken):
        pass
