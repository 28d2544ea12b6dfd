"""The same per-tool summary with what else people have: a loop over JSON lines, pandas and others.

    uv run python -m tests.benchmarks.store.peers [--events N]

Count, failures, p50, p95 and p99 of each tool, from a file on disk to the numbers. DuckDB and the
data frames read Parquet, the loop and SQLite what is usual with them.
"""

import argparse
import json
import sqlite3
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq

import mcplens
from tests.benchmarks.store.table import show
from tests.benchmarks.store.traffic import fill

ROUNDS = 3
LOOP_BOUND = 40
COLUMNS = ["server_name", "target", "outcome", "work_ms"]


def by_views(place):
    """Ask mcplens."""
    return (
        place["con"]
        .execute(
            "select server_name, tool_name, call_count, failure_count, p50_ms, p95_ms, p99_ms"
            " from tool_metrics"
        )
        .fetchall()
    )


def by_duckdb(place):
    """Ask DuckDB alone."""
    return duckdb.execute(
        "select server_name, target, count(*), count(*) filter (outcome <> 'ok'),"
        f" quantile_cont(work_ms, [0.5, 0.95, 0.99]) from read_parquet({place['files']})"
        " group by all"
    ).fetchall()


def by_polars(place):
    """Ask polars."""
    return (
        pl.scan_parquet(place["files"])
        .group_by("server_name", "target")
        .agg(
            pl.len(),
            (pl.col("outcome") != "ok").sum().alias("failures"),
            *(pl.col("work_ms").quantile(q, "linear").alias(f"q{q}") for q in (0.5, 0.95, 0.99)),
        )
        .collect()
        .rows()
    )


def by_pandas(place):
    """Ask pandas."""
    seen = pd.concat(pd.read_parquet(file, columns=COLUMNS) for file in place["files"])
    seen["failed"] = seen.outcome != "ok"
    tools = seen.groupby(["server_name", "target"])
    counts = tools.failed.agg(["size", "sum"])
    quantiles = tools.work_ms.quantile([0.5, 0.95, 0.99]).unstack()  # noqa: PD010
    return list(counts.join(quantiles).itertuples())


def by_sqlite(place):
    """Ask SQLite, which has no quantiles but can number rows."""
    return (
        place["sqlite"]
        .execute(
            """
        with numbered as (
            select *,
                row_number() over (partition by server_name, target order by work_ms) as place,
                count(*) over (partition by server_name, target) as n
            from events
        )
        select server_name, target, max(n), sum(outcome <> 'ok'),
            min(case when place >= n * 0.5 then work_ms end),
            min(case when place >= n * 0.95 then work_ms end),
            min(case when place >= n * 0.99 then work_ms end)
        from numbered group by server_name, target
        """
        )
        .fetchall()
    )


def by_loop(place):
    """Do what everybody writes first."""
    times, failures = defaultdict(list), defaultdict(int)
    with place["lines"].open() as lines:
        for line in lines:
            row = json.loads(line)
            tool = row["server_name"], row["target"]
            times[tool].append(row["work_ms"])
            failures[tool] += row["outcome"] != "ok"
    return [
        (
            *tool,
            len(seen),
            failures[tool],
            *(sorted(seen)[int(q * len(seen))] for q in (0.5, 0.95, 0.99)),
        )
        for tool, seen in times.items()
    ]


WAYS = {
    "mcplens, tool_metrics": by_views,
    "DuckDB on the same files": by_duckdb,
    "polars": by_polars,
    "pandas": by_pandas,
    "SQLite": by_sqlite,
    "Python loop over JSON lines": by_loop,
}


def prepare(folder: Path, events: int):
    """Lay the same events out for each."""
    store = fill(folder / "store", events)
    files = sorted(str(path) for path in store.path.glob("events/*/drawn*.parquet"))
    lines = folder / "events.jsonl"
    base = sqlite3.connect(folder / "events.sqlite")
    base.execute("create table events (server_name text, target text, outcome text, work_ms real)")
    with lines.open("w") as out:
        for file in files:
            rows = pq.read_table(file, partitioning=None)
            dated = rows.set_column(
                rows.schema.get_field_index("started_at"),
                "started_at",
                rows["started_at"].cast("string"),
            ).drop_columns(["recorded_at"])
            for row in dated.to_pylist():
                kept = {name: value for name, value in row.items() if value is not None}
                out.write(json.dumps(kept) + "\n")
            base.executemany(
                "insert into events values (?, ?, ?, ?)",
                zip(*(rows[c].to_pylist() for c in COLUMNS), strict=True),
            )
    base.commit()
    return {"con": mcplens.connect(store.path), "files": files, "lines": lines, "sqlite": base}


def measure(events: int):
    """Ask each in turn, check that all count the same, and print what each took."""
    with tempfile.TemporaryDirectory() as folder:
        place = prepare(Path(folder), events)
        took_s = {name: [] for name in WAYS}
        for _ in range(ROUNDS):
            for name, way in WAYS.items():
                begin = time.perf_counter()
                rows = way(place)
                took_s[name].append(time.perf_counter() - begin)
                assert len(rows) == 30, name
    best = median(took_s["DuckDB on the same files"])
    ours = median(took_s["mcplens, tool_metrics"])
    show(
        ["the same summary", "median", "of DuckDB", "of mcplens"],
        [
            [
                name,
                f"{median(s) * 1000:,.0f} ms",
                f"{median(s) / best:.1f}",
                f"{median(s) / ours:.1f}",
            ]
            for name, s in took_s.items()
        ],
    )
    loop = median(took_s["Python loop over JSON lines"]) / ours
    word = "holds" if loop >= LOOP_BOUND else "DOES NOT HOLD"
    print(f"the loop takes {loop:.0f} x what mcplens does (at least {LOOP_BOUND}): {word}")


def main():
    """Read the options and measure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    measure(options.parse_args().events)


if __name__ == "__main__":
    main()
