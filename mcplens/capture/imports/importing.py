"""Importing files into a store: one run for all that is imported at once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcplens.capture.imports.intake import Intake
from mcplens.capture.imports.registry import FORMATS, detect, not_understood
from mcplens.capture.imports.source import Source
from mcplens.capture.recorder import Recorder
from mcplens.config import NO_SETTINGS, Settings
from mcplens.errors import UsageError
from mcplens.store.known import known_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mcplens.capture.imports.counts import Counts
    from mcplens.capture.imports.format import Format
    from mcplens.store.layout import Store

GROWING_S: Final = 3600.0
"""A file written to within this time may still grow: what is open in it is left for later."""

_CLOSE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of one file."""

    path: Path
    format: Format
    counts: Counts
    trouble: str | None = None
    """Why it was not read to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRun:
    """What became of all files."""

    run_id: str
    files: tuple[Imported, ...]
    not_understood: tuple[tuple[Path, str], ...] = ()
    """Every file that no format knows, or that cannot be read, with the one line about it."""

    @property
    def call_count(self) -> int:
        """How many events are new in the store."""
        return sum(one.counts.calls for one in self.files)


def import_files(
    paths: Sequence[Path],
    *,
    store: Store,
    label: str | None = None,
    format_name: str | None = None,
    server_name: str | None = None,
    unit: str | None = None,
    settings: Settings = NO_SETTINGS,
    now: Callable[[], float] = time.time,
    on_read: Callable[[Path, int], None] = lambda _path, _count: None,
) -> ImportRun:
    """Read files and write what is new in them into a store.

    Args:
        paths: The files.
        store: Where the calls go.
        label: The run's name; the file's unless given.
        format_name: What all files are, instead of what each is recognised as.
        server_name: What to call the server, instead of what the files call it.
        unit: The unit of durations that name none.
        settings: What mcplens.toml says.
        now: What time it is, in seconds since 1970.
        on_read: Told how many bytes of a file have been read.

    Raises:
        StoreError: the store cannot be read or written.
        UsageError: there is no format of that name.
    """
    told = _format_named(format_name)
    refused: list[tuple[Path, str]] = []
    chosen: list[tuple[Path, Format]] = []
    for path in paths:
        try:
            chosen.append((path, told or _format_of(path)))
        except UsageError as error:
            refused.append((path, str(error)))
    with Recorder(
        store,
        observer="import",
        label=label or (paths[0].name if len(paths) == 1 else f"{len(paths)} files"),
        settings=settings,
        is_lazy=True,
        say=lambda _: None,  # What is in trouble is raised.
    ) as recorder:
        intake = Intake(recorder, known=known_rows(store), server_name=server_name, unit=unit)
        files = [_import_one(path, known, intake, now(), on_read) for path, known in chosen]
        intake.end()
        recorder.wait_for_room()
        recorder.close(_CLOSE_S)
    return ImportRun(run_id=recorder.run_id, files=tuple(files), not_understood=tuple(refused))


def _import_one(
    path: Path,
    known: Format,
    intake: Intake,
    now_s: float,
    on_read: Callable[[Path, int], None],
) -> Imported:
    intake.begin(path, is_growing=_written_at(path) > now_s - GROWING_S)
    trouble = None
    try:
        known.read(Source(path, on_read=lambda count: on_read(path, count)), intake)
    except UsageError as error:  # What was read until then stands.
        trouble = str(error)
    return Imported(path=path, format=known, counts=intake.counts, trouble=trouble)


def _format_named(name: str | None) -> Format | None:
    if name is None:
        return None
    if name not in FORMATS:
        raise UsageError(f'there is no format "{name}". Known are: {", ".join(FORMATS)}')
    return FORMATS[name]


def _format_of(path: Path) -> Format:
    head = Source(path).head()
    found = detect(head)
    if found is None:
        raise not_understood(path, head)
    return found


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
