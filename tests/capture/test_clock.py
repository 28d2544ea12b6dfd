from datetime import datetime

from mcplens.capture.clock import Clock
from tests.transcripts import NOON_NS, correlator


def test_a_clock_tells_which_utc_time_a_reading_was():
    clock = Clock(monotonic_ns=lambda: 5_000_000_000, wall_ns=lambda: NOON_NS)

    assert clock.utc(5_000_000_000) == datetime(2026, 11, 20, 12)  # noqa: DTZ001
    assert clock.utc(6_500_001_999) == datetime(2026, 11, 20, 12, 0, 1, 500_001)  # noqa: DTZ001
    assert clock.utc(4_000_000_000) == datetime(2026, 11, 20, 11, 59, 59)  # noqa: DTZ001


def test_a_wall_clock_that_is_set_back_changes_no_time():
    wall = [NOON_NS]
    clock = Clock(monotonic_ns=lambda: 0, wall_ns=lambda: wall[0])

    wall[0] = 0

    assert clock.utc(1_000) < clock.utc(2_000)
    assert clock.utc(0) == datetime(2026, 11, 20, 12)  # noqa: DTZ001


def test_a_machine_that_slept_is_told_the_time_it_woke_up_to():
    wall = [NOON_NS]
    clock = Clock(monotonic_ns=lambda: 0, wall_ns=lambda: wall[0])

    wall[0] += 8 * 3600 * 1_000_000_000

    assert clock.utc(0) == datetime(2026, 11, 20, 20)  # noqa: DTZ001
    assert clock.utc(1_000_000_000) == datetime(2026, 11, 20, 20, 0, 1)  # noqa: DTZ001


def test_a_connection_began_when_it_began_however_long_the_machine_slept():
    wall = [NOON_NS]
    rows = []
    clock = Clock(monotonic_ns=lambda: 0, wall_ns=lambda: wall[0])
    connected = correlator(rows, clock=clock, spawned_ns=0)

    wall[0] += 8 * 3600 * 1_000_000_000
    connected.ended("client_closed", 0)

    assert rows[-1].spawned_at == datetime(2026, 11, 20, 12)  # noqa: DTZ001
    assert rows[-1].ended_at == datetime(2026, 11, 20, 20)  # noqa: DTZ001


def test_a_wall_clock_that_is_set_right_a_little_moves_no_call():
    wall = [NOON_NS]
    clock = Clock(monotonic_ns=lambda: 0, wall_ns=lambda: wall[0])

    wall[0] += 900_000_000

    assert clock.utc(0) == datetime(2026, 11, 20, 12)  # noqa: DTZ001


def test_a_real_clock_never_goes_back():
    clock = Clock()

    readings = [clock.ns() for _ in range(100)]

    assert readings == sorted(readings)
