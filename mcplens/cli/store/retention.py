"""`mcplens store retention`: how long and how much a store keeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.text import Text

from mcplens.cli.asking import Answer
from mcplens.cli.options import typed
from mcplens.cli.output import Output
from mcplens.cli.saying import short_path
from mcplens.cli.store.opening import format_option, opened, store_option
from mcplens.errors import UsageError
from mcplens.units import counted, format_bytes, parse_bytes, parse_span_s

if TYPE_CHECKING:
    from mcplens.cli.formats import Format
    from mcplens.store.layout import Store
    from mcplens.store.manifest import Retention

NAMES = ("age_s", "size_bytes", "archive", "kept_bytes", "first_date")


@click.command(short_help="Say or set how long and how much a store keeps.")
@click.option("--age", metavar="AGE", help="Keep this long: 5min, 90d, or forever.")
@click.option("--size", metavar="SIZE", help="Keep at most this much: 2GB, or unlimited.")
@click.option(
    "--archive",
    metavar="DIR",
    help="Move what is older, or too much, into a store there instead of deleting it.",
)
@click.option("--no-archive", is_flag=True, help="Delete it.")
@store_option
@format_option
def retention(
    *,
    age: str | None,
    size: str | None,
    archive: str | None,
    no_archive: bool,
    named: str | None,
    format_: Format,
) -> None:
    """Say how long and how much a store keeps, or set it.

    It holds for everyone who records into the store, and is applied whenever a recorder has filled
    or closed a part. What is recorded late, such as an imported log, counts from then. By itself a
    store that keeps days ages to the last day before today on which something happened, so that a
    clock that is ahead does not empty it.
    """
    from mcplens.store.manifest import load_manifest
    from mcplens.store.retention import kept, set_retention

    if archive is not None and no_archive:
        raise UsageError("--archive and --no-archive exclude each other. Give one of them")
    out = Output(format=format_)
    store = opened(out, named)
    before = load_manifest(store)[0].retention
    after = _changed(before, age, size, archive, no_archive=no_archive)
    is_set = any(option is not None for option in (age, size, archive)) or no_archive
    if is_set:
        set_retention(store, after)
    now = kept(store)
    out.gap()
    out.rows(
        Answer(
            names=NAMES,
            rows=[
                (after.age_s, after.size_bytes, after.archive, now.size_bytes, now.first_date),
            ],
        ),
        lambda _: _lines(now.words, after, now.size_bytes, now.first_date),
    )
    _conclude(out, store, named)


def _changed(
    before: Retention, age: str | None, size: str | None, archive: str | None, *, no_archive: bool
) -> Retention:
    after = before
    if age is not None:
        after = msgspec.structs.replace(
            after, age_s=None if age == "forever" else _positive(parse_span_s(age), age)
        )
    if size is not None:
        after = msgspec.structs.replace(
            after,
            size_bytes=None if size == "unlimited" else int(_positive(parse_bytes(size), size)),
        )
    if archive is not None:
        folder = str(Path(archive).expanduser().absolute())
        after = msgspec.structs.replace(after, archive=folder)
    return msgspec.structs.replace(after, archive=None) if no_archive else after


def _positive(number: float, said: str) -> float:
    if number <= 0:
        raise UsageError(
            f'"{said}" keeps nothing. To empty a store now: mcplens store prune --older-than 0s'
        )
    return number


def _lines(words: str, retention: Retention, kept_bytes: int, first_date: str | None) -> list[Text]:
    limited = retention.age_s is not None or retention.size_bytes is not None
    archive = retention.archive
    where = f"moves the rest to {short_path(Path(archive))}" if archive else "deletes the rest"
    since = f", from {first_date} on" if first_date else ""
    return [
        Text(f"{words}, and {where}" if limited else words),
        Text(f"holds {format_bytes(kept_bytes)}{since}"),
    ]


def _conclude(out: Output, store: Store, named: str | None) -> None:
    from mcplens.store.survey import survey

    own = ("--store", named) if named else ()
    past = survey(store)
    out.gap()
    rows = sum(gone.row_count for gone in past.gone.values())
    if rows:
        out.say(
            f"{counted(rows, 'row')}, {format_bytes(past.size_bytes)}, are past that: they go with "
            "the next recordings.",
            style="bold",
        )
        out.hint(
            ("See what", typed("store", "prune", "--dry-run", *own)),
            ("Prune now", typed("store", "prune", *own)),
        )
    else:
        out.say("Nothing is past that.", style="bold")
        out.hint(("Keep less", typed("store", "retention", "--age", "90d", "--size", "2GB", *own)))
