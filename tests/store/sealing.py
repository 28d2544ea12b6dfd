"""Seal and compact as the background process does, but in nobody's way: STORE."""

import sys
from pathlib import Path

from mcplens.store.compact import compact
from mcplens.store.location import open_store
from mcplens.store.seal import seal

if __name__ == "__main__":
    seal(open_store(Path(sys.argv[1])))
    compact(open_store(Path(sys.argv[1])))
