"""What is wanted out of a store: rows by age and by run, whole days by size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mcplens.store.manifest import as_utc
from mcplens.store.retention import SHORT_S

if TYPE_CHECKING:
    from mcplens.store.manifest import Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to leave a store; rows must be of these runs and from before the limit."""

    limit: datetime | None = None
    """The first moment that stays, naive UTC."""
    run_ids: frozenset[str] | None = None
    size_bytes: int | None = None
    """What may stay in all; the oldest days leave first."""
    tables: frozenset[str] | None = None
    """Only rows of these tables."""
    is_exact: bool = True
    """Whether rows leave at once that share a file with others that stay."""

    @property
    def goes_by_row(self) -> bool:
        """Whether rows are chosen one by one."""
        return self.limit is not None or self.run_ids is not None

    def is_of(self, table: str) -> bool:
        """Tell whether rows of a table may leave at all."""
        return self.tables is None or table in self.tables

    def is_of_run(self, run_id: str) -> bool:
        """Tell whether rows of a run may leave at all."""
        return self.run_ids is None or run_id in self.run_ids


def limit_of(age_s: float, *, now: float) -> datetime:
    """Say what is too young to leave at this age, naive UTC."""
    try:
        return as_utc(now) - timedelta(seconds=age_s)
    except OverflowError:
        return datetime.min  # noqa: DTZ901  nothing is that old


def wanted_by(retention: Retention, *, now: float) -> Wanted:
    """Say what is to leave a store that keeps this much."""
    age_s = retention.age_s
    return Wanted(
        limit=None if age_s is None else limit_of(age_s, now=now),
        size_bytes=retention.size_bytes,
        is_exact=age_s is not None and age_s < SHORT_S,
    )
