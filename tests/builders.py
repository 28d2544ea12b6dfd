"""Rows for tests: what matters is named in the test, the rest is filled in here."""

from datetime import datetime, timedelta
from itertools import count

from mcplens.events import SCHEMA_VERSION, Connection, Definition, Event, Notice, Run

NOON = datetime(2026, 11, 20, 12, 0, 0)  # noqa: DTZ001  the raw tables are naive UTC
_sequence = count(1)


def event(*, at: float = 0.0, run_id: str = "run1", **overrides) -> Event:
    """Build one event that started `at` seconds after noon."""
    sequence = overrides.pop("sequence", None) or next(_sequence)
    started_at = NOON + timedelta(seconds=at)
    values = {
        "event_id": f"{run_id}-{sequence}",
        "run_id": run_id,
        "connection_id": f"{run_id}-c1",
        "observer": "proxy",
        "sequence": sequence,
        "direction": "to_server",
        "request_id": str(sequence),
        "session_id": f"{run_id}-c1",
        "session_basis": "connection",
        "client_name": "agent",
        "server_name": "files",
        "transport": "stdio",
        "protocol_version": "2026-07-28",
        "method": "tools/call",
        "target": "read_file",
        "started_at": started_at,
        "request_bytes": 200,
        "outcome": "ok",
        "duration_ms": 10.0,
        "work_ms": 10.0,
        "recorded_at": started_at,
        "schema_version": SCHEMA_VERSION,
    }
    return Event(**{**values, **overrides})


def call(**overrides) -> Event:
    """Build the one event of a finished call."""
    built = event(**{"round": 1, "is_final": True, **overrides})
    if built.call_id is None:
        built.call_id = built.event_id
    return built


def connection(*, at: float = 0.0, run_id: str = "run1", **overrides) -> Connection:
    """Build one row of a connection that was opened `at` seconds after noon."""
    spawned_at = NOON + timedelta(seconds=at)
    values = {
        "connection_id": f"{run_id}-c1",
        "run_id": run_id,
        "observer": "proxy",
        "transport": "stdio",
        "spawned_at": spawned_at,
        "server_name": "files",
        "recorded_at": spawned_at,
        "schema_version": SCHEMA_VERSION,
    }
    return Connection(**{**values, **overrides})


def run(*, at: float = 0.0, run_id: str = "run1", **overrides) -> Run:
    """Build one row of a run that began `at` seconds after noon."""
    started_at = NOON + timedelta(seconds=at)
    values = {
        "run_id": run_id,
        "label": "main@1a2b3c4",
        "observer": "proxy",
        "keep": "shape",
        "started_at": started_at,
        "recorded_at": started_at,
        "schema_version": SCHEMA_VERSION,
    }
    return Run(**{**values, **overrides})


def definition(*, at: float = 0.0, run_id: str = "run1", **overrides) -> Definition:
    """Build one tool as it was advertised `at` seconds after noon."""
    values = {
        "definition_hash": "d1",
        "run_id": run_id,
        "connection_id": f"{run_id}-c1",
        "server_name": "files",
        "kind": "tool",
        "name": "read_file",
        "definition": '{"name":"read_file"}',
        "definition_bytes": 20,
        "seen_at": NOON + timedelta(seconds=at),
        "recorded_at": NOON + timedelta(seconds=at),
        "schema_version": SCHEMA_VERSION,
    }
    return Definition(**{**values, **overrides})


def notice(*, at: float = 0.0, run_id: str = "run1", **overrides) -> Notice:
    """Build something that was seen `at` seconds after noon and is no request."""
    values = {
        "notice_id": f"{run_id}-n{next(_sequence)}",
        "run_id": run_id,
        "connection_id": f"{run_id}-c1",
        "noticed_at": NOON + timedelta(seconds=at),
        "kind": "not_json",
        "recorded_at": NOON + timedelta(seconds=at),
        "schema_version": SCHEMA_VERSION,
    }
    return Notice(**{**values, **overrides})
