"""What a backlog costs the process that it drains in.

    uv run python -m tests.benchmarks.store.draining

Fifty thousand events wait in a recorder, and its thread writes them while a server goes on
answering: first, how long a request takes meanwhile, against the same requests with a recorder that
does nothing, in turn. Then, what these events take of the processor in all, against recorders as
they commonly are: `json.dumps`, a write and a flush.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import msgspec

from mcplens.capture.recorder import Recorder
from mcplens.store.location import create
from tests.builders import call

EVENTS = 50_000
ROUNDS = 7
WAIT_BOUND = 1.5
CPU_BOUND = 0.25
QUESTION = json.dumps(
    {"rows": [{"id": n, "name": f"row {n}", "tags": ["a", "b"]} for n in range(250)]}
)


class Request:
    """A small piece of work as servers do it: read, think, write, and hear from the system."""

    def __init__(self):
        self._in, self._out = os.pipe()

    def __call__(self):
        rows = json.loads(QUESTION)["rows"]
        rows.sort(key=lambda row: row["name"])
        os.write(self._out, json.dumps(rows).encode())
        os.read(self._in, 1 << 16)


class Nowhere:
    """A recorder that does nothing."""

    def record(self, row):
        """Drop it."""


def rows_of_a_busy_server():
    """Make the rows that wait; a few in turn, since making them is not measured."""
    return [
        call(sequence=n + 1, arguments_shape='{"path":"str"}', result_hash="0" * 32)
        for n in range(64)
    ]


@contextmanager
def recording():
    """Give a recorder with room for all, and refuse to measure one that dropped rows."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        store = create(Path(folder) / "store")
        with Recorder(store, observer="server", max_rows=EVENTS, seal=False) as recorder:
            yield recorder
        if recorder.lost_count:
            raise SystemExit(f"the recorder lost {recorder.lost_count} rows; this measures nothing")


def fill(recorder, rows, events):
    for number in range(events):
        recorder.record(rows[number % len(rows)])


def timed_while(request, is_going_on):
    """Make requests for as long as it goes on, and give their times in µs."""
    clock, times_ns = time.perf_counter_ns, []
    while is_going_on(len(times_ns)):
        begin = clock()
        request()
        times_ns.append(clock() - begin)
    return [ns / 1000 for ns in times_ns]


def measure_waits(events, rounds):
    """Time requests beside both recorders, in turn."""
    request, rows, nothing = Request(), rows_of_a_busy_server(), Nowhere()
    times_us = {"while a backlog drains": [], "no-op recorder": []}
    for _ in range(rounds):
        with recording() as recorder:
            fill(recorder, rows, events)
            found = timed_while(request, lambda _: recorder._queue)
        times_us["while a backlog drains"] += found
        fill(nothing, rows, events)
        answered = len(found)
        times_us["no-op recorder"] += timed_while(request, lambda done, of=answered: done < of)
    return times_us


def cpu_of(work):
    begin = time.process_time_ns()
    work()
    return (time.process_time_ns() - begin) / 1e6


def measure_cpu(events, rounds):
    """Measure what both ways take of the processor for the same rows, in turn, in ms."""
    rows = rows_of_a_busy_server()
    plain = [msgspec.to_builtins(row) for row in rows]
    times_ms = {"recorder": [], "json.dumps and flush": []}
    for _ in range(rounds):
        with recording() as recorder:
            times_ms["recorder"].append(
                cpu_of(lambda recorder=recorder: drain(recorder, rows, events))
            )
        with tempfile.TemporaryFile("w") as log:
            times_ms["json.dumps and flush"].append(
                cpu_of(lambda log=log: dump(log, plain, events))
            )
    return times_ms


def drain(recorder, rows, events):
    fill(recorder, rows, events)
    while recorder._queue:
        time.sleep(0.02)


def dump(log, plain, events):
    for number in range(events):
        log.write(json.dumps(plain[number % len(plain)]) + "\n")
        log.flush()


def quantile(values, share):
    return sorted(values)[int(share * (len(values) - 1))]


def show_waits(times_us):
    print(f"\nOne request, in µs ({len(next(iter(times_us.values())))} of each)\n")
    print(f"{'':24}{'p50':>9}{'p99':>9}{'p99.9':>9}{'worst':>9}")
    for name, values in times_us.items():
        cuts = [quantile(values, share) for share in (0.5, 0.99, 0.999, 1)]
        print(f"{name:24}" + "".join(f"{cut:9.0f}" for cut in cuts))
    ours, theirs = (quantile(values, 0.999) for values in times_us.values())
    return ours / theirs


def show_cpu(times_ms, events):
    print(f"\n{events:,} events, CPU of all threads, in ms\n\n{'':24}{'median':>9}{'least':>9}")
    for name, values in times_ms.items():
        print(f"{name:24}{median(values):9.0f}{min(values):9.0f}")
    ours, theirs = times_ms.values()
    return median(ours) / median(theirs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as settings:
        os.environ["MCPLENS_CONFIG_DIR"] = settings
        ratios = {
            "p99.9 of a request": (
                show_waits(measure_waits(options.events, options.rounds)),
                WAIT_BOUND,
            ),
            "CPU": (
                show_cpu(measure_cpu(options.events, options.rounds), options.events),
                CPU_BOUND,
            ),
        }
    print()
    for name, (ratio, bound) in ratios.items():
        word = "holds" if ratio <= bound else "BROKEN"
        print(f"{name}: {ratio:.3f} of the other (at most {bound:.3f}): {word}")
    return 0 if all(ratio <= bound for ratio, bound in ratios.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
