"""Turning closed spool parts into Parquet, in a process of its own.

Run as `python -m mcplens.store.seal STORE [--compact]`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from mcplens.errors import McplensError
from mcplens.events import SCHEMA_VERSION
from mcplens.store.commit import OnStep, begin, commit, delete_retired, quarantine
from mcplens.store.files import locked
from mcplens.store.lines import BadLine, newest_schema, read_lines
from mcplens.store.location import open_store
from mcplens.store.manifest import Manifest, load_manifest
from mcplens.store.parts import Part, has_writer, list_parts
from mcplens.store.reading import SetAside, newer_schema
from mcplens.store.rows import RowCollector

if TYPE_CHECKING:
    from mcplens.store.layout import Store

GRACE_S = 3600.0
"""How long replaced files stay, for readers that began before."""

_BYTES_AT_A_TIME = 32_000_000


@dataclass(slots=True, kw_only=True)
class SealReport:
    """What a sealing did."""

    part_count: int = 0
    row_count: int = 0
    torn_count: int = 0
    """Last lines without an end, as a killed writer leaves them."""
    quarantined_count: int = 0
    set_aside: list[SetAside] = field(default_factory=list)
    """Parts that were left where they are, and why."""
    is_busy: bool = False
    """Whether another process was at it, which will do what is left."""


def seal(
    store: Store,
    *,
    grace_s: float = GRACE_S,
    clock: Callable[[], float] = time.time,
    on_step: OnStep = lambda _: None,
) -> SealReport:
    """Turn every spool part that nobody writes to into Parquet.

    Raises:
        StoreError: the manifest cannot be read.
    """
    report = SealReport()
    declined: set[Path] = set()
    while True:
        with locked(store.lock) as is_ours:
            if not is_ours:
                report.is_busy = True
                return report
            manifest = begin(store)
            group = _next_group(store, manifest, declined, report)
            if group:
                _seal_group(store, manifest, group, report, now=clock(), on_step=on_step)
            else:
                delete_retired(store, manifest, grace_s=grace_s, now=clock(), on_step=on_step)
        # Asked again without the lock: who found it taken a moment ago relies on us.
        if not group and not _closed_parts(store, load_manifest(store)[0], declined):
            return report


def main(arguments: list[str]) -> int:
    """Seal one store, and say nothing unless it fails."""
    os.nice(10)
    try:
        seal(open_store(Path(arguments[0])))
    except McplensError as trouble:
        sys.stderr.write(f"mcplens: {trouble}\n")
        return trouble.exit_code
    return 0


def _next_group(
    store: Store, manifest: Manifest, declined: set[Path], report: SealReport
) -> list[Part]:
    group: list[Part] = []
    room = _BYTES_AT_A_TIME
    for part in _closed_parts(store, manifest, declined):
        version = newest_schema(part.path)
        if version > SCHEMA_VERSION:
            declined.add(part.path)
            report.set_aside.append(SetAside(part.path, newer_schema(part.path, version)))
            continue
        room -= part.path.stat().st_size
        if group and room < 0:
            break
        group.append(part)
    return group


def _closed_parts(store: Store, manifest: Manifest, declined: set[Path]) -> list[Part]:
    """List the parts that can be sealed; a run's parts only up to the first that cannot."""
    retired = {file.path for file in manifest.retired}
    standing = [part for part in list_parts(store) if store.relative(part.path) not in retired]
    closed = []
    for _, parts in groupby(standing, key=lambda part: part.run_id):
        for part in parts:
            if part.path in declined or has_writer(part):
                break
            closed.append(part)
    return closed


def _seal_group(
    store: Store,
    manifest: Manifest,
    group: list[Part],
    report: SealReport,
    *,
    now: float,
    on_step: OnStep,
) -> None:
    collector = RowCollector(manifest.unfinished)
    bad: dict[Part, list[BadLine]] = {}
    for part in group:
        bad[part] = []
        for line in read_lines(part.path):
            if not isinstance(line, BadLine):
                collector.add(line)
            elif line.is_torn:
                report.torn_count += 1
            else:
                bad[part].append(line)
    outputs, unfinished = collector.finish()
    bad[group[0]].extend(collector.bad_lines)
    for part, lines in bad.items():
        _quarantine_lines(store, part, lines)
    commit(
        store,
        manifest,
        name=group[0].path.stem,
        outputs=outputs,
        retire=[store.relative(part.path) for part in group],
        unfinished=unfinished,
        now=now,
        on_step=on_step,
    )
    report.part_count += len(group)
    report.row_count += collector.row_count
    report.quarantined_count += sum(map(len, bad.values()))


def _quarantine_lines(store: Store, part: Part, lines: Iterable[BadLine]) -> None:
    if lines:
        quarantine(
            store,
            part.path.name,
            content=b"".join(line.content for line in lines),
            reasons=[f"{store.relative(part.path)}, {line.reason}" for line in lines],
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
