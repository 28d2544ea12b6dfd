"""Make the empty Parquet files that give an empty store its columns.

Run `python -m mcplens.store.make_seeds` after a change to the raw tables; a test says when.
"""

from __future__ import annotations

from mcplens.events import TABLES
from mcplens.store.arrow import schema, write_parquet
from mcplens.store.layout import SEED_TAIL, SEEDS, seed_path


def main() -> None:
    """Write every seed into the package."""
    for table in TABLES:
        seed = seed_path(SEEDS, table)
        seed.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(schema(table).empty_table(), seed)
        seed.chmod(0o644)
    (SEEDS / SEED_TAIL).write_bytes(b"")


if __name__ == "__main__":
    main()
