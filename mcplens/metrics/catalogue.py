"""What views there are, and what they answer, from their own comments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcplens.metrics.layers import LAYERS, view_files

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewColumn:
    """One column of a view."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewEntry:
    """One view: what a row of it is, and what its columns say."""

    name: str
    layer: str
    """marts for people, intermediate and staging for those who look behind them."""
    comment: str
    columns: tuple[ViewColumn, ...]


def view_catalogue(con: DuckDBPyConnection) -> list[ViewEntry]:
    """List the views of a connection, those for people first."""
    comments = dict(
        con.execute(
            "select view_name, comment from duckdb_views() where schema_name = 'main'"
        ).fetchall()
    )
    columns: dict[str, list[ViewColumn]] = {}
    for view, name, kind, comment in con.execute(
        "select table_name, column_name, data_type, comment from duckdb_columns()"
        " where schema_name = 'main' order by table_name, column_index"
    ).fetchall():
        columns.setdefault(view, []).append(ViewColumn(name=name, type=kind, comment=comment or ""))
    entries = [
        ViewEntry(
            name=view.name,
            layer=view.layer,
            comment=comments[view.name] or "",
            columns=tuple(columns[view.name]),
        )
        for view in view_files()
        if view.name in comments
    ]
    return sorted(entries, key=lambda entry: -LAYERS.index(entry.layer))
