"""What recording costs the one who is recorded, and the one who starts a server.

    uv run python -m tests.benchmarks.record

First, what a call waits for: `record()` with its thread at work behind it, against what recorders
commonly do, `json.dumps`, a write and a flush; with one thread and with eight. Then, what a start
waits for: `mcplens record -- true` against a Python that imports msgspec and nothing else.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import msgspec

from mcplens.capture.recorder import Recorder
from mcplens.store.location import create
from tests.builders import call

CALLS = 2000
"""Calls of one thread in one round."""
ROUNDS = 7
STARTS = 15
RECORD_BOUND = 1 / 15
START_BOUND = 4.0
PAUSE_S = 0.0002
"""Calls come one by one; a loop without a pause would measure how fast memory fills."""


def timed(function, times_ns):
    """Call a function as a busy server would, and note how long each call took."""
    clock = time.perf_counter_ns
    for number in range(CALLS):
        if number % 20 == 0:
            time.sleep(PAUSE_S)
        begin = clock()
        function()
        times_ns.append(clock() - begin)


def on_threads(count, function):
    """Run `timed` on so many threads at once, and give all times in µs."""
    times_ns = [[] for _ in range(count)]
    threads = [threading.Thread(target=timed, args=(function, mine)) for mine in times_ns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [time_ns / 1000 for mine in times_ns for time_ns in mine]


def measure_record(threads):
    """Time both ways in turn, with the same row."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        # Room for all, since this machine may be too busy to write as fast as this loop calls.
        recorder = stack.enter_context(
            Recorder(create(folder / "store"), observer="client", max_rows=1_000_000)
        )
        log = stack.enter_context((folder / "log.jsonl").open("w"))
        row = call(arguments_shape='{"path":"str"}', result_hash="0" * 32, response_bytes=900)
        plain = msgspec.to_builtins(row)
        lock = threading.Lock()

        def dump():
            line = json.dumps(plain)
            with lock:
                log.write(line + "\n")
                log.flush()

        ways = {"record()": lambda: recorder.record(row), "json.dumps and flush": dump}
        times_us = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                times_us[name] += on_threads(threads, way)
        if recorder.lost_count:
            raise SystemExit(f"the recorder lost {recorder.lost_count} rows; this measures nothing")
        return times_us


def measure_start():
    """Time both starts in turn, in milliseconds."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as store:
        mcplens = str(Path(sys.executable).with_name("mcplens"))
        starts = {
            "mcplens record -- true": [mcplens, "record", "--store", store, "--", "true"],
            "import msgspec": [sys.executable, "-c", "import msgspec"],
        }
        times_ms = {name: [] for name in starts}
        for _ in range(STARTS + 1):
            for name, command in starts.items():
                begin = time.perf_counter()
                subprocess.run(
                    command, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
                times_ms[name].append((time.perf_counter() - begin) * 1000)
        # The first start compiles what the others read.
        return {name: times[1:] for name, times in times_ms.items()}


def show(title, unit, times):
    """Print a table of both ways, and give the ratio of their medians."""
    print(f"\n{title}, in {unit}\n\n{'':24}{'p50':>9}{'p90':>9}{'p99':>9}")
    for name, values in times.items():
        ranked = sorted(values)
        cuts = [ranked[int(share * (len(ranked) - 1))] for share in (0.5, 0.9, 0.99)]
        print(f"{name:24}" + "".join(f"{cut:9.2f}" for cut in cuts))
    ours, theirs = times.values()
    return median(ours) / median(theirs)


def main():
    with tempfile.TemporaryDirectory() as settings:
        os.environ["MCPLENS_CONFIG_DIR"] = settings
        return measure()


def measure():
    ratios = {
        f"record() on {count} thread{'s' * (count > 1)}": (
            show(f"One call, {count} at once", "µs", measure_record(count)),
            RECORD_BOUND,
        )
        for count in (1, 8)
    }
    ratios["start"] = (show("One start", "ms", measure_start()), START_BOUND)
    print()
    for name, (ratio, bound) in ratios.items():
        word = "holds" if ratio <= bound else "BROKEN"
        print(f"{name}: {ratio:.3f} of the other (at most {bound:.3f}): {word}")
    return 0 if all(ratio <= bound for ratio, bound in ratios.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
