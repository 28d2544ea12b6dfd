"""How fast small files are joined, and spool parts sealed, against 5,000 events a second.

uv run python -m tests.benchmarks.store.compacting [--events N]
"""

import argparse
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from mcplens.events import SCHEMA_VERSION, columns_mark
from mcplens.store.arrow import write_parquet
from mcplens.store.compact import compact
from mcplens.store.location import create
from mcplens.store.manifest import LiveFile, load_manifest, save_manifest
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.benchmarks.store.table import show
from tests.benchmarks.store.traffic import DAY_EVENTS, LAST_DAY, draw_day
from tests.builders import call

LOAD = 5_000
COMPACT_BOUND = 30
PIECE = 10_000
"""Events in a file as sealing leaves it, at a few calls a second."""
SEALED = 200_000


def scattered(folder: Path, events: int):
    """Make a store whose days are in many small files."""
    store = create(folder)
    files = []
    days = max(1, round(events / DAY_EVENTS))
    for number in range(days):
        day = LAST_DAY.replace(day=number + 1)
        content = draw_day(np.random.default_rng([7, number]), day, events // days)["events"]
        for begin in range(0, content.num_rows, PIECE):
            date = day.date().isoformat()
            path = f"events/date={date}/piece-{number:03d}-{begin:07d}.parquet"
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            piece = content.slice(begin, PIECE)
            write_parquet(piece, folder / path)
            files.append(
                LiveFile(
                    table="events",
                    date=date,
                    path=path,
                    row_count=piece.num_rows,
                    size_bytes=(folder / path).stat().st_size,
                    schema_version=SCHEMA_VERSION,
                    columns_mark=columns_mark(tuple(piece.schema.names)),
                )
            )
    manifest, _ = load_manifest(store)
    save_manifest(store, msgspec.structs.replace(manifest, files=tuple(files)))
    return store


def measure(events: int):
    """Compact one store, seal another, and print both speeds."""
    with tempfile.TemporaryDirectory() as folder:
        store = scattered(Path(folder) / "scattered", events)
        begin = time.perf_counter()
        report = compact(store)
        compacted = events / (time.perf_counter() - begin)
        other = create(Path(folder) / "sealed")
        spool = Spool(other, run_id="run1")
        for first in range(0, SEALED, 1_000):
            spool.write([call(at=number / 100) for number in range(first, first + 1_000)])
        spool.close()
        begin = time.perf_counter()
        seal(other)
        sealed = SEALED / (time.perf_counter() - begin)
    holds = compacted >= COMPACT_BOUND * LOAD
    show(
        ["work", "events/s", f"of {LOAD:,} events/s", "at least", "holds"],
        [
            [
                "compacting",
                f"{compacted:,.0f}",
                f"{compacted / LOAD:.1f} x",
                f"{COMPACT_BOUND} x",
                "yes" if holds else "NO",
            ],
            ["sealing", f"{sealed:,.0f}", f"{sealed / LOAD:.1f} x", "", ""],
        ],
    )
    print(f"{report.replaced_count} files became {report.written_count}")


def main():
    """Read the options and measure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    measure(options.parse_args().events)


if __name__ == "__main__":
    main()
