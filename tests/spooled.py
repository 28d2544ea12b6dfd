"""What recorders left in the spool of a store, for tests that look at the rows themselves."""

from pathlib import Path

import msgspec

from mcplens.events import TABLES, AnyRow


def rows(store: Path, table: str) -> list[AnyRow]:
    """Read one table's rows in the order they were written, whole lines only."""
    kind = TABLES[table]
    lines = [
        line
        for part in sorted((store / "spool").glob("*.jsonl"))
        for line in part.read_bytes().splitlines(keepends=True)
        if line.endswith(b"\n")
    ]
    read = [msgspec.json.decode(line, type=AnyRow) for line in lines]
    return [row for row in read if isinstance(row, kind)]


def ended(store: Path) -> list:
    """Read the events that have an end."""
    return [event for event in rows(store, "events") if event.outcome is not None]


def calls(store: Path) -> list:
    """Read the calls that have an end."""
    return [event for event in ended(store) if event.is_final]
