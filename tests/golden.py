"""Golden transcripts: what passes on a wire, and the rows that it must become.

`python -m tests.golden data/transcripts/old-call.jsonl` prints the rows that this mcplens makes of
a transcript, to look at and to take over by hand into what is expected.
"""

import json
import sys
from datetime import datetime
from pathlib import Path

import msgspec

from mcplens.capture.sighting import Beside
from mcplens.capture.wire import Line
from tests.transcripts import Recorded, correlator

TRANSCRIPTS = Path(__file__).parent.parent / "data" / "transcripts"
DIRECTIONS = ("to_server", "to_client")


def play(transcript):
    """Play a transcript's lines to a correlator, on a clock whose zero is noon."""
    head, *steps = map(json.loads, transcript.read_text().splitlines())
    rows = []
    watching = correlator(rows, **head["connection"])
    for step in steps:
        ns = round(step.pop("ms") * 1e6)
        if "tick" in step:
            watching.tick(ns)
        elif "lost" in step:
            watching.lost(step["lost"], ns)
        elif "ended" in step:
            watching.ended(step["ended"], ns)
        elif "exchange_ended" in step:
            watching.exchange_ended(step["exchange_ended"], step["reason"], ns)
        elif "exchange_refused" in step:
            watching.exchange_refused(step["exchange_refused"], status=step["status"], ns=ns)
        else:
            _pass(watching, step, ns)
    return Recorded(rows)


def _pass(watching, step, ns):
    for direction in DIRECTIONS:
        if direction in step:
            message = step.pop(direction)
            size = len(json.dumps(message, separators=(",", ":")))
            watching.message(direction, message, ns=ns, size=size, beside=Beside(**step))
        elif f"line_{direction}" in step:
            data = step[f"line_{direction}"].encode()
            watching.line(direction, Line(data=data, ns=ns, size=len(data)))


def expected_of(transcript):
    """Read what a transcript must become."""
    return json.loads(transcript.with_suffix(".expected.json").read_text())


def in_order(recorded):
    """Give the events by sequence, each as it ended."""
    return sorted(recorded.events, key=lambda event: event.sequence)


def told_as(expected, row):
    """Say of a row what the expected one says, as JSON would."""
    values = {name: getattr(row, name) for name in expected}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


if __name__ == "__main__":
    recorded = play(Path(sys.argv[1]))
    for row in [*in_order(recorded), *recorded.notices]:
        print(msgspec.json.encode(row).decode())
