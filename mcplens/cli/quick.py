"""`mcplens record` without click, for the plain way of writing it.

Every start of a recorded server waits for this, and click would double it. What is not plain
(help, a slip of the keyboard) is left to the command in `record.py`, which has the same options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTIONS: Final = {
    "--label": "label",
    "--server": "server_name",
    "--keep": "keep",
    "--store": "store",
}
"""The options of `mcplens record`, and the names that the proxy knows them by."""

KEEP: Final = ("none", "shape", "full")
"""What of contents may be kept."""


def record(args: Sequence[str]) -> int | None:
    """Run the proxy and give the exit code; None when click should read the arguments."""
    options = parse(args)
    if options is None:
        return None
    from mcplens.capture.processes import die_as
    from mcplens.capture.proxy import run_proxy  # not wanted when parsing fails

    command = args[args.index("--") + 1 :]
    return die_as(run_proxy(command, **options))


def parse(args: Sequence[str]) -> dict[str, Any] | None:
    """Read the options before `--`; None for anything that is not plain."""
    if "--" not in args:
        return None
    border = args.index("--")
    if border + 1 == len(args):
        return None
    options: dict[str, Any] = {}
    words = iter(args[:border])
    for word in words:
        name, has_value, value = word.partition("=")
        if name not in OPTIONS:
            return None
        if not has_value:
            following = next(words, None)
            if following is None:
                return None
            value = following
        options[OPTIONS[name]] = value
    if options.get("keep", "shape") not in KEEP:
        return None
    return options
