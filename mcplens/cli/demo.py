"""`mcplens demo`: real servers, recorded, measured and reported, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import click

from mcplens import __version__
from mcplens.cli.demo_script import GIT_ENVIRONMENT, SESSIONS, make_project, server_commands
from mcplens.cli.options import Reading, typed
from mcplens.cli.progress import Progress
from mcplens.cli.saying import short_path
from mcplens.errors import TargetError, UsageError

if TYPE_CHECKING:
    from mcplens.cli.demo_script import Project

FOLDER: Final = "mcplens-demo"
MARK: Final = ".mcplens-demo"
"""The file that says that a folder was made by the demo and may be used by it again."""

PATIENCE_S: Final = 75.0
"""After this many seconds something is wrong, and the demo says so instead of waiting on."""


@click.command(short_help="Record real servers at work, and see what that tells.")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=FOLDER)
def demo(folder: Path) -> None:
    """Record two real MCP servers while a scripted agent works with them, and look at it.

    Everything stays in DIR: a new folder, or one that an earlier demo made.
    """
    check_parts()
    servers = server_commands(folder.absolute() / "project")
    claim(folder)
    progress = Progress(sys.stderr)
    progress.say(f"Two real MCP servers, recorded into {short_path(folder.absolute())}:")
    project = make_project(folder.absolute() / "project")
    log_path = folder / "servers.log"
    with log_path.open("a", encoding="utf-8") as log:
        _play(project, _recorded(servers, folder.absolute() / ".mcplens"), log, progress)
    progress.say("")
    _show(Reading(store=str(folder / ".mcplens")), folder / "report.html")


def check_parts() -> None:
    """Say which part of the demo is not installed, if one is not."""
    if find_spec("mcp") is None or find_spec("anyio") is None:
        raise UsageError("the demo needs the MCP client. Type: pip install 'mcplens[demo]'")
    if shutil.which("git") is None:
        raise UsageError("the demo works on a git repository, and git is not installed")


def claim(folder: Path) -> None:
    """Take a folder that is new, empty, or a demo's own."""
    mark = folder / MARK
    try:
        if folder.exists() and not mark.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(
                f"{folder} is not a demo's folder, and the demo leaves it alone. "
                "Name a new one: mcplens demo DIR"
            )
        folder.mkdir(parents=True, exist_ok=True)
        mark.write_text("Made by `mcplens demo`, which may use this folder again.\n")
        # A demo tried inside a checkout is nothing to commit.
        (folder / ".gitignore").write_text("*\n")
    except OSError as error:
        raise UsageError(f"cannot use {folder} for the demo ({error.strerror})") from error


def _recorded(servers: dict[str, list[str]], store: Path) -> dict[str, list[str]]:
    """Put the recorder before each server's command."""
    record = [sys.executable, "-m", "mcplens", "record", "--store", str(store), "--label", "demo"]
    return {name: [*record, "--", *command] for name, command in servers.items()}


def _play(
    project: Project, commands: dict[str, list[str]], log: TextIO, progress: Progress
) -> None:
    import anyio
    from mcp import MCPError

    try:
        anyio.run(_play_sessions, project, commands, log, progress)
    except TimeoutError:
        raise TargetError(
            f"the demo's servers took more than {PATIENCE_S:.0f} s; what they said is in {log.name}"
        ) from None
    except (MCPError, OSError, ExceptionGroup) as error:
        raise TargetError(
            f"the demo lost its servers ({_first_cause(error)}); what they said is in {log.name}"
        ) from error


async def _play_sessions(
    project: Project, commands: dict[str, list[str]], log: TextIO, progress: Progress
) -> None:
    import anyio

    from mcplens.probe.agent import open_agent

    with anyio.fail_after(PATIENCE_S):
        for session in SESSIONS:
            progress.begin(session.title)
            async with open_agent(
                commands,
                name="demo-agent",
                version=__version__,
                environment=_environment(),
                stderr=log,
                on_call=progress.count,
            ) as agent:
                await session.play(agent, project)
            progress.end(failure_count=agent.failure_count)


def _show(reading: Reading, report: Path) -> None:
    from mcplens.cli.tools import show_tools
    from mcplens.reports.html import write_report

    con = reading.connect()
    out = reading.output()
    show_tools(reading, out, con)
    write_report(con, report)
    out.gap()
    out.say(f"The same with charts: {short_path(report.absolute())}")
    out.hint(
        ("What happened", reading.next("session")),
        ("One tool", reading.next("tools", "git_diff_unstaged")),
        ("Ask anything", reading.next("sql", "from errors")),
        ("Record your own", typed("record", "--", "COMMAND")),
    )


def _environment() -> dict[str, str]:
    # The client hands servers hardly any variables; the recorder's own settings must arrive.
    kept = {k: v for k, v in os.environ.items() if k.startswith(("MCPLENS_", "XDG_"))}
    return {**kept, **GIT_ENVIRONMENT}


def _first_cause(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
