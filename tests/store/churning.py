"""Write, seal and compact in turn: python -m tests.store.churning STORE ROUNDS COUNTER.

After each batch the file COUNTER holds how many calls are acknowledged. Every tenth call is seen
open in one part and ends in the next.
"""

import sys
from pathlib import Path

from mcplens.store.compact import compact
from mcplens.store.location import open_store
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import call
from tests.store.counting import put_count


def main():
    path, rounds, counter = sys.argv[1:]
    store = open_store(Path(path))
    spool = Spool(store, run_id="run1", max_bytes=1)
    acknowledged = 0
    with Path(counter).open("wb", buffering=0) as counting:
        for number in range(1, int(rounds) + 1):
            batch = [call(sequence=acknowledged + n) for n in range(1, 11)]
            spool.write([*batch[:-1], call(sequence=acknowledged + 10, outcome=None)])
            acknowledged += 10
            put_count(counting, acknowledged)
            spool.write([batch[-1]])
            seal(store)
            if number % 5 == 0:
                compact(store)
    spool.close()


if __name__ == "__main__":
    main()
