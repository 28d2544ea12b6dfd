"""What stands in the files of a store, read without DuckDB."""

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from mcplens.events import Event
from mcplens.store.lines import read_lines
from mcplens.store.manifest import load_manifest
from mcplens.store.reading import readable_files


def outcomes_in(store):
    """Read how each event ended, quickly. Fails on a row that is there twice."""
    readable = readable_files(store)
    rows = [row for path in readable.parquet["events"] for row in events_in(Path(path))]
    rows += [row for tail in readable.tails for row in events_in_tail(Path(tail))]
    outcomes = {}
    for event_id, outcome in rows:
        assert outcome is None or outcomes.get(event_id) is None, f"{event_id} ended twice"
        outcomes[event_id] = outcome or outcomes.get(event_id)
    opened = Counter(event_id for event_id, outcome in rows if outcome is None)
    assert max(opened.values(), default=1) == 1, opened
    return outcomes


def spooled_in(store):
    """Name the events that have a row in the spool."""
    tails = readable_files(store).tails
    return {id_ for tail in tails for id_, _ in events_in_tail(Path(tail))}


def moving_in(store):
    """Name the events in files on their way into an archive."""
    moving = load_manifest(store)[0].moving
    paths = moving.paths if moving else ()
    return {id_ for path in paths for id_, _ in events_in(store.path / path)}


def standing_in(store):
    """Name the events in any file that is there, whether it is read or not."""
    files = [id_ for path in store.path.glob("events/*/*.parquet") for id_, _ in events_in(path)]
    parts = [id_ for path in store.spool.glob("*.jsonl") for id_, _ in events_in_tail(path)]
    return {*files, *parts}


def events_in(path):
    """Read the events of a Parquet file; none where that is damaged."""
    try:
        with pq.ParquetFile(path) as opened:
            if "event_id" not in opened.schema_arrow.names:
                return []
            read = opened.read(["event_id", "outcome"])
    except (OSError, ValueError):
        return []
    return list(zip(read["event_id"].to_pylist(), read["outcome"].to_pylist(), strict=True))


def events_in_tail(path):
    lines = [line for line in read_lines(path) if isinstance(line, Event)]
    return [(line.event_id, line.outcome) for line in lines]
