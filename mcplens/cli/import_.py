"""`mcplens import`: logs and traces that already exist."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.text import Text

from mcplens.cli.options import typed
from mcplens.cli.output import Output
from mcplens.cli.record import KEEP
from mcplens.cli.saying import short_path
from mcplens.errors import UsageError
from mcplens.reports.text import printable
from mcplens.store.location import is_store
from mcplens.units import counted, format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcplens.capture.imports.importing import Imported, ImportRun
    from mcplens.capture.imports.places import Found
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
@click.option("--config", metavar="FILE", help="Import by these settings.")
@click.option(
    "--keep",
    type=click.Choice(KEEP),
    help="What of contents to keep. Default: shape, or what mcplens.toml says.",
)
def import_(  # noqa: PLR0917  click gives them by name
    paths: tuple[Path, ...],
    store: str | None,
    label: str | None,
    server: str | None,
    format_name: str | None,
    unit: str | None,
    config: str | None,
    keep: Keep | None,
) -> int:
    """Read logs and traces that already exist.

    PATH is a file or a folder; without one, it lists what lies on this machine and asks. What the
    store holds already is left out, so a log that has grown may be imported again.
    """
    out = Output()
    files = _files_of(paths) if paths else _chosen(out)
    if not files:
        return 0
    from mcplens.capture.imports.importing import import_files
    from mcplens.config import read_settings
    from mcplens.store.location import create, locate

    settings = read_settings(config).with_keep(keep)
    place = locate(store)
    progress = _Progress(is_live=sys.stderr.isatty())
    done = import_files(
        list(files),
        store=create(place),
        label=label,
        format_name=format_name,
        server_name=server,
        unit=unit,
        settings=settings,
        on_read=progress,
    )
    progress.clear()
    _say(out, done)
    asked_for = [line for path, line in done.not_understood if files[path]]
    _say_not_understood(out, done, asked_for)
    reading = () if store is None else ("--store", store)
    if done.call_count:
        out.gap()
        out.say(f"store {short_path(place)}", style="dim")
        out.hint(("Look at them", typed("tools", "--run", done.run_id, *reading)))
    is_stopped = any(one.trouble for one in done.files)
    return 2 if asked_for or is_stopped or not done.files else 0


def _chosen(out: Output) -> dict[Path, bool]:
    """Show what lies on this machine, and ask which of it to import."""
    from mcplens.capture.imports.places import find, places

    known = places(home=Path.home())
    there = list(find(known))
    if not there:
        out.say("Nothing found to import. Looked in:", style="bold")
        for one in known:
            out.say(f"  {short_path(one.folder)} for {one.title}")
        out.hint(("Name a file", typed("import", "FILE")))
        return {}
    out.lines(lambda _: [_found_line(one) for one in there])
    if not _is_interactive():
        out.hint(*((f"Import {one.place.title}", _command(one)) for one in there))
        return {}
    return {
        path: False
        for one in there
        if click.confirm(f"Import {one.place.title}?", default=False, err=True)
        for path in one.files
    }


def _is_interactive() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _found_line(one: Found) -> Text:
    return Text.assemble(
        (one.place.title, "bold"),
        f": {counted(len(one.files), 'file')}, {format_bytes(one.size_bytes)}, "
        f"last written {one.newest_at:%Y-%m-%d %H:%M} UTC, in {short_path(one.place.folder)}",
    )


def _command(one: Found) -> str:
    # A pattern must reach the shell as it is, and a folder with blanks as one word.
    folder = typed("import", str(one.place.folder))
    return folder if one.place.pattern.startswith("**") else f"{folder}/{one.place.pattern}"


def _files_of(paths: tuple[Path, ...]) -> dict[Path, bool]:
    """List files, and say of each whether it was named itself, and not only its folder."""
    files: dict[Path, bool] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(_inside(path))
            if not inside:
                raise UsageError(f"{path} holds no file that could be a log. Name a file")
            files |= {one: files.get(one, False) for one in inside}
        elif path.exists():
            files[path] = True
        else:
            raise UsageError(f"there is no file {path}")
    return files


def _inside(folder: Path) -> Iterator[Path]:
    """List what lies in a folder, without the stores: their rows would be read as a log."""
    for place, folders, names in os.walk(folder):
        if is_store(Path(place)):
            folders.clear()
            continue
        yield from (file for name in names if (file := Path(place, name)).is_file())


def _say_not_understood(out: Output, done: ImportRun, asked_for: list[str]) -> None:
    for line in asked_for:
        out.say(f"mcplens: {printable(line)}", style="yellow")
    others = [line for _, line in done.not_understood if line not in asked_for]
    if others and not done.files and not asked_for:
        out.say(f"mcplens: {printable(others[0])}", style="yellow")
    elif others:
        out.say(f"{counted(len(others), 'file')} that no format knows left out", style="dim")


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
                "and stay unknown. Say it with --unit ms",
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


class _Progress:
    """One line on a terminal about how much of a large file has been read."""

    def __init__(self, *, is_live: bool) -> None:
        self._is_live = is_live

    def __call__(self, path: Path, count: int) -> None:
        if self._is_live:
            name = printable(path.name)
            print(f"\r\x1b[K  {name}  {format_bytes(count)}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave no line behind."""
        if self._is_live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
