"""Everything the doctor looks at, each in a sentence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mcplens.capture.doctor.measuring import Measured, in_turns, measured
from mcplens.capture.doctor.on_the_path import (
    example_row,
    measure_record,
    measure_round_trips,
)
from mcplens.config import find_settings, read_settings
from mcplens.errors import McplensError
from mcplens.store.files import cause
from mcplens.store.layout import Store
from mcplens.store.location import create
from mcplens.store.place import (
    beside_parquet,
    disk_speed,
    free_bytes,
    nearest_folder,
    trial_folder,
    why_no_locks,
)
from mcplens.store.spool import Spool
from mcplens.units import counted, format_bytes, format_ms

if TYPE_CHECKING:
    from mcplens.events import Event

LITTLE_ROOM: Final = 1_000_000_000
"""Free bytes below which a store may fill its disk."""
MUCH_US: Final = 200.0
"""Added to a call, in µs, from which a proxy is felt by nobody but seen in numbers."""
COARSE_NS: Final = 10_000
"""A step of the clock above which short calls cannot be told apart."""
BYTES_A_CALL: Final = 1_000
"""What a call takes in the spool; in Parquet it is a tenth."""
_WRITES: Final = 30
_BATCH: Final = 64


class Check(NamedTuple):
    """One thing the doctor looked at."""

    check: str
    finding: str
    """What was found, as a sentence."""
    is_ok: bool = True
    advice: str | None = None
    """What to do where something is wrong."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str | None = None


def examine(path: Path) -> Iterator[Check]:
    """Look at everything, one after the other; what cannot be measured says why."""
    if path.exists() and not path.is_dir():
        yield Check(
            "store",
            f"{path} is a file, and a store is a folder",
            is_ok=False,
            advice="Name a folder with --store",
        )
    try:
        with trial_folder(path) as folder:
            yield from _measures(folder)
            yield _speed(folder)
            yield _locks(folder)
    except OSError as trouble:
        yield Check(
            "place",
            f"nothing can be written in {nearest_folder(path)} ({cause(trouble)})",
            is_ok=False,
            advice="Allow writing there, or name another place with --store",
        )
    yield _room(path)
    yield _clock()
    yield _settings()
    if (path / "manifest.json").exists():
        yield _beside_parquet(Store(path))


def _measures(folder: Path) -> Iterator[Check]:
    measures = (
        ("proxy", "a call through the proxy", _proxy),
        ("record", "record()", _record),
        ("spool", "the spool", _spool),
    )
    for check, what, measure in measures:
        try:
            yield measure(folder / check)
        except (OSError, McplensError) as trouble:
            yield Check(
                check,
                f"{what} could not be measured ({trouble})",
                is_ok=False,
                advice="Look into it with: mcplens record -- cat",
            )


def _proxy(folder: Path) -> Check:
    trips = measure_round_trips(folder)
    cat = "" if trips.cat_adds is None else f"; `cat` on both sides adds {_range(trips.cat_adds)}"
    is_much = trips.proxy_adds.low > MUCH_US
    return Check(
        "proxy",
        f"a call through the proxy takes {_range(trips.proxy_adds)} longer than the "
        f"{format_ms(trips.bare.median / 1000)} it takes directly{cat}",
        is_ok=not is_much,
        advice="Measure again when the machine has less to do" if is_much else None,
        value=trips.proxy_adds.median,
        low=trips.proxy_adds.low,
        high=trips.proxy_adds.high,
        unit="us",
    )


def _record(folder: Path) -> Check:
    took = measure_record(folder)
    return Check(
        "record",
        f"inside a client or a server, handing over a row takes {_range(took)}",
        value=took.median,
        low=took.low,
        high=took.high,
        unit="us",
    )


def _spool(folder: Path) -> Check:
    rows: list[Event] = [example_row() for _ in range(_BATCH)]
    spool = Spool(create(folder), run_id="doctor")

    def write() -> float:
        begin = time.perf_counter_ns()
        spool.write(rows)
        return (time.perf_counter_ns() - begin) / 1000 / _BATCH

    try:
        took = measured(in_turns({"write": write}, rounds=_WRITES)["write"])
    finally:
        spool.close()
    return Check(
        "spool",
        f"writing a row takes {_range(took)}, on a thread that no call waits for",
        value=took.median,
        low=took.low,
        high=took.high,
        unit="us",
    )


def _speed(folder: Path) -> Check:
    speed = disk_speed(folder)
    return Check(
        "disk",
        f"the disk takes {format_bytes(speed.bytes_per_s)} a second, and "
        f"{format_ms(speed.sync_ms)} to save a write for good, which no recorder waits for",
        value=speed.bytes_per_s,
        unit="bytes/s",
    )


def _locks(folder: Path) -> Check:
    trouble = why_no_locks(folder)
    if trouble is None:
        return Check("locks", "files can be locked, so that readers know who still writes")
    return Check(
        "locks",
        f"files cannot be locked there ({trouble}), so nobody can tell which recorders are dead",
        is_ok=False,
        advice="Keep the store on a disk of this machine: name one with --store or $MCPLENS_STORE",
    )


def _room(path: Path) -> Check:
    free = free_bytes(path)
    is_little = free < LITTLE_ROOM
    # No more digits than the guess is worth.
    calls = free // BYTES_A_CALL
    calls -= calls % 10 ** max(0, len(str(calls)) - 2)
    return Check(
        "room",
        f"{format_bytes(free)} are free, enough for at least {counted(calls, 'call')}",
        is_ok=not is_little,
        advice="Make room, or name another disk with --store" if is_little else None,
        value=free,
        unit="bytes",
    )


def _settings() -> Check:
    try:
        file = find_settings()
        read_settings(file)
    except McplensError as trouble:
        return Check(
            "settings",
            f"recorders keep no contents, since their settings are in trouble: {trouble}",
            is_ok=False,
            advice="Mend the file, and look again with: mcplens store doctor",
        )
    if file is None:
        return Check("settings", "there is no mcplens.toml, and none is needed")
    return Check("settings", f"{file} is understood")


def _clock() -> Check:
    steps = []
    for _ in range(1000):
        first = now = time.monotonic_ns()
        while now == first:
            now = time.monotonic_ns()
        steps.append(now - first)
    step = min(steps)
    is_coarse = step > COARSE_NS
    return Check(
        "clock",
        f"the clock tells {format_ms(step / 1e6)} apart",
        is_ok=not is_coarse,
        advice="Read times below that as nothing" if is_coarse else None,
        value=step,
        unit="ns",
    )


def _beside_parquet(store: Store) -> Check:
    try:
        there = beside_parquet(store)
    except (OSError, McplensError) as trouble:
        return Check("store", f"the store cannot be read ({trouble})", is_ok=False)
    found = [
        f"{counted(there.living_parts, 'recorder')} at work" if there.living_parts else "",
        f"{counted(there.dead_parts, 'part')} of recorders that ended, which the next recording "
        "puts into Parquet and every reader reads meanwhile"
        if there.dead_parts
        else "",
        f"{counted(there.quarantined, 'file')} in quarantine" if there.quarantined else "",
    ]
    said = ", ".join(part for part in found if part)
    return Check(
        "store",
        f"the store holds {said}" if said else "no recorder left anything behind",
        is_ok=not there.quarantined,
        advice=f"See why in {store.quarantine}" if there.quarantined else None,
        value=there.dead_parts,
        unit="parts",
    )


def _range(took: Measured) -> str:
    low, high = format_ms(took.low / 1000), format_ms(took.high / 1000)
    return f"{format_ms(took.median / 1000)} ({low} to {high})"
