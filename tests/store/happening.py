"""What is done to a store: writers write, work crashes at a step, files are damaged."""

from datetime import timedelta

from mcplens.store.spool import Spool
from tests.builders import NOON, event

DAY_S = 86_400


class CrashError(Exception):
    """The process dies here."""


class Attempt:
    """What is tried until the process dies at a step; with step 0 it comes to its end."""

    def __init__(self, step):
        self.left = step
        self.is_done = False

    def on_step(self, _):
        self.left -= 1
        if self.left == 0:
            raise CrashError

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.is_done = kind is None
        return kind is CrashError


class Writer:
    """A recorder with a spool of its own."""

    def __init__(self, store, run_id, clock):
        self.run_id = run_id
        self.spool = Spool(store, run_id=run_id, max_bytes=2_000, clock=clock)
        self.sequence = 0
        self.open = []

    def begin(self, outcome, day, *, is_late=False):
        self.sequence += 1
        at = day * DAY_S + 60 * self.sequence
        values = {"run_id": self.run_id, "sequence": self.sequence, "at": at}
        if is_late:
            values["recorded_at"] = NOON + timedelta(seconds=at + 2 * DAY_S)
        if outcome is None:
            self.open.append(values)
        return event(**values, outcome=outcome)

    def end_one(self):
        return event(**self.open.pop(), outcome="timeout")


def damage(path, *, is_torn):
    """Cut off the end of a file, or change a byte in its middle."""
    content = bytearray(path.read_bytes())
    if is_torn:
        content = content[:-50]
    else:
        content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
