"""What one codec per column brings: hot columns lz4 and the rest zstd, against zstd throughout.

uv run python -m tests.benchmarks.store.codecs [--events N]
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq

import mcplens
from tests.benchmarks.store.table import show
from tests.benchmarks.store.traffic import fill

ROUNDS = 7
SPEED_BOUND, SIZE_BOUND, EVENT_BOUND_BYTES = 2.0, 1.06, 150


def all_zstd(content, path):
    """Write a table as everybody does."""
    pq.write_table(content, path, compression="zstd")


def measure(events: int):
    """Make both stores, and ask both the exact summary in turn."""
    with tempfile.TemporaryDirectory() as folder:
        stores = {
            "ours": fill(Path(folder) / "ours", events),
            "zstd": fill(Path(folder) / "zstd", events, write=all_zstd),
        }
        connections = {name: mcplens.connect(store.path) for name, store in stores.items()}
        took_s = {name: [] for name in stores}
        for _ in range(ROUNDS):
            for name, con in connections.items():
                files = [str(file) for file in stores[name].path.glob("events/*/*.parquet")]
                begin = time.perf_counter()
                con.execute(
                    "select server_name, target, count(*), sum(duration_ms),"
                    " quantile_cont(work_ms, [0.5, 0.95, 0.99])"
                    f" from read_parquet({files}) group by all"
                ).fetchall()
                took_s[name].append(time.perf_counter() - begin)
        sizes = {
            name: sum(path.stat().st_size for path in store.path.glob("events/*/drawn*.parquet"))
            for name, store in stores.items()
        }
    speed = median(took_s["zstd"]) / median(took_s["ours"])
    size = sizes["ours"] / sizes["zstd"]
    per_event = sizes["ours"] / events
    show(
        ["exact summary", "median", "bytes per event"],
        [
            [name, f"{median(took_s[name]) * 1000:.0f} ms", f"{sizes[name] / events:.1f}"]
            for name in stores
        ],
    )
    print(f"faster {speed:.2f} x (at least {SPEED_BOUND:g}): {_word(speed >= SPEED_BOUND)}")
    print(f"larger {size:.3f} x (at most {SIZE_BOUND:g}): {_word(size <= SIZE_BOUND)}")
    print(f"bytes per event {per_event:.0f} (at most 150): {_word(per_event <= EVENT_BOUND_BYTES)}")


def _word(holds):
    return "holds" if holds else "DOES NOT HOLD"


def main():
    """Read the options and measure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    measure(options.parse_args().events)


if __name__ == "__main__":
    main()
