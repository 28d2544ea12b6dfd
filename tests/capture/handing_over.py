"""Hand rows over to a recorder until killed: python -m tests.capture.handing_over STORE RUN MARKS.

After every few rows, the file MARKS gets the time and how many were handed over by then.
"""

import struct
import sys
import time
from pathlib import Path

from mcplens.capture.recorder import Recorder
from mcplens.store.location import create
from tests.builders import call

MARK = struct.Struct("<qq")


def read_marks(path):
    """Give the times, in ns, and the counts; whoever was killed may have left half a mark."""
    content = path.read_bytes()
    return list(MARK.iter_unpack(content[: len(content) // MARK.size * MARK.size]))


def main():
    path, run_id, marks = sys.argv[1:]
    done = 0
    recorder = Recorder(create(Path(path)), observer="server", run_id=run_id)
    with Path(marks).open("wb", buffering=0) as marking:
        while True:
            for _ in range(5):
                done += 1
                recorder.record(call(run_id=run_id, sequence=done))
            marking.write(MARK.pack(time.monotonic_ns(), done))
            time.sleep(0.002)


if __name__ == "__main__":
    main()
