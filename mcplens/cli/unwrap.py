"""`mcplens unwrap`: let an MCP client start its servers itself again."""

from __future__ import annotations

import click

from mcplens.cli.options import typed
from mcplens.cli.output import Output
from mcplens.cli.wrapping import (
    carry_out_all,
    check_names,
    files_of,
    show_found,
    show_plans,
)


@click.command(short_help="Let a client start its servers itself again.")
@click.argument("target", metavar="[CLIENT|FILE]", required=False)
@click.argument("servers", metavar="[SERVER]...", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Show the difference, and change nothing.")
def unwrap(target: str | None, servers: tuple[str, ...], *, dry_run: bool) -> None:
    """Let an MCP client start its servers itself again.

    CLIENT, FILE and SERVER are as for `mcplens wrap`. A file that nobody changed since is the
    same again to the byte.
    """
    out = Output()
    if target is None:
        show_found(out, next_command="unwrap")
        return
    from mcplens.capture.wrapping.files import plan_unwrap

    title, files = files_of(target)
    plans = [plan_unwrap(file, only=servers) for file in files]
    check_names(plans, servers, where=title)
    if not dry_run:
        carry_out_all(plans)
    show_plans(out, plans, difference=dry_run)
    count = sum(done == "unwrapped" for plan in plans for _, done in plan.done)
    out.gap()
    if count == 0:
        out.say("Nothing to change.", style="bold")
    elif dry_run:
        out.say("Nothing was changed.", style="bold")
        out.hint(("Change it", typed("unwrap", target, *servers)))
    else:
        out.say(f"Restart {title}. What was recorded stays.", style="bold")
