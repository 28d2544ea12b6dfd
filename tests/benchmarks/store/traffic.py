"""A store full of invented traffic, as sealing and compacting would have left it.

Drawn from one seed, day by day: thirty tools on five servers, lognormal durations, two failures in
a hundred, half of which are tried again; a session is a hundred calls on two of the servers.
"""

from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mcplens.events import SCHEMA_VERSION, columns_mark
from mcplens.store.arrow import schema, write_parquet
from mcplens.store.location import create
from mcplens.store.manifest import LiveFile, load_manifest, save_manifest

DAY_EVENTS = 274_000
"""A hundred million a year."""
SESSION_EVENTS = 100
SERVERS = ["books", "files", "git", "postgres", "search"]
TOOLS = [
    f"{verb}_{noun}"
    for verb in ("find", "list", "read", "write", "check", "count")
    for noun in SERVERS
]
FAILURES = 0.02
DAY_US = 86_400_000_000
LAST_DAY = datetime(2026, 11, 20, tzinfo=UTC)
_DIGITS = np.array([f"{byte:02x}" for byte in range(256)], dtype="S2").view("u1").reshape(256, 2)


def fill(folder: Path, events: int, *, write=write_parquet):
    """Make a store of so many events."""
    store = create(folder)
    days = max(1, round(events / DAY_EVENTS))
    per_day = events // days // SESSION_EVENTS * SESSION_EVENTS
    make = partial(_write_day, folder, days, per_day, write)
    if days > 1:
        # Forks would take along what threads of a watched process hold.
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
            made = list(workers.map(make, range(days)))
    else:
        made = [make(0)]
    manifest, _ = load_manifest(store)
    files = tuple(file for day in made for file in day)
    save_manifest(store, msgspec.structs.replace(manifest, files=files))
    return store


def _write_day(folder: Path, days: int, per_day: int, write, number: int):
    day = LAST_DAY - timedelta(days=days - 1 - number)
    date = day.date().isoformat()
    files = []
    for table, content in draw_day(np.random.default_rng([7, number]), day, per_day).items():
        path = f"{table}/date={date}/drawn-{number:05d}.parquet"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write(content, folder / path)
        files.append(
            LiveFile(
                table=table,
                date=date,
                path=path,
                row_count=content.num_rows,
                size_bytes=(folder / path).stat().st_size,
                schema_version=SCHEMA_VERSION,
                columns_mark=columns_mark(tuple(content.schema.names)),
            )
        )
    return files


def draw_day(draw, day, count):
    """Draw the rows of one day: its events, connections and runs, each in order of time."""
    sessions = count // SESSION_EVENTS
    session = np.repeat(np.arange(sessions), SESSION_EVENTS)
    began_us = draw.integers(0, DAY_US * 9 // 10, sessions)
    gaps_us = draw.exponential(DAY_US / 10 / SESSION_EVENTS / 4, (sessions, SESSION_EVENTS))
    midnight_us = int(day.timestamp()) * 1_000_000
    started_us = midnight_us + began_us[session] + gaps_us.cumsum(axis=1).astype("i8").ravel()
    started_us = np.minimum(started_us, midnight_us + DAY_US - 1)

    servers = np.stack([draw.permutation(len(SERVERS))[:2] for _ in range(sessions)])
    which = draw.integers(0, 2, count)
    tool = draw.integers(0, len(TOOLS) // len(SERVERS), count)
    arguments = draw.integers(0, 256, (count, 16), dtype="u1")
    failed = draw.random(count) < FAILURES
    # What failed is tried again by the next call of the session, one time of two.
    again = np.flatnonzero(failed[:-1] & (draw.random(count - 1) < 0.5)) + 1
    again = again[session[again] == session[again - 1]]
    again = again[~np.isin(again - 1, again)]
    for column in (which, tool, arguments):
        column[again] = column[again - 1]
    server = servers[session, which]
    run = session * 2 + which
    place = np.arange(count)
    second = np.concatenate([[0], np.cumsum(which)])
    begin = session * SESSION_EVENTS
    before = np.where(
        which == 1, second[place] - second[begin], place - begin - (second[place] - second[begin])
    )
    sequence = before + 1

    run_ids = _hex(draw.integers(0, 256, (sessions * 2, 6), dtype="u1"))
    session_ids = _hex(draw.integers(0, 256, (sessions, 16), dtype="u1"))
    medians_ms = np.exp(np.linspace(np.log(2), np.log(900), len(TOOLS)))
    tool_number = server * (len(TOOLS) // len(SERVERS)) + tool
    work_ms = np.round(np.exp(np.log(medians_ms[tool_number]) + draw.normal(0, 0.6, count)), 6)
    call_ids = _join(run_ids.take(run), sequence)
    retry_of = np.full(count, -1)
    retry_of[again] = again - 1
    tool_names = np.array(TOOLS).reshape(-1, len(SERVERS)).T.ravel()
    recorded_us = started_us + (work_ms * 1000).astype("i8") + draw.integers(0, 50_000, count)

    columns = {
        "event_id": call_ids,
        "run_id": run_ids.take(run),
        "connection_id": _join(run_ids.take(run), "c1"),
        "observer": "proxy",
        "sequence": sequence,
        "direction": "to_server",
        "request_id": pa.array(sequence).cast("string"),
        "call_id": call_ids,
        "round": 1,
        "is_final": True,
        "attempt": np.where(retry_of >= 0, 2, 1),
        "retry_of": call_ids.take(pa.array(retry_of, mask=retry_of < 0)),
        "session_id": session_ids.take(session),
        "session_basis": "client_process",
        "client_name": "example-agent",
        "client_version": "3.2.0",
        "server_name": pa.array(SERVERS).take(server),
        "server_basis": "handshake",
        "server_version": "1.4.0",
        "transport": "stdio",
        "protocol_version": "2026-07-28",
        "method": "tools/call",
        "target": pa.array(tool_names).take(tool_number),
        "definition_hash": _hex(
            np.random.default_rng(1).integers(0, 256, (len(TOOLS), 32), dtype="u1")
        ).take(tool_number),
        "started_at": pa.array(started_us).cast(pa.timestamp("us")),
        "arguments_hash": _hex(arguments),
        "arguments_shape": _shapes(draw, tool_names[tool_number]),
        "request_bytes": draw.integers(180, 900, count),
        "outcome": pa.array(["ok", "tool_error"]).take(failed.astype("i8")),
        "outcome_basis": "answer",
        "error_class": pa.array(["tool_failure"]).take(
            pa.array(np.zeros(count, "i8"), mask=~failed)
        ),
        "duration_ms": work_ms,
        "wait_ms": 0.0,
        "work_ms": work_ms,
        "duration_bin": np.ceil(np.log(work_ms) / np.log(1.02)).astype("i8"),
        "result_hash": _hex(draw.integers(0, 256, (count, 16), dtype="u1")),
        "response_bytes": np.exp(draw.normal(6, 1, count)).astype("i8"),
        "content_kinds": ["text"],
        "is_structured": False,
        "is_read_only": True,
        "recorded_at": pa.array(recorded_us).cast(pa.timestamp("us")),
        "schema_version": SCHEMA_VERSION,
    }
    events = _table("events", columns, count)
    events = events.take(pc.sort_indices(events["started_at"]))
    first_us, last_us = (
        started_us.reshape(sessions, -1)[:, 0],
        started_us.reshape(sessions, -1)[:, -1],
    )
    return {
        "events": events,
        "connections": _connections(run_ids, servers, first_us, last_us),
        "runs": _runs(run_ids, first_us, last_us),
    }


def _connections(run_ids, servers, first_us, last_us):
    count = len(run_ids)
    columns = {
        "connection_id": _join(run_ids, "c1"),
        "run_id": run_ids,
        "observer": "proxy",
        "transport": "stdio",
        "command": "example-server",
        "spawned_at": pa.array(np.repeat(first_us, 2) - 500_000).cast(pa.timestamp("us")),
        "first_answered_at": pa.array(np.repeat(first_us, 2)).cast(pa.timestamp("us")),
        "ended_at": pa.array(np.repeat(last_us, 2) + 2_000_000).cast(pa.timestamp("us")),
        "end_reason": "client_closed",
        "exit_code": 0,
        "server_name": pa.array(SERVERS).take(servers.ravel()),
        "recorded_at": pa.array(np.repeat(last_us, 2) + 2_000_000).cast(pa.timestamp("us")),
        "schema_version": SCHEMA_VERSION,
    }
    made = _table("connections", columns, count)
    return made.take(pc.sort_indices(made["spawned_at"]))


def _runs(run_ids, first_us, last_us):
    columns = {
        "run_id": run_ids,
        "label": "main@1a2b3c4",
        "observer": "proxy",
        "keep": "shape",
        "mcplens_version": "0.1.0",
        "started_at": pa.array(np.repeat(first_us, 2) - 600_000).cast(pa.timestamp("us")),
        "ended_at": pa.array(np.repeat(last_us, 2) + 2_000_000).cast(pa.timestamp("us")),
        "event_count": SESSION_EVENTS // 2,
        "lost_count": 0,
        "recorded_at": pa.array(np.repeat(last_us, 2) + 2_000_000).cast(pa.timestamp("us")),
        "schema_version": SCHEMA_VERSION,
    }
    made = _table("runs", columns, len(run_ids))
    return made.take(pc.sort_indices(made["started_at"]))


def _table(table, columns, count):
    arrays = []
    for field in schema(table):
        values = columns.get(field.name)
        if values is None or isinstance(values, (str, bool, int, float, list)):
            arrays.append(pa.repeat(pa.scalar(values, field.type), count))
        else:
            made = values if isinstance(values, pa.Array) else pa.array(values)
            arrays.append(made.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema(table))


def _hex(bytes_):
    """Write rows of bytes as an Arrow array of hexadecimal texts."""
    count, width = bytes_.shape
    offsets = np.arange(count + 1, dtype="i4") * (width * 2)
    text = np.ascontiguousarray(_DIGITS[bytes_])
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))


def _join(ids, ends):
    ends = pa.scalar(ends) if isinstance(ends, str) else pa.array(ends).cast("string")
    return pc.binary_join_element_wise(ids, ends, "-")


def _shapes(draw, tools):
    sizes = draw.integers(4, 60, len(tools))
    return pc.binary_join_element_wise(
        '{"',
        pa.array(np.char.partition(np.unique(tools), "_")[:, 2]).take(
            np.searchsorted(np.unique(tools), tools)
        ),
        '":"string(',
        pa.array(sizes).cast("string"),
        ')"}',
        "",
    )
