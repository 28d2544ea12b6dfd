"""What a person sees of long work: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mcplens.units import format_bytes

if TYPE_CHECKING:
    from typing import TextIO

EVERY_S: Final = 10.0
"""How often a line is written where there is no terminal."""

OnProgress = Callable[[int, int], None]
"""Takes how many bytes are done, and how many there are in all."""


@contextmanager
def bar(
    title: str,
    *,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[OnProgress]:
    """Show how far a work on bytes has come, how fast it goes and when it will be done, on stderr.

    Nothing is shown of work that says nothing.
    """
    stream = stream or sys.stderr
    if stream.isatty():
        with _drawn(title, stream) as on_progress:
            yield on_progress
    else:
        yield _told(title, stream, clock)


@contextmanager
def _drawn(title: str, stream: TextIO) -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        task = progress.add_task(title, total=None, visible=False)

        def on_progress(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, visible=True)

        yield on_progress


def _told(title: str, stream: TextIO, clock: Callable[[], float]) -> OnProgress:
    began = told = clock()

    def on_progress(done: int, total: int) -> None:
        nonlocal told
        now = clock()
        if now - told < EVERY_S or not total:
            return
        told = now
        rate = done / (now - began)
        left = f", {(total - done) / rate:.0f} s left" if rate else ""
        stream.write(
            f"{title}: {done / total:.0%} of {format_bytes(total)}, {format_bytes(rate)}/s{left}\n"
        )
        stream.flush()

    return on_progress
