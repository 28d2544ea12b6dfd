"""What `wrap` and `unwrap` share: which files are meant, and what is said about their servers."""

from __future__ import annotations

import difflib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.text import Text

from mcplens.capture.wrapping.files import carry_out, read_entries
from mcplens.capture.wrapping.places import CLIENTS, config_files
from mcplens.cli.options import typed
from mcplens.cli.saying import short_path
from mcplens.errors import UsageError
from mcplens.reports.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcplens.capture.wrapping.entries import Entry
    from mcplens.capture.wrapping.files import Done, Plan
    from mcplens.cli.output import Output

_SAID: Final[dict[Done, str]] = {
    "wrapped": "behind the recorder",
    "unwrapped": "started by the client itself",
    "already": "left alone: a recorder is before it already",
    "by_hand": "left alone: `mcplens wrap` did not put its recorder there; name it to take it out",
    "plain": "left alone: no recorder is before it",
    "url": "left alone: it has a URL; record it with `mcplens record --listen HOST:PORT URL`",
    "strange": "left alone: its command cannot be read",
    "not_named": "left alone",
}
_STATES: Final = {
    "plain": "not recorded",
    "recorded": "recorded",
    "url": "a URL; record it with `mcplens record --listen HOST:PORT URL`",
    "strange": "its command cannot be read",
}


def files_of(target: str) -> tuple[str, list[Path]]:
    """Say who reads the files that a word stands for, and which of them there are.

    Raises:
        UsageError: there is none.
    """
    client = CLIENTS.get(target)
    if client is None:
        with suppress(OSError, RuntimeError):  # No name of a file, or `~` of nobody.
            file = Path(target).expanduser()
            if file.is_file():
                return "the client that reads it", [file]
        near = difflib.get_close_matches(target, CLIENTS, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Clients are {', '.join(CLIENTS)}"
        raise UsageError(f"{target} is neither a client that mcplens knows nor a file. {hint}")
    places = config_files(client, folder=Path.cwd(), home=Path.home())
    files = [place for place in places if place.is_file()]
    if not files:
        looked = ", ".join(short_path(place) for place in places)
        raise UsageError(f"{client.title} has no servers here. Looked in {looked}")
    return client.title, files


def check_names(plans: list[Plan], servers: Sequence[str], *, where: str) -> None:
    """Refuse a server's name that none of the files has.

    Raises:
        UsageError: there is no server of that name.
    """
    names = sorted({entry.name for plan in plans for entry, _ in plan.done})
    for server in servers:
        if server not in names:
            near = difflib.get_close_matches(server, names, n=1)
            hint = f'Did you mean "{near[0]}"?' if near else f"There are: {', '.join(names)}"
            raise UsageError(f'there is no server "{server}" in {where}. {hint}')


def show_plans(out: Output, plans: list[Plan], *, difference: bool) -> None:
    """Show what becomes of each server, or the difference in the text of the files."""
    if difference:
        lines = [line for plan in plans for line in plan.difference().splitlines()]
        out.lines(lambda _: (Text(printable(line.expandtabs(4))) for line in lines))
        return
    for plan in plans:
        if plan.done:
            _show_file(out, plan.file, [(entry, _SAID[done]) for entry, done in plan.done])


def carry_out_all(plans: list[Plan]) -> None:
    """Change the files as planned."""
    for plan in plans:
        carry_out(plan)


def show_found(out: Output, *, next_command: str) -> None:
    """Show the servers of all clients on this machine, and what to type next."""
    found: list[str] = []
    for client in CLIENTS.values():
        for file in config_files(client, folder=Path.cwd(), home=Path.home()):
            if not file.is_file():
                continue
            try:
                entries = read_entries(file)
            except UsageError as error:
                out.say(str(error), style="yellow")
                continue
            if entries:
                _show_file(out, file, [(entry, _STATES[entry.state]) for entry in entries])
                found += [client.name] if client.name not in found else []
    out.gap()
    if not found:
        known = ", ".join(client.title for client in CLIENTS.values())
        out.say(f"No servers found. Looked where {known} keep theirs.", style="bold")
        out.hint(("Name a file", typed(next_command, "FILE")))
        return
    out.hint(*((CLIENTS[name].title, typed(next_command, name, "--dry-run")) for name in found))


def _show_file(out: Output, file: Path, said: list[tuple[Entry, str]]) -> None:
    out.lines(lambda _: _file_lines(file, said))


def _file_lines(file: Path, said: list[tuple[Entry, str]]) -> Iterator[Text]:
    yield Text(printable(short_path(file)), style="dim")
    widest = max(len(printable(entry.shown)) for entry, _ in said)
    for entry, sentence in said:
        yield Text.assemble("  ", (printable(entry.shown).ljust(widest + 2), "bold"), sentence)
