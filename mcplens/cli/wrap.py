"""`mcplens wrap`: put the servers of an MCP client behind the recorder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mcplens.cli.options import typed
from mcplens.cli.output import Output
from mcplens.cli.record import KEEP
from mcplens.cli.saying import short_path
from mcplens.cli.wrapping import (
    carry_out_all,
    check_names,
    files_of,
    show_found,
    show_plans,
)
from mcplens.errors import UsageError

if TYPE_CHECKING:
    from mcplens.capture.wrapping.entries import Entry


@click.command(short_help="Put a client's servers behind the recorder.")
@click.argument("target", metavar="[CLIENT|FILE]", required=False)
@click.argument("servers", metavar="[SERVER]...", nargs=-1)
@click.option("--store", metavar="DIR", help="Record into this store.")
@click.option("--config", metavar="FILE", help="Record by these settings.")
@click.option("--keep", type=click.Choice(KEEP), help="What of contents to keep. Default: shape.")
@click.option("--dry-run", is_flag=True, help="Show the difference, and change nothing.")
def wrap(
    target: str | None,
    servers: tuple[str, ...],
    store: str | None,
    config: str | None,
    keep: str | None,
    *,
    dry_run: bool,
) -> None:
    """Put the servers of an MCP client behind the recorder.

    CLIENT is claude, claude-code, cursor or vscode; FILE any file with servers as these have
    them. Without SERVER, all of its servers. Without anything: what there is on this machine.
    `mcplens unwrap` takes it back.
    """
    out = Output()
    if target is None:
        show_found(out, next_command="wrap")
        return
    from mcplens.capture.wrapping.environment import (
        is_temporary,
        is_throw_away,
        recorder_command,
    )
    from mcplens.capture.wrapping.files import plan_wrap
    from mcplens.config import find_settings, read_settings
    from mcplens.store.location import locate

    if is_throw_away():
        raise UsageError(
            f"this mcplens lies in a cache ({sys.prefix}), where clients would look for it in "
            "vain one day. Install it to stay, as with `uv tool install` or `pipx install`, and "
            "wrap with that one"
        )
    title, files = files_of(target)
    place = locate(store)
    read_settings(config)  # What it cannot say to a person later, it says now.
    recorder = recorder_command(store=place, config=find_settings(config), keep=keep)

    def words_before(entry: Entry) -> list[str]:
        # In one word: a name may begin with a dash.
        return [*recorder, f"--server={entry.name}", "--"]

    plans = [plan_wrap(file, recorder=words_before, only=servers) for file in files]
    check_names(plans, servers, where=title)
    if not dry_run:
        carry_out_all(plans)
    show_plans(out, plans, difference=dry_run)
    count = sum(done == "wrapped" for plan in plans for _, done in plan.done)
    out.gap()
    if count == 0:
        out.say("Nothing to change.", style="bold")
        return
    if is_temporary():
        out.say(
            f"This mcplens lies among temporary files ({sys.prefix}): servers will not start once "
            "it is gone.",
            style="yellow",
        )
    if dry_run:
        out.say("Nothing was changed.", style="bold")
        options = (("--store", store), ("--config", config), ("--keep", keep))
        given = [word for name, value in options if value is not None for word in (name, value)]
        out.hint(("Change it", typed("wrap", target, *servers, *given)))
        return
    out.say(
        f"Restart {title}: from then on its calls are recorded into {short_path(place)}.",
        style="bold",
    )
    reading = () if store is None else ("--store", str(Path(store)))
    out.hint(
        ("Look at them", typed("tools", *reading)),
        ("Take it back", typed("unwrap", target, *servers)),
    )
