"""Write, seal, compact and prune in turn: python -m tests.store.pruning STORE ROUNDS ARCHIVE.

Every round records one old event and one of today; the old ones leave into the archive, if there
is one.
"""

import sys
from datetime import timedelta
from pathlib import Path

from mcplens.store.compact import compact
from mcplens.store.location import open_store
from mcplens.store.prune import prune
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from mcplens.store.wanted import Wanted
from tests.builders import NOON, call

DAY_S = 86_400


def main():
    path, rounds, archive = sys.argv[1:]
    store = open_store(Path(path))
    spool = Spool(store, run_id="run1", max_bytes=1)
    wanted = Wanted(limit=NOON - timedelta(days=7))
    for number in range(1, int(rounds) + 1):
        spool.write([call(sequence=2 * number), call(sequence=2 * number - 1, at=-9 * DAY_S)])
        spool.write([call(sequence=2 * number + 1_000_000)])
        seal(store)
        if number % 3 == 0:
            compact(store)
        prune(store, wanted, archive=Path(archive) if archive else None)
    spool.close()


if __name__ == "__main__":
    main()
