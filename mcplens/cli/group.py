"""The group of all commands, each imported when it is asked for."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from mcplens import __version__
from mcplens.cli.main import COMMANDS, INTERRUPTED
from mcplens.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

BARE: Final = "overview"
"""The command that `mcplens` alone stands for."""

OWN_OPTIONS: Final = ("--help", "-h", "--version")
"""The options of the group itself."""


class HandedOn(click.Command):
    """A command that reads its own words; its function's first line stands in the list."""

    def __init__(self, name: str, run: Callable[[list[str]], int]) -> None:
        summary = (run.__doc__ or "").partition("\n")[0]
        super().__init__(name, short_help=summary, add_help_option=False)
        self._run = run

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave the words as they are."""
        ctx.args = args
        return args

    def invoke(self, ctx: click.Context) -> int:
        """Hand the words on."""
        return self._run(ctx.args)


class LazyGroup(click.Group):
    """Commands that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """List the commands in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import a command, or give None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        return command if isinstance(command, click.Command) else HandedOn(cmd_name, command)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `mcplens` alone, or with options only, as the overview."""
        is_bare = not args or (args[0].startswith("-") and args[0] not in OWN_OPTIONS)
        if is_bare and BARE in COMMANDS:
            args = [BARE, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            ctx.fail(f'There is no command "{args[0]}".{hint}')
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["--help", "-h"]})
@click.version_option(__version__, prog_name="mcplens", message="%(prog)s %(version)s")
def cli() -> None:
    """Record every MCP call once, keep it as Parquet, and ask anything about it."""


def run(args: list[str]) -> int:
    """Run one command and give its exit code; a slip of the keyboard gives 2."""
    try:
        # Not cli.main(): it takes a closed pipe for a failure.
        with cli.make_context("mcplens", args) as context:
            code: Any = cli.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        raise UsageError(_in_one_line(error)) from error
    return code if isinstance(code, int) else 0


def _in_one_line(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    said = " ".join(error.format_message().split()).rstrip(".")
    if context is None:
        return said
    return f"{said}{'' if said.endswith('?') else '.'} See: {context.command_path} --help"
