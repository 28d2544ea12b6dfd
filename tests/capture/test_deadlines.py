import asyncio
import sys
from types import SimpleNamespace

import anyio
import pytest

from mcplens.capture import deadlines
from mcplens.capture.deadlines import deadline_of_task, is_late


def is_late_for(within, wait=lambda: asyncio.sleep(60)):
    """Let something wait within a scope, and tell whether it was said to be ended by its time."""
    seen = []

    async def watched():
        deadline = deadline_of_task()
        try:
            await wait()
        except BaseException as error:
            seen.append(is_late(deadline, error))
            raise

    async def run():
        with anyio.CancelScope() as scope:
            within(scope)
            await watched()

    asyncio.run(run())
    return seen


def time_is_up(scope):
    scope.deadline = anyio.current_time() + 0.01


def caller_gives_up(scope):
    asyncio.get_running_loop().call_soon(scope.cancel, "no longer wanted")


async def wait_and_raise_anew():
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        raise asyncio.CancelledError  # noqa: B904


@pytest.fixture
def silent_anyio(monkeypatch):
    """Let anyio say no reasons, as it did before 4.11."""
    monkeypatch.setattr(deadlines, "_tells_reasons", lambda _anyio: False)
    monkeypatch.setattr(deadlines, "_FOR_TIME", "never said")


def test_a_cancel_that_says_so_is_the_deadlines():
    assert is_late_for(time_is_up) == [True]
    assert is_late_for(time_is_up, wait_and_raise_anew) == [True]
    assert is_late_for(caller_gives_up) == [False]


@pytest.mark.usefixtures("silent_anyio")
def test_where_no_reason_is_said_the_deadline_is_asked_for_beforehand():
    assert is_late_for(time_is_up) == [True]
    assert is_late_for(caller_gives_up) == [False]


async def ask():
    with anyio.fail_after(60):
        await asyncio.sleep(0)
        return deadline_of_task()


def test_nothing_is_asked_for_where_the_cancel_says_it():
    assert asyncio.run(ask()) is None


def test_trio_is_asked_beforehand(monkeypatch):
    monkeypatch.setitem(sys.modules, "trio", SimpleNamespace())

    assert asyncio.run(ask()) > 0


def test_words_of_anybody_else_are_not_anyios():
    anyios = "Cancelled via cancel scope 1; reason: deadline exceeded"

    assert is_late(None, asyncio.CancelledError(anyios))
    assert not is_late(None, asyncio.CancelledError("my reason: deadline exceeded"))
    assert not is_late(None, TimeoutError(anyios))
