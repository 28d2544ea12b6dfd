"""What the commands that change a store share: which one, how they answer, and an interruption."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mcplens.cli.saying import short_path

if TYPE_CHECKING:
    from mcplens.cli.output import Output
    from mcplens.store.layout import Store

store_option = click.option("--store", "named", metavar="DIR", help="Work on this store.")
format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to answer.",
)


def opened(out: Output, named: str | None) -> Store:
    """Open a store, and say which."""
    from mcplens.store.location import locate, open_store

    store = open_store(locate(named))
    out.say(f"store {short_path(store.path)}", style="dim")
    return store


@contextmanager
def interruptible(out: Output, command: str) -> Iterator[None]:
    """Say of work that was broken off that it goes on where it stopped."""
    try:
        yield
    except KeyboardInterrupt:
        out.say("Interrupted; what is done stays done, and nothing is half done.", style="yellow")
        out.hint(("Go on", command))
        raise
