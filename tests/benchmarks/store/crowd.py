"""Eight processes record while somebody asks, without a pause, how the tools behave.

    uv run python -m tests.benchmarks.store.crowd [--seconds 60]

Each process is a recorder with sealing on, at a thousand events a second. What it could not keep up
with is told, and so is what went wrong: an answer that is an error, a count that shrank, a sum at
the end that is not what was recorded, a spool that grows without an end.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import mcplens
from mcplens.store.location import Store, create
from mcplens.store.manifest import load_manifest
from mcplens.store.parts import closed_parts, standing_parts

PROCESSES = 8
PER_SECOND = 1_000
SECONDS = 60
PART_BYTES = 16_000_000
"""When a part is full; each process may have one that is not."""
UNSEALED_BOUND = 2.0
"""How many full parts of every process may wait, at the most, to be turned into Parquet."""
QUESTION = "select coalesce(sum(call_count), 0) from tool_metrics"


def record(path, name, per_second, seconds):
    """Record at a steady pace, and say how many were recorded, lost and how late it was."""
    from mcplens.capture.recorder import Recorder
    from tests.builders import call

    ended = begin = time.monotonic()
    done = 0
    with Recorder(Store(Path(path)), observer="server", run_id=name) as recorder:
        while (now := time.monotonic()) < begin + seconds:
            ended = now
            for _ in range(int((now - begin) * per_second) - done):
                done += 1
                recorder.record(
                    call(run_id=name, sequence=done, at=done / per_second, target=f"t{done % 7}")
                )
            time.sleep(0.01)
    print(done - recorder.lost_count, recorder.lost_count, round(done / (ended - begin)))


def start(path, number, options):
    words = [path, f"crowd{number}", str(options.per_second), str(options.seconds)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.store.crowd", "--record", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def size_of(part):
    try:
        return part.path.stat().st_size
    except FileNotFoundError:  # It was deleted just now.
        return 0


def unsealed_bytes(store):
    """Add up the spool parts whose rows are not in Parquet yet: all, and those that are closed."""
    manifest, _ = load_manifest(store)
    return tuple(
        sum(map(size_of, parts))
        for parts in (standing_parts(store, manifest), closed_parts(store, manifest))
    )


class Seen:
    """What the reader met."""

    def __init__(self):
        self.counts = [0]
        self.seconds = []
        self.errors = []
        self.unsealed = []

    def ask(self, store):
        begin = time.monotonic()
        try:
            with mcplens.connect(store.path) as con:
                self.counts.append(int(con.sql(QUESTION).fetchall()[0][0]))
        except Exception as error:  # noqa: BLE001  that is what is looked for
            self.errors.append(f"{type(error).__name__}: {error}")
        self.seconds.append(time.monotonic() - begin)
        self.unsealed.append(unsealed_bytes(store))

    @property
    def shrank(self):
        return sum(later < sooner for sooner, later in pairwise(self.counts))


def measure(options):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        store, seen = create(Path(folder) / "store"), Seen()
        recorders = [start(str(store.path), n, options) for n in range(options.processes)]
        while any(recorder.poll() is None for recorder in recorders):
            seen.ask(store)
        said = [recorder.communicate() for recorder in recorders]
        seen.ask(store)
        return seen, said


def show(seen, said, options):
    told = [tuple(map(int, out.split())) for out, _ in said]
    recorded, lost, rates = (list(column) for column in zip(*told, strict=True))
    everything, closed = zip(*seen.unsealed, strict=True)
    print(f"recorded {sum(recorded):,} events; lost {sum(lost):,}")
    print(f"events a second, each: median {median(rates)}, slowest {min(rates)}")
    print(
        f"asked {len(seen.seconds)} times, median {median(seen.seconds):.2f} s, "
        f"slowest {max(seen.seconds):.2f} s"
    )
    print(
        f"spool not in Parquet: at most {max(everything) / 1e6:.0f} MB, "
        f"of it in closed parts {max(closed) / 1e6:.0f} MB"
    )
    for line in {*seen.errors, *(line for _, err in said for line in err.splitlines())}:
        print(f"  {line}")
    bound = UNSEALED_BOUND * PART_BYTES * options.processes
    return {
        f"errors: {len(seen.errors)} (at most 0)": not seen.errors,
        f"counts that shrank: {seen.shrank} (at most 0)": not seen.shrank,
        f"at the end {seen.counts[-1]:,} of {sum(recorded):,}": seen.counts[-1] == sum(recorded),
        f"lost: {sum(lost)} (at most 0)": not sum(lost),
        f"largest spool: {max(everything) / 1e6:.0f} MB (at most {bound / 1e6:.0f})": (
            max(everything) <= bound
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--per-second", type=int, default=PER_SECOND)
    parser.add_argument("--record", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record:
        path, name, per_second, seconds = options.record
        return record(path, name, int(per_second), int(seconds))
    with tempfile.TemporaryDirectory() as settings:
        os.environ["MCPLENS_CONFIG_DIR"] = settings
        found = show(*measure(options), options)
    print()
    for sentence, holds in found.items():
        print(f"{sentence}: {'holds' if holds else 'BROKEN'}")
    return 0 if all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
