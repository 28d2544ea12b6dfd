"""The group of `mcplens store`, each of its commands imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

COMMANDS: Final = ("retention", "prune", "compact", "verify", "doctor")
"""The commands in the order a newcomer meets them; each is a module here with a function in it."""


class StoreGroup(click.Group):
    """Commands that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """List the commands."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import a command, or give None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"mcplens.cli.store.{cmd_name}"), cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(
    cls=StoreGroup,
    short_help="Look after a store: what it keeps, whether it is sound, what it costs here.",
    invoke_without_command=True,
)
@click.pass_context
def store(context: click.Context) -> None:
    """Look after a store."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
