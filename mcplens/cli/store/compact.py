"""`mcplens store compact`: put in order now what recorders put in order when they have time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mcplens.cli.bar import bar
from mcplens.cli.options import typed
from mcplens.cli.output import Output
from mcplens.cli.store.opening import interruptible, opened, store_option
from mcplens.reports.text import printable
from mcplens.units import counted, format_bytes

if TYPE_CHECKING:
    from mcplens.store.reading import SetAside


@click.command(short_help="Turn what was recorded into few files that are quick to read.")
@store_option
def compact(named: str | None) -> None:
    """Turn the spool into Parquet, join small files, and let go of what is not to be kept.

    It can be interrupted at any time and goes on when it is called again.
    """
    from mcplens.store.compact import compact as join
    from mcplens.store.prune import prune
    from mcplens.store.quarantine import tidy
    from mcplens.store.seal import seal

    out = Output()
    store = opened(out, named)
    with interruptible(out, typed("store", "compact", *(("--store", named) if named else ()))):
        with bar("sealing") as on_progress:
            sealed = seal(store, on_progress=on_progress)
        with bar("compacting") as on_progress:
            joined = join(store, on_progress=on_progress)
        tidy(store, doubtful={aside.path for aside in joined.set_aside})
        with bar("pruning") as on_progress:
            pruned = prune(store, on_progress=on_progress)
    out.gap()
    aside: dict[object, SetAside] = {
        one.path: one for one in (*sealed.set_aside, *joined.set_aside, *pruned.set_aside)
    }
    for one in aside.values():
        out.say(f"left as it is: {printable(one.reason)}", style="yellow")
    done = [
        *(
            [f"{counted(sealed.row_count, 'row')} sealed of {counted(sealed.part_count, 'part')}"]
            if sealed.part_count
            else []
        ),
        *(
            [f"{counted(joined.replaced_count, 'file')} joined into {joined.written_count:,}"]
            if joined.replaced_count
            else []
        ),
        *([f"{format_bytes(pruned.size_bytes)} let go of"] if pruned.gone else []),
    ]
    if joined.is_postponed:
        done.append("more is joined when the replaced files are deleted, in an hour")
    said = "; ".join(done) or "Everything is in order already"
    left = f"{counted(pruned.left_rows, 'row')} in Parquet, {format_bytes(pruned.left_bytes)}"
    out.say(f"{said}. The store holds {left}.", style="bold")
