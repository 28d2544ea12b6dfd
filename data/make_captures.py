"""Make the golden capture of a schema version, once: `data/captures/vN` as this mcplens writes it.

    python data/make_captures.py

What stands there is never made again: it is what an old mcplens left, and every later one must read
it. Only a version that has none yet gets one, and this script changes with the rows it needs then.
"""

from __future__ import annotations

import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow.parquet as pq

from mcplens.events import SCHEMA_VERSION, TABLES, Row, columns
from mcplens.store.layout import SEED_DATE, Store
from mcplens.store.location import create
from mcplens.store.seal import seal
from mcplens.store.spool import Spool

CAPTURES: Final = Path(__file__).parent / "captures"
NOON: Final = datetime(2026, 11, 20, 12)  # noqa: DTZ001  the raw tables are naive UTC
RECORDED_S: Final = 1_795_176_000.0  # the same noon, as the writer's clock tells it

LATER: Final = {
    "events": ["test_id", "duration_bin", "first_progress_ms", "side_effects", "note_basis"],
    "connections": ["shadowed_by", "first_request_at", "opening_hash"],
    "runs": ["recorder_cpu_ms"],
    "definitions": ["definition_bytes"],
    "notices": ["lost_count"],
    "samples": ["peak_memory_bytes"],
}
"""Columns that an earlier mcplens of the same version did not know yet."""


def filled(table: str, number: int, /, **values: Any) -> Row:
    """Build a row that has a value in every column; what is not named is made up from its name."""
    made = {column.name: _made_up(column.name, column.type, number) for column in columns(table)}
    made |= {"run_id": "golden", "schema_version": SCHEMA_VERSION} | values
    return msgspec.convert({"table": table, **made}, TABLES[table])


def _made_up(name: str, kind: str, number: int) -> Any:
    return {
        "VARCHAR": f"{name} {number}",
        "BIGINT": number,
        "DOUBLE": number + 0.5,
        "BOOLEAN": number % 2 == 1,
        "TIMESTAMP": NOON + timedelta(seconds=number, microseconds=len(name)),
        "VARCHAR[]": ["text", "ünïcode \u2028", ""][:number],
    }.get(kind, [{"kind": "issue", "target": "#7", "detail": None}, {"kind": "file"}][:number])


def golden_call(number: int, /, **values: Any) -> Row:
    """Build an event of the golden run."""
    return filled(
        "events",
        number,
        **{
            "event_id": f"golden-{number}",
            "sequence": number,
            "connection_id": "golden-c1",
            "call_id": f"golden-{number}",
            "observer": "proxy",
            "direction": "to_server",
            "method": "tools/call",
            "target": "search",
            "server_name": "golden",
            "session_id": "golden-s1",
            "is_final": True,
            "is_warmup": False,
            "error_class": None,
            "outcome": "ok",
            "retry_of": None,
            "attempt": 1,
            "trace_id": None,
            "lost_before": None,
        }
        | values,
    )


def bare(table: str, /, **values: Any) -> Row:
    """Build a row with nothing in it but what every row has."""
    needed = {"run_id": "golden", "schema_version": SCHEMA_VERSION, **values}
    return msgspec.convert({"table": table, **needed}, TABLES[table])


def sealed_rows() -> list[Row]:
    """Give what stands in Parquet."""
    tomorrow = NOON + timedelta(days=1)
    opened = {"connection_id": "golden-c1", "observer": "proxy", "shadowed_by": None}
    return [
        filled("runs", 1, observer="proxy", ended_at=None, event_count=None, lost_count=None),
        filled("connections", 1, **opened, ended_at=None, end_reason=None, exit_code=None),
        filled("definitions", 1, connection_id="golden-c1"),
        golden_call(1, work_ms=10.0),
        golden_call(2, work_ms=30.0, outcome="tool_error", error_class="tool_failure"),
        golden_call(3, outcome=None, work_ms=None, duration_ms=None),
        golden_call(4, started_at=tomorrow, work_ms=20.0),
        filled("notices", 1, kind="lost", direction="to_server", lost_count=2),
        filled("samples", 1, connection_id="golden-c1"),
    ]


def spooled_rows() -> list[Row]:
    """Give what stands in the spool: an end, a row of NULLs, and how it all came to its end."""
    ended = {"connection_id": "golden-c1", "observer": "proxy", "shadowed_by": None}
    return [
        golden_call(3, work_ms=50.0, outcome="timeout"),
        bare(
            "events",
            event_id="golden-5",
            connection_id="golden-c1",
            observer="proxy",
            sequence=5,
            direction="to_client",
            outcome="ok",
        ),
        filled("connections", 2, **ended, end_reason="client_closed", exit_code=-9),
        filled("runs", 2, observer="proxy", event_count=5, lost_count=2),
        bare("notices", notice_id="golden-n2"),
        bare("definitions", definition_hash="d2", connection_id="golden-c1"),
        bare("samples", sample_id="golden-p2"),
    ]


MARTS: Final = {
    "select call_count, success_count, failure_count, max_ms from tool_metrics": [[4, 2, 2, 50.0]],
    "select call_count, failure_count, session_id from session_metrics": [[4, 2, "golden-s1"]],
    "select lost_count from overview": [[2]],
}
"""What a few views say of these rows, worked out by hand."""


def make(folder: Path, *, without: dict[str, list[str]]) -> None:
    """Make one capture, as an mcplens that does not know some columns would have left it."""
    store = create(folder / "store")
    sealed = [_lacking(row, without) for row in sealed_rows()]
    spooled = [_lacking(row, without) for row in spooled_rows()]
    # One writer all along: what is open in the first part ends in the second.
    spool = Spool(store, run_id="golden", max_bytes=1, clock=lambda: RECORDED_S)
    spool.write(sealed)
    spool.write(spooled)
    seal(store, clock=lambda: RECORDED_S)
    spool.close()
    if without:
        _narrow(store, without)
    _take_out_what_no_reader_needs(store)
    # The row that said a request was open is in Parquet, and its end in the spool: both are read.
    expected = {
        "tables": {
            table: [
                msgspec.to_builtins(_dict(row)) for row in [*sealed, *spooled] if _is(row, table)
            ]
            for table in TABLES
        },
        "marts": {} if without else MARTS,
    }
    content = msgspec.json.format(msgspec.json.encode(expected), indent=1) + b"\n"
    (folder / "expected.json").write_bytes(content)


def _is(row: Row, table: str) -> bool:
    return isinstance(row, TABLES[table])


def _dict(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _lacking(row: Row, without: dict[str, list[str]]) -> Row:
    names = without.get(str(row.__struct_config__.tag), [])
    return msgspec.structs.replace(row, **dict.fromkeys(names)) if names else row


def _narrow(store: Store, without: dict[str, list[str]]) -> None:
    """Take columns out of the Parquet files, and out of the manifest what was not known either."""
    manifest = msgspec.json.decode(store.manifest.read_bytes())
    del manifest["quarantined"]
    for file in manifest["files"]:
        path = store.path / file["path"]
        pq.write_table(pq.ParquetFile(path).read().drop_columns(without[file["table"]]), path)
        file["size_bytes"] = path.stat().st_size
        del file["digest"]
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    store.manifest.write_bytes(content)


def _take_out_what_no_reader_needs(store: Store) -> None:
    (store.spool / "golden-00001.jsonl").unlink()
    for table in TABLES:
        shutil.rmtree(store.path / table / f"date={SEED_DATE}")
    for name in (".gitignore", ".lock", "manifest.backup.json", "views.sql"):
        (store.path / name).unlink()
    (store.spool / "seed.jsonl").unlink()
    store.quarantine.rmdir()


def main() -> int:
    """Make what is not there yet."""
    folder = CAPTURES / f"v{SCHEMA_VERSION}"
    for path, without in ((folder, {}), (folder.with_name(f"{folder.name}-earlier"), LATER)):
        if path.exists():
            sys.stderr.write(f"{path} stands, and is never made again\n")
        else:
            make(path, without=without)
    return 0


if __name__ == "__main__":
    sys.exit(main())
