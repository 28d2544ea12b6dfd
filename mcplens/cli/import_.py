"""`mcplens import`: logs and traces that already exist."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mcplens.cli.options import typed
from mcplens.cli.output import Output
from mcplens.cli.record import KEEP
from mcplens.cli.saying import short_path
from mcplens.errors import UsageError
from mcplens.reports.text import printable
from mcplens.units import counted, format_bytes

if TYPE_CHECKING:
    from mcplens.capture.imports.importing import Imported, ImportRun
    from mcplens.config import Keep

UNITS: Final = ("ns", "us", "ms", "s")
"""The units of durations."""


@click.command("import", short_help="Read logs and traces that already exist.")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--store", metavar="DIR", help="Import into this store.")
@click.option("--label", metavar="LABEL", help="Name the run. Default: the file's name.")
@click.option("--server", metavar="NAME", help="Name the server. Default: what the file says.")
@click.option("--format", "format_name", metavar="NAME", help="Read the files as this format.")
@click.option("--unit", type=click.Choice(UNITS), help="Unit of durations that name none.")
@click.option("--keep", type=click.Choice(KEEP), help="What of contents to keep. Default: shape.")
def import_(  # noqa: PLR0917  click gives them by name
    paths: tuple[Path, ...],
    store: str | None,
    label: str | None,
    server: str | None,
    format_name: str | None,
    unit: str | None,
    keep: Keep | None,
) -> int:
    """Read logs and traces that already exist.

    PATH is a file or a folder. What the store holds already is left out, so a log that has grown
    may be imported again.
    """
    out = Output()
    from mcplens.capture.imports.importing import import_files
    from mcplens.config import read_settings
    from mcplens.store.location import create, locate

    settings = read_settings().with_keep(keep)
    place = locate(store)
    done = import_files(
        _files_of(paths),
        store=create(place),
        label=label,
        format_name=format_name,
        server_name=server,
        unit=unit,
        settings=settings,
        on_read=_progress(),
    )
    _say(out, done)
    for line in done.not_understood:
        out.say(f"mcplens: {printable(line)}", style="yellow")
    reading = () if store is None else ("--store", store)
    if done.call_count:
        out.gap()
        out.say(f"store {short_path(place)}", style="dim")
        out.hint(("Look at them", typed("tools", "--run", done.run_id, *reading)))
    return 2 if done.not_understood else 0


def _files_of(paths: tuple[Path, ...]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file())
            if not inside:
                raise UsageError(f"{path} is an empty folder. Name a file")
            files += inside
        elif path.exists():
            files.append(path)
        else:
            raise UsageError(f"there is no file {path}")
    return files


def _say(out: Output, done: ImportRun) -> None:
    for one in done.files:
        out.say(_sentence(one))
        for line in one.counts.bad_lines:
            out.say(f"  left out: {printable(line)}", style="yellow")
        more = one.counts.bad - len(one.counts.bad_lines)
        if more > 0:
            out.say(f"  left out: {counted(more, 'more line')}", style="yellow")
        if one.counts.without_unit:
            out.say(
                f"  {counted(one.counts.without_unit, 'duration names', 'durations name')} no unit "
                "and left unknown. Say it with --unit ms",
                style="yellow",
            )
        if one.trouble:
            out.say(f"  stopped: {printable(one.trouble)}", style="yellow")


def _sentence(one: Imported) -> str:
    counts = one.counts
    parts = [f"{short_path(one.path.absolute())}: {one.format.title}"]
    parts.append(f"{counted(counts.calls, 'request')} imported")
    if counts.known:
        parts.append(f"{counts.known:,} already in the store")
    if counts.still_open:
        parts.append(f"{counts.still_open:,} still open, left for the next import")
    if counts.other:
        parts.append(f"{counts.other:,} about other things")
    return ", ".join(parts)


def _progress() -> _Progress:
    return _Progress(is_live=sys.stderr.isatty())


class _Progress:
    """One line on a terminal about how much of a large file has been read."""

    def __init__(self, *, is_live: bool) -> None:
        self._is_live = is_live

    def __call__(self, path: Path, count: int) -> None:
        if self._is_live:
            print(f"\r  {path.name}  {format_bytes(count)}  ", end="", file=sys.stderr, flush=True)
