"""The command `mcplens`: which commands there are, and the edge where an error becomes one line.

`mcplens record` stands before every start of a server, so nothing here imports click until a
command needs it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from mcplens.errors import McplensError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final[dict[str, str]] = {
    "overview": "mcplens.cli.overview:overview",
    "demo": "mcplens.cli.demo:demo",
    "record": "mcplens.cli.record:record",
    "wrap": "mcplens.cli.wrap:wrap",
    "unwrap": "mcplens.cli.unwrap:unwrap",
    "import": "mcplens.cli.import_:import_",
    "serve": "mcplens.cli.serve:serve",
    "tools": "mcplens.cli.tools:tools",
    "session": "mcplens.cli.session:session",
    "show": "mcplens.cli.show:show",
    "sql": "mcplens.cli.sql:sql",
    "report": "mcplens.cli.report:report",
    "store": "mcplens.cli.store.group:store",
}
"""Where each command lives; its module is imported when the command is asked for."""

INTERRUPTED: Final = 130
"""What a shell reports for a command ended by Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(args)
        if sys.stdout is not None:  # It was closed before we came.
            # What is still in the buffer may find the pipe closed too.
            sys.stdout.flush()
    except McplensError as error:
        from mcplens.reports.text import printable  # brings rich

        # An error may name a server, or repeat what one wrote.
        print(f"mcplens: {printable(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except RuntimeError as error:
        # DuckDB's own word for Ctrl-C; importing DuckDB to ask for it would cost every start.
        if str(error) != "Query interrupted":
            raise
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _run(args: list[str]) -> int:
    if args[:1] == ["record"]:
        from mcplens.cli.record import record  # reads its own words, without click

        return record(args[1:])
    from mcplens.cli.group import run  # brings click

    return run(args)
