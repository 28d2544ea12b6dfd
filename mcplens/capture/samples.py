"""What a server process uses: CPU, memory and disk, with all the processes it started.

Looked at every few seconds on the recorder's thread, and once more at its end, when the system says
what it used in all. What the system does not tell stays unknown, and none of it disturbs the
recording.
"""

from __future__ import annotations

import sys
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcplens.events import SCHEMA_VERSION, Sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from resource import struct_rusage

    from mcplens.capture.recorder import Recorder

FIRST_NS: Final = 2_000_000_000
"""When a server is looked at first, after its start; most are up by then."""

EVERY_NS: Final = 5_000_000_000
"""How often it is looked at."""

_MAX_PROCESSES: Final = 200
_BLOCK: Final = 512
"""What the system counts disk blocks in, at a process's end."""


class Usage(NamedTuple):
    """What a process and those it started use; None is unknown."""

    cpu_ms: float | None = None
    memory_bytes: int | None = None
    peak_memory_bytes: int | None = None
    disk_read_bytes: int | None = None
    disk_write_bytes: int | None = None


class Sampler:
    """Looks at one server process; a source of the recorder."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        connection_id: str,
        process_id: int,
        started_ns: int,
        look: Callable[[int], Usage | None] | None = None,
    ) -> None:
        self._recorder = recorder
        self._connection_id = connection_id
        self._process_id = process_id
        self._look = look or usage_of
        self._due_ns = started_ns + FIRST_NS
        self._numbers = count(1)

    def work(self) -> bool:
        """Look at the process if it is time."""
        now = self._recorder.clock.ns()
        if now >= self._due_ns:
            # From now on: after a machine slept, one look is enough.
            self._due_ns = now + EVERY_NS
            usage = self._look(self._process_id)
            if usage is None:
                self._recorder.detach(self)
            else:
                self._write(usage, now)
        return False

    def give_up(self) -> None:
        """Leave it: a look that there was no time for is none that was lost."""

    def end(self, used: struct_rusage | None, *, ns: int) -> None:
        """Write what the process used in all, as the system told at its end."""
        self._recorder.detach(self)
        if used is not None:
            self._write(usage_at_end(used), ns)

    def _write(self, usage: Usage, ns: int) -> None:
        self._recorder.record(
            Sample(
                run_id=self._recorder.run_id,
                schema_version=SCHEMA_VERSION,
                sample_id=f"{self._connection_id}-s{next(self._numbers)}",
                connection_id=self._connection_id,
                sampled_at=self._recorder.clock.utc(ns),
                **usage._asdict(),
            )
        )


def usage_at_end(used: struct_rusage, *, platform: str = sys.platform) -> Usage:
    """Read what the system says of a process that ended, and of those it waited for."""
    is_linux = platform == "linux"
    return Usage(
        cpu_ms=(used.ru_utime + used.ru_stime) * 1000,
        # Of the largest process among them; Linux counts in kB.
        peak_memory_bytes=used.ru_maxrss * (1024 if is_linux else 1),
        # Elsewhere it counts operations of unknown size.
        disk_read_bytes=used.ru_inblock * _BLOCK if is_linux else None,
        disk_write_bytes=used.ru_oublock * _BLOCK if is_linux else None,
    )


def usage_of(process_id: int) -> Usage | None:
    """Look at a process and all it started; None when it cannot be looked at any more."""
    try:
        import psutil  # Slow to load, and a short connection never needs it.

        process = psutil.Process(process_id)
        family = [process, *process.children(recursive=True)][:_MAX_PROCESSES]
    except Exception:  # noqa: BLE001  not there, not allowed, no such system: all the same here
        return None
    return _sum(_usage_of_one(member) for member in family)


def _usage_of_one(process: Any) -> Usage:
    times = _ask(process, "cpu_times")
    # A child that ended is in its parent's count, and no longer in the family.
    seconds = None if times is None else _cpu_seconds(times)
    memory = _ask(process, "memory_info")
    disk = _ask(process, "io_counters")
    return Usage(
        cpu_ms=None if seconds is None else seconds * 1000,
        memory_bytes=getattr(memory, "rss", None),
        disk_read_bytes=getattr(disk, "read_bytes", None),
        disk_write_bytes=getattr(disk, "write_bytes", None),
    )


def _cpu_seconds(times: Any) -> float:
    names = ("user", "system", "children_user", "children_system")
    return float(sum(getattr(times, name, 0.0) for name in names))


def _ask(process: Any, question: str) -> Any:
    try:
        return getattr(process, question)()
    except Exception:  # noqa: BLE001  gone meanwhile, not allowed, not known on this system
        return None


def _sum(usages: Any) -> Usage:
    columns = zip(*usages, strict=True)
    known = ([value for value in column if value is not None] for column in columns)
    return Usage(*(sum(values) if values else None for values in known))
