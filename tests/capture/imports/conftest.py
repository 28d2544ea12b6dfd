"""Files in, the rows of a store out."""

import json
from pathlib import Path

import pytest

from mcplens.capture.imports.importing import import_files
from mcplens.store.location import create
from tests import spooled

LONG_AFTER = 4_000_000_000.0  # 2096: whatever a test wrote is no longer growing.


class Importing:
    """A store, and the files of one test imported into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = create(folder / "store")

    def write(self, name, *records):
        """Write a file of JSON lines; a text stands as it is."""
        lines = [one if isinstance(one, str) else json.dumps(one) for one in records]
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def run(self, *paths, now=LONG_AFTER, **options):
        """Import files."""
        return import_files(list(paths), store=self.store, now=lambda: now, **options)

    def of(self, *records, name="calls.log", **options):
        """Import one file of these records, and give what became of it."""
        done = self.run(self.write(name, *records), **options)
        [one] = done.files
        return one

    @property
    def calls(self):
        """All calls in the store, in the order they were written."""
        calls = spooled.calls(self.store.path)
        return sorted(calls, key=lambda call: (call.recorded_at, call.sequence))

    def rows(self, table):
        """All rows of a table."""
        return spooled.rows(self.store.path, table)


@pytest.fixture
def importing(tmp_path, monkeypatch):
    # Sealing in the background would move rows away while a test looks at them.
    monkeypatch.setattr("mcplens.capture.writer.start_sealing", lambda *_, **__: None)
    return Importing(tmp_path)
