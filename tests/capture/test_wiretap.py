import json
import random

from mcplens.capture.clock import Clock
from mcplens.capture.transcriber import BYTES_AT_ONCE, Transcriber
from mcplens.capture.wiretap import CHUNK_OVERHEAD, Wiretap


class Listener:
    """A correlator that only remembers what it is told."""

    def __init__(self):
        self.lines = []
        self.lost_lines = 0
        self.endings = []

    def line(self, direction, line):
        self.lines.append((direction, line.data, line.ns))

    def lost(self, count, ns):  # noqa: ARG002  the correlator's signature
        self.lost_lines += count

    def tick(self, ns):
        """There is nothing that waits."""

    def ended(self, reason, ns, exit_code=None):
        self.endings.append((reason, ns, exit_code))


def transcriber_of(wiretap):
    listener = Listener()
    counted = []
    transcriber = Transcriber(wiretap, listener, clock=Clock(), count_lost=counted.append)
    return transcriber, listener, counted


def test_lines_come_in_the_order_of_both_directions():
    wiretap = Wiretap()
    transcriber, listener, _ = transcriber_of(wiretap)
    wiretap.ears["to_server"].hear(1, b'{"a":')
    wiretap.ears["to_server"].hear(2, b"1}\n{")
    wiretap.ears["to_client"].hear(3, b"[]\n")
    wiretap.ears["to_server"].hear(4, b"}\n")

    while transcriber.work():
        pass

    assert listener.lines == [
        ("to_server", b'{"a":1}', 2),
        ("to_client", b"[]", 3),
        ("to_server", b"{}", 4),
    ]


def test_the_end_comes_after_all_that_was_heard():
    wiretap = Wiretap()
    transcriber, listener, _ = transcriber_of(wiretap)
    wiretap.ears["to_client"].hear(1, b"{}\nhalf a line")
    wiretap.end("server_exited", ns=9, exit_code=3)

    while transcriber.work():
        pass

    assert [data for _, data, _ in listener.lines] == [b"{}", b"half a line"]
    assert listener.endings == [("server_exited", 9, 3)]


def test_what_finds_no_room_is_counted_by_its_lines():
    room_for_one = len(b"first\n") + CHUNK_OVERHEAD
    wiretap = Wiretap(max_bytes=room_for_one)
    transcriber, listener, counted = transcriber_of(wiretap)
    ear = wiretap.ears["to_server"]
    ear.hear(1, b"first\n")
    ear.hear(2, b"lost\nlost\nhalf of a l")
    ear.hear(3, b"ost line\nlost\n")

    transcriber.work()
    ear.hear(4, b"next\n")
    transcriber.work()

    assert [data for _, data, _ in listener.lines] == [b"first", b"next"]
    assert listener.lost_lines == 4
    assert counted == [4]


def test_the_rest_of_a_lost_line_is_no_line():
    wiretap = Wiretap(max_bytes=100 + CHUNK_OVERHEAD)
    transcriber, listener, _ = transcriber_of(wiretap)
    ear = wiretap.ears["to_client"]
    ear.hear(1, b"begun and ")
    ear.hear(2, b"x" * 101)

    transcriber.work()
    ear.hear(3, b" its end\nwhole\n")
    transcriber.work()

    assert [data for _, data, _ in listener.lines] == [b"whole"]
    assert listener.lost_lines == 1


def test_each_line_is_read_or_counted_lost():
    chance = random.Random(7)
    lines = [json.dumps({"n": n, "pad": "x" * chance.randrange(80)}).encode() for n in range(2000)]
    wire = b"\n".join(lines) + b"\n"
    wiretap = Wiretap(max_bytes=2000)
    transcriber, listener, counted = transcriber_of(wiretap)
    position = 0
    while position < len(wire):
        size = chance.randrange(1, 400)
        wiretap.ears["to_server"].hear(position, wire[position : position + size])
        position += size
        if chance.random() < 0.2:
            transcriber.work()
    wiretap.end("client_closed", ns=position, exit_code=0)
    while transcriber.work():
        pass

    read = [data for _, data, _ in listener.lines]
    assert set(read) <= set(lines)
    assert len(read) + sum(counted) == 2000
    assert sum(counted) > 0


def test_lost_lines_at_the_end_are_told():
    wiretap = Wiretap(max_bytes=0)
    transcriber, listener, counted = transcriber_of(wiretap)
    wiretap.ears["to_server"].hear(1, b"lost\nand half a li")
    wiretap.end("client_closed", ns=2, exit_code=0)

    transcriber.work()

    assert counted == [2]
    assert listener.endings == [("client_closed", 2, 0)]


def test_what_there_is_no_time_for_is_counted():
    wiretap = Wiretap()
    transcriber, listener, counted = transcriber_of(wiretap)
    wiretap.ears["to_server"].hear(1, b"{}\n" * 100)
    transcriber.work()
    read = len(listener.lines)
    wiretap.ears["to_server"].hear(2, b"{}\n" * 50)
    wiretap.end("signal", ns=3, exit_code=-15)

    transcriber.give_up()

    assert sum(counted) == 150 - read
    assert listener.endings == [("signal", 3, -15)]


def test_long_lines_are_read_one_at_a_time():
    wiretap = Wiretap()
    transcriber, listener, _ = transcriber_of(wiretap)
    wiretap.ears["to_server"].hear(1, (b"x" * BYTES_AT_ONCE + b"\n") * 2)

    is_more_waiting = transcriber.work()

    assert is_more_waiting
    assert len(listener.lines) == 1


def test_a_tap_that_stopped_keeps_nothing():
    wiretap = Wiretap()
    wiretap.ears["to_server"].hear(1, b"{}\n")

    wiretap.stop()
    wiretap.ears["to_server"].hear(2, b"{}\n")

    assert wiretap.take() is None
    assert wiretap.ears["to_server"].last_gap() is None
