"""The observer around a plain function, which is taken for a tool of its module.

Its arguments are known by the names in its signature. What it raises is its failure, and goes on to
the caller as it would have.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.function_tap import Called, FunctionFacts, FunctionTap
from mcplens.errors import UsageError

if TYPE_CHECKING:
    from mcplens.capture.recorder import Recorder


_RECEIVERS: Final = ("self", "cls", "mcs")


def record_function(
    function: Any, *, recorder: Callable[[], Recorder], server_name: str | None = None
) -> Any:
    """Record the calls of a function; gives one that can stand wherever it stood.

    Args:
        function: A function or a method, with `def` or `async def`.
        recorder: Gives the run to record into, at each use.
        server_name: What to call what the function belongs to; its module unless given.

    Raises:
        UsageError: it is a generator, whose call is over before it has done anything.
    """
    if isinstance(function, (staticmethod, classmethod)):
        inner = record_function(function.__func__, recorder=recorder, server_name=server_name)
        return type(function)(inner)
    facts = _facts_of(function, server_name)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(
            f"{facts.name} is a generator: its call is over before it does anything. "
            "Record the function that uses it"
        )
    watch = _Watch(facts, recorder)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def recorded_async(*args: Any, **kwargs: Any) -> Any:
            with watch.call(args, kwargs) as called:
                result = called.result = await function(*args, **kwargs)
            return result

        return recorded_async

    @functools.wraps(function)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        with watch.call(args, kwargs) as called:
            result = called.result = function(*args, **kwargs)
        return _awaited(called, result) if inspect.iscoroutine(result) else result

    return recorded


async def _awaited(called: Called, coroutine: Coroutine[Any, Any, Any]) -> Any:
    with called:
        result = called.result = await coroutine
    return result


class _Watch:
    """Notes the calls of one function into the recorder of the process."""

    def __init__(self, facts: FunctionFacts, recorder: Callable[[], Recorder]) -> None:
        self._facts = facts
        self._recorder = recorder
        self._tap: FunctionTap | None = None

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Called:
        """Note that the function is called; never raises."""
        try:
            return Called(self._tap_of_process(), self._facts, args, kwargs)
        except Exception:  # noqa: BLE001  watching never harms the watched
            return Called(None, self._facts, (), {})

    def _tap_of_process(self) -> FunctionTap:
        recorder = self._recorder()
        tap = self._tap
        if tap is None or tap.recorder is not recorder:
            tap = self._tap = FunctionTap(recorder, self._facts)
            recorder.attach(tap)
            # Functions that are made again and again, as inside of others, must not pile up.
            weakref.finalize(self, tap.end).atexit = False
        return tap


def _facts_of(function: Any, server_name: str | None) -> FunctionFacts:
    inner = function.func if isinstance(function, functools.partial) else function
    name = getattr(inner, "__name__", type(inner).__name__)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # Written in C, and says nothing.
        signature = None
    owner = getattr(inner, "__qualname__", name).rpartition("<locals>.")[2]
    first = next(iter(signature.parameters), None) if signature else None
    # What a class will make of it is not known yet; what everybody calls it is.
    is_method = "." in owner and first in _RECEIVERS
    return FunctionFacts(
        name=name,
        module=server_name or _module_of(inner),
        signature=signature,
        is_method=is_method,
        is_async=inspect.iscoroutinefunction(function),
        description=inspect.getdoc(inner),
    )


def _module_of(function: Any) -> str | None:
    module = getattr(function, "__module__", None)
    if module != "__main__":
        return module
    # A program that is run by its file is called by it.
    file = getattr(function, "__globals__", {}).get("__file__")
    return Path(file).stem if file else module
