"""What a message's round trip takes longer through `mcplens record`.

    uv run python -m tests.benchmarks.proxy

The same server is asked directly, through `cat` on both sides, through the proxy, and through a
proxy on asyncio streams; a few messages each in turn, so that all meet the same machine. All run on
one core: else most of a round trip is where the scheduler happened to put whom.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles

from tests.benchmarks.answering import SIZE, ask
from tests.spooled import rows

HERE = Path(__file__).parent
SERVER = [sys.executable, str(HERE / "answering.py")]
SESSIONS = 5
"""Started anew so often: where a process happens to lie in memory makes its own difference."""
ROUNDS = 160
MESSAGES = 50
"""Messages sent to one server before it is the next one's turn."""
REST_S = 0.001
"""A rest after each turn, as agents take them too; nobody calls tools without a pause."""
WARM_UP = 200
CAT_BOUND = 2.0
ASYNCIO_BOUND = 1 / 6


class Pipe:
    """A server behind something, asked one question at a time."""

    def __init__(self, write_to, read_from):
        self.write_to = write_to.fileno()
        self.read_from = read_from.fileno()
        self.number = 0
        self.rounds = []

    def ask_many(self, count):
        self.rounds.append([self._ask() for _ in range(count)])

    def _ask(self):
        """Ask one question and say how long its answer took, in µs."""
        self.number += 1
        question = ask(self.number)
        begin = time.perf_counter_ns()
        os.write(self.write_to, question)
        missing = SIZE
        while missing:
            missing -= len(os.read(self.read_from, SIZE))
        return (time.perf_counter_ns() - begin) / 1000


@contextmanager
def running(*commands):
    """Start commands as a pipeline; what they say about themselves is not shown."""
    with ExitStack() as stack:
        processes = []
        source = subprocess.PIPE
        for command in commands:
            process = subprocess.Popen(
                command,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            processes.append(stack.enter_context(process))
            source = process.stdout
        for process in processes[:-1]:
            process.stdout.close()
        yield Pipe(processes[0].stdin, processes[-1].stdout)
        processes[0].stdin.close()


def measure(store):
    record = [sys.executable, "-m", "mcplens", "record", "--store", store, "--"]
    asyncio_proxy = [sys.executable, str(HERE / "asyncio_proxy.py")]
    with ExitStack() as stack:
        pipes = {
            "directly": stack.enter_context(running(SERVER)),
            "cat | server | cat": stack.enter_context(running(["cat"], SERVER, ["cat"])),
            "mcplens record": stack.enter_context(running([*record, *SERVER])),
            "asyncio streams": stack.enter_context(running([*asyncio_proxy, *SERVER])),
        }
        for pipe in pipes.values():
            pipe.ask_many(WARM_UP)
            pipe.rounds.clear()
        turns = list(pipes.values())
        for _ in range(ROUNDS):
            random.shuffle(turns)
            for pipe in turns:
                pipe.ask_many(MESSAGES)
                time.sleep(REST_S)
        return {name: pipe.rounds for name, pipe in pipes.items()}


def added_us(rounds, direct):
    """How much longer a message took than directly: compared round by round, then the median."""
    return median(
        median(mine) - median(theirs) for mine, theirs in zip(rounds, direct, strict=True)
    )


def main():
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["MCPLENS_CONFIG_DIR"] = folder
        store = Path(folder, "store")
        sessions = [measure(str(store)) for _ in range(SESSIONS)]
        ended = [run for run in rows(store, "runs") if run.ended_at]
    added = {
        name: [added_us(session[name], session["directly"]) for session in sessions]
        for name in sessions[0]
    }
    print(f"Round trips of {SIZE}-byte messages, {SESSIONS * ROUNDS * MESSAGES} each, in µs\n")
    print(f"{'':22}{'p50':>8}{'added':>8}{'p90':>8}{'p99':>8}")
    for name in sessions[0]:
        times_us = [time_us for session in sessions for one in session[name] for time_us in one]
        cuts = quantiles(times_us, n=100)
        shown = (cuts[49], median(added[name]), cuts[89], cuts[98])
        print(f"{name:22}" + "".join(f"{value:8.1f}" for value in shown))
    calls, lost = sum(run.event_count for run in ended), sum(run.lost_count for run in ended)
    print(f"\nrecorded {calls} calls, lost {lost} messages")
    to_cat = ratio(added, "cat | server | cat")
    to_asyncio = ratio(added, "asyncio streams")
    holds = to_cat <= CAT_BOUND and to_asyncio <= ASYNCIO_BOUND
    print(
        f"added by mcplens: {to_cat:.2f} of cat (at most {CAT_BOUND:g}), "
        f"{to_asyncio:.3f} of asyncio (at most {ASYNCIO_BOUND:.3f}): "
        f"{'both hold' if holds else 'BROKEN'}"
    )
    return 0 if holds else 1


def ratio(added, other):
    """What mcplens adds over what the other adds: session by session, then the median."""
    return median(
        ours / theirs for ours, theirs in zip(added["mcplens record"], added[other], strict=True)
    )


if __name__ == "__main__":
    sys.exit(main())
