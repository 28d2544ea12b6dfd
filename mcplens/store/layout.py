"""Where things lie inside a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SEED_DATE = "1970-01-01"
"""The date folder of the empty Parquet file that gives every table its columns."""

NO_DATE = "__HIVE_DEFAULT_PARTITION__"
"""What the hive layout calls the folder of rows that know no time at all."""

SEED_NAME = "seed.parquet"
"""The name of that file."""

SEED_TAIL = "seed.jsonl"
"""The empty spool file that gives readers of tails something to read."""

REASON = ".reason.txt"
"""What the name of a quarantined file's reason ends in."""

SEEDS = Path(__file__).parent / "seeds"
"""The seed files that come with mcplens, laid out as in a store."""

VIEWS_SQL = Path(__file__).parent / "views.sql"
"""The views for a plain DuckDB shell, as they come with mcplens."""


@dataclass(frozen=True, slots=True)
class Store:
    """A folder that holds runs."""

    path: Path

    @property
    def manifest(self) -> Path:
        """Say which Parquet files are alive and what they replaced."""
        return self.path / "manifest.json"

    @property
    def manifest_backup(self) -> Path:
        """Repeat the manifest, for the day it cannot be read."""
        return self.path / "manifest.backup.json"

    @property
    def lock(self) -> Path:
        """Be held by whoever changes the manifest."""
        return self.path / ".lock"

    @property
    def housekeeping_lock(self) -> Path:
        """Be held by the one process that seals and compacts in the background."""
        return self.path / ".housekeeping"

    @property
    def spool(self) -> Path:
        """Hold the live tails, one file per writer."""
        return self.path / "spool"

    @property
    def quarantine(self) -> Path:
        """Hold what was damaged or nobody's, with the reason beside it."""
        return self.path / "quarantine"

    @property
    def views_sql(self) -> Path:
        """Make every view in a plain DuckDB shell."""
        return self.path / "views.sql"

    def relative(self, path: Path) -> str:
        """Name a file of the store as the manifest does."""
        return path.relative_to(self.path).as_posix()


def seed_path(folder: Path, table: str) -> Path:
    """Name the empty Parquet file that gives a table its columns."""
    return folder / table / f"date={SEED_DATE}" / SEED_NAME


def date_in(path: str) -> str:
    """Name the day, UTC, whose folder a Parquet file lies in; `NO_DATE` where none is known."""
    return Path(path).parent.name.removeprefix("date=")
