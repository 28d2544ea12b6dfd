"""`mcplens record`: stand in for a server and record what passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mcplens.cli.quick import KEEP

if TYPE_CHECKING:
    from mcplens.capture.privacy import Keep


@click.command(
    # The server's own options are the server's, with `--` before them or not.
    context_settings={"allow_interspersed_args": False},
    short_help="Stand in for a server and record its calls.",
)
@click.option("--label", metavar="LABEL", help="Name the run. Default: branch@commit.")
@click.option("--server", "server_name", metavar="NAME", help="Name the server.")
@click.option(
    "--keep",
    type=click.Choice(KEEP),
    default="shape",
    show_default=True,
    help="What of contents to keep.",
)
@click.option("--store", metavar="DIR", help="Record into this store.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def record(
    command: tuple[str, ...],
    *,
    label: str | None,
    server_name: str | None,
    keep: Keep,
    store: str | None,
) -> int:
    """Stand in for a server: start COMMAND, pass every byte on unchanged, and record the calls.

    Write it where an MCP client expects the server's command:

        mcplens record -- python server.py
    """
    from mcplens.capture.processes import die_as
    from mcplens.capture.proxy import run_proxy  # not needed for --help

    return die_as(run_proxy(command, label=label, server_name=server_name, keep=keep, store=store))
