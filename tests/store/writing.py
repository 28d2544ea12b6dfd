"""Write calls into a store until killed: python -m tests.store.writing STORE RUN_ID COUNTER.

After each batch the file COUNTER holds how many calls are acknowledged.
"""

import random
import sys
from pathlib import Path

from mcplens.store.location import create
from mcplens.store.spool import Spool
from tests.builders import call
from tests.store.counting import put_count


def main():
    path, run_id, counter = sys.argv[1:]
    spool = Spool(create(Path(path)), run_id=run_id, max_bytes=300_000)
    acknowledged = 0
    with Path(counter).open("wb", buffering=0) as counting:
        while True:
            size = random.randint(1, 64)
            spool.write([call(run_id=run_id, sequence=acknowledged + 1 + n) for n in range(size)])
            acknowledged += size
            put_count(counting, acknowledged)


if __name__ == "__main__":
    main()
