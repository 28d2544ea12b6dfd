"""What questions to a large store take, against reading one column of the same files.

    uv run python -m tests.benchmarks.store.reading [--events N] [--store DIR]

Each question runs in a process of its own, in turn with the yardstick `sum(duration_ms)`, so that
its memory can be told too.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

from tests.benchmarks.store.traffic import fill

ROUNDS = 5
MEMORY_BOUND_BYTES = 2_000_000_000
QUESTIONS = {
    "tool_metrics": (6.0, "from tool_metrics"),
    "tool_metrics, without ok_": (6.0, "select * exclude (ok_p50_ms, ok_p95_ms) from tool_metrics"),
    "tool_estimates": (2.5, "from tool_estimates"),
    "last ten minutes": (
        0.1,
        """
        select tool_name, count(*), quantile_cont(work_ms, [0.5, 0.95]) from calls
        where started_at >= timestamp '{last}' - interval 10 minutes group by tool_name
        """,
    ),
    "the same, with since=": (
        0.1,
        "select tool_name, count(*), quantile_cont(work_ms, [0.5, 0.95]) from calls group by 1",
    ),
    "one session": (0.5, "select * from calls where session_id = '{session}'"),
    "session_metrics of one": (None, "from session_metrics where session_id = '{session}'"),
    "errors": (None, "from errors"),
    "overview": (None, "from overview"),
    "session_metrics": (None, "select count(*), sum(call_count) from session_metrics"),
}
"""What is asked, and how many times the yardstick it may take."""
SLOW = {"session_metrics"}
"""Asked once."""
RECENT = {"the same, with since="}
"""Asked of a connection that shows the last ten minutes only, and keeps older files closed."""


def measure(store: Path):
    """Ask each question, and print what it took."""
    heads = ["median", "yardstick", "ratio", "at most", "holds", "peak memory", "question"]
    print("  ".join(f"{head:>12}" for head in heads))
    for name, (bound, _) in QUESTIONS.items():
        found = json.loads(
            subprocess.run(
                [sys.executable, "-m", __spec__.name, "--store", str(store), "--ask", name],
                check=True,
                stdout=subprocess.PIPE,
            ).stdout
        )
        ratio = median(found["took_s"]) / median(found["floor_s"])
        cells = [
            f"{median(found['took_s']) * 1000:,.0f} ms",
            f"{median(found['floor_s']) * 1000:,.0f} ms",
            f"{ratio:.2f}",
            "" if bound is None else f"{bound:g}",
            "" if bound is None else ("yes" if ratio <= bound else "NO"),
            f"{found['peak_bytes'] / 1e9:.2f} GB",
        ]
        # One by one: of a large store each takes a while.
        print("  ".join(f"{cell:>12}" for cell in [*cells, name]), flush=True)


def ask(store: Path, name: str):
    """Ask one question in turn with the yardstick, and print times and memory as JSON."""
    import mcplens

    con = mcplens.connect(store)
    files = [str(path) for path in sorted(store.glob("events/*/*.parquet"))]
    floor = f"select sum(duration_ms) from read_parquet({files})"
    [(last,)] = con.execute("select max(started_at) from raw_events").fetchall()
    [(session,)] = con.execute(
        f"select session_id from raw_events where started_at = timestamp '{last}' limit 1"
    ).fetchall()
    sql = QUESTIONS[name][1].format(last=last, session=session)
    if name in RECENT:
        con = mcplens.connect(store, since=last - timedelta(minutes=10))
    took_s, floor_s = [], []
    for _ in range(1 if name in SLOW else ROUNDS):
        for times, question in ((floor_s, floor), (took_s, sql)):
            begin = time.perf_counter()
            con.execute(question).fetchall()
            times.append(time.perf_counter() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"took_s": took_s, "floor_s": floor_s, "peak_bytes": peak}))


def main():
    """Measure a store, or one made for it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--store", type=Path, help="one made before")
    options.add_argument("--ask", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.ask:
        ask(given.store, given.ask)
    elif given.store:
        measure(given.store)
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(fill(Path(folder) / "store", given.events).path)


if __name__ == "__main__":
    main()
