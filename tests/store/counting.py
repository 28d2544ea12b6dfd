"""A count that one process puts into a file, in one write, and another looks at."""

import os
import time


def put_count(counting, count):
    os.pwrite(counting.fileno(), count.to_bytes(8, "big"), 0)


def count_in(path):
    return int.from_bytes(path.read_bytes(), "big") if path.exists() else 0


def wait_for_count(path, at_least, process):
    """Wait until the count is reached; fails if the process ends before."""
    deadline = time.monotonic() + 60
    while count_in(path) < at_least:
        assert process.poll() is None, "the writer ended by itself"
        assert time.monotonic() < deadline, "the writer is stuck"
        time.sleep(0.0005)
