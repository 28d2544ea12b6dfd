"""What reading a call costs the recorder's thread, which shares its interpreter with forwarding.

    uv run python -m tests.benchmarks.correlator

A call and its answer of about 200 bytes each become one event, which is encoded for the spool: fed
as chunks of a wire, as by the proxy, and as messages, as by an observer inside of a client or a
server, whose interpreter this time is taken from. The last figure is how long the interpreter is
held at most by one message of five megabytes.
"""

import sys
import threading
import time
from itertools import count

import msgspec

from mcplens.capture.clock import Clock
from mcplens.capture.correlator import Correlator
from mcplens.capture.identity import ConnectionFacts
from mcplens.capture.privacy import Privacy
from mcplens.capture.wire import LineReader
from tests.transcripts import call, client, server, text, wire

CALLS = 1_000
ROUNDS = 25
BOUND_US = 40.0
STALL_BOUND_MS = 100.0

TOOL = {
    "name": "read_file",
    "inputSchema": {"type": "object", "properties": {"path": {}, "limit": {}}},
}
_ENCODER = msgspec.json.Encoder()
LARGE = [{"name": f"file{number}", "size": number, "tags": ["a", "b"]} for number in range(90_000)]


class Wire:
    """A correlator that is fed as the proxy feeds it."""

    def __init__(self, keep):
        clock = Clock()
        self.ns = clock.ns
        self.correlator = Correlator(
            run_id="run1",
            connection=ConnectionFacts(connection_id="run1-c1", observer="proxy"),
            privacy=Privacy(keep, key=b"k" * 32),
            clock=clock,
            next_sequence=count(1).__next__,
            emit=_ENCODER.encode,
        )
        self.readers = {"to_server": LineReader(), "to_client": LineReader()}
        self.feed("to_server", wire(client("tools/list", id="list").message))
        self.feed("to_client", wire(server(id="list", result={"tools": [TOOL]}).message))

    def see(self, direction, message):
        self.correlator.message(direction, message, ns=self.ns(), size=200)

    def feed(self, direction, chunk):
        for line in self.readers[direction].feed(chunk, self.ns()):
            self.correlator.line(direction, line)


def microseconds_per_call(keep, *, as_messages=False):
    words = "sixty characters or so of a file that somebody asked to read"
    path = "/home/somebody/notes.txt " * 3
    asked = [call("read_file", id=number, path=path, limit=5).message for number in range(CALLS)]
    answered = [text(words * 2, id=number, isError=False).message for number in range(CALLS)]
    if not as_messages:
        asked, answered = list(map(wire, asked)), list(map(wire, answered))
    rounds = []
    for _ in range(ROUNDS):
        watching = Wire(keep)
        see = watching.see if as_messages else watching.feed
        began = time.thread_time()
        for question, answer in zip(asked, answered, strict=True):
            see("to_server", question)
            see("to_client", answer)
        rounds.append((time.thread_time() - began) / CALLS * 1e6)
    return min(rounds)


def longest_stall_ms():
    """Say how long another thread waited at most while a large message was read."""
    answer = wire(server(id=1, result={"content": [], "structuredContent": LARGE}).message)
    watching = Wire("shape")
    is_over = threading.Event()
    gaps = []

    def look_at_the_clock():
        before = time.perf_counter()
        while not is_over.wait(0.0005):
            now = time.perf_counter()
            gaps.append(now - before)
            before = now

    looking = threading.Thread(target=look_at_the_clock)
    looking.start()
    for _ in range(3):
        watching.feed("to_server", wire(call("list", id=1).message))
        watching.feed("to_client", answer)
    is_over.set()
    looking.join()
    return max(gaps) * 1000


def main():
    figures = {keep: microseconds_per_call(keep) for keep in ("none", "shape", "full")}
    for keep, figure in figures.items():
        inside = microseconds_per_call(keep, as_messages=True)
        print(f"{figure:6.1f} µs per call and answer, keeping {keep}; {inside:.1f} from messages")
    stall = longest_stall_ms()
    print(f"{stall:6.1f} ms at most for another thread while 5 MB are read")
    is_fine = max(figures.values()) <= BOUND_US and stall <= STALL_BOUND_MS
    print(f"bounds: {BOUND_US:g} µs, {STALL_BOUND_MS:g} ms: {'kept' if is_fine else 'broken'}")
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
