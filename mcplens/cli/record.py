"""`mcplens record`: stand in for a server and record what passes.

Every start of a recorded server waits for this. So it reads its own words, and click is not loaded.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final, NoReturn

from mcplens.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

KEEP: Final = ("none", "shape", "full")
"""What of contents may be kept."""

_OPTIONS: Final = ("--label", "--server", "--keep", "--config", "--store", "--listen")
_HELP_COMMAND: Final = "mcplens record --help"
_USAGE: Final = """\
mcplens record [OPTIONS] -- COMMAND [ARGUMENT]...
       mcplens record [OPTIONS] --listen HOST:PORT URL"""
_DESCRIPTION: Final = """\
Stand in for a server: start COMMAND, pass every byte on unchanged, and record
the calls. Write it where an MCP client expects the server's command:

  mcplens record -- python server.py

With --listen, stand in front of a server that speaks streamable HTTP, and give
clients our address in place of its own:

  mcplens record --listen 127.0.0.1:8900 https://host/mcp"""


def record(words: Sequence[str]) -> int:
    """Stand in for a server and record its calls.

    Gives the server's exit code.

    Raises:
        UsageError: the words cannot be understood.
        CommandNotFoundError: the server's command does not exist or may not be run.
    """
    parser = _parser()
    options, strange = parser.parse_known_args(words)
    if options.help:
        parser.print_help()
        return 0
    if strange:
        parser.error(_refusal(strange[0]))
    command = options.command
    if command[:1] == ["--"]:  # It ends our options; any other is the server's.
        command = command[1:]
    if options.listen is not None:
        return _listen(parser, options, command)
    if not command:
        parser.error("there is no COMMAND to start")
    if command[0].startswith(("http://", "https://")):
        parser.error(
            f"{command[0]} is no command. To stand in front of it: "
            f"mcplens record --listen 127.0.0.1:8900 {command[0]}"
        )

    from mcplens.capture.processes import die_as
    from mcplens.capture.proxy import run_proxy  # not needed for --help

    return die_as(
        run_proxy(
            command,
            label=options.label,
            server_name=options.server,
            keep=options.keep,
            config=options.config,
            store=options.store,
        )
    )


def _listen(parser: _Parser, options: argparse.Namespace, words: list[str]) -> int:
    if len(words) != 1:
        parser.error("--listen takes the URL of one server")

    from mcplens.capture.http.recording import run_http_proxy  # not needed for stdio

    return run_http_proxy(
        options.listen,
        words[0],
        label=options.label,
        server_name=options.server,
        keep=options.keep,
        config=options.config,
        store=options.store,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}{'' if message.endswith('?') else '.'} See: {_HELP_COMMAND}")


def _parser() -> _Parser:
    parser = _Parser(
        usage=_USAGE,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,  # Its own ends the process.
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--label", metavar="LABEL", help="Name the run. Default: branch@commit.")
    add("--server", metavar="NAME", help="Name the server. Default: what it calls itself.")
    add(
        "--keep",
        choices=KEEP,
        help="What of contents to keep. Default: shape.",
    )
    add(
        "--config",
        metavar="FILE",
        help="Read these settings. Default: $MCPLENS_CONFIG, else the nearest mcplens.toml.",
    )
    add("--store", metavar="DIR", help="Record into this store.")
    add("--listen", metavar="HOST:PORT", help="Serve HTTP here, in front of URL.")
    add("-h", "--help", action="store_true", help="Show this message and exit.")
    # The server's own options are the server's, with `--` before them or not.
    add("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _refusal(option: str) -> str:
    import difflib  # needed for a slip of the keyboard

    near = difflib.get_close_matches(option, _OPTIONS, n=1)
    return f"there is no option {option}" + (f". Did you mean {near[0]}?" if near else "")
