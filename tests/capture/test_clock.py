from datetime import datetime

from mcplens.capture.clock import Clock
from tests.transcripts import NOON_NS


def test_a_clock_tells_which_utc_time_a_reading_was():
    clock = Clock(monotonic_ns=lambda: 5_000_000_000, wall_ns=lambda: NOON_NS)

    assert clock.utc(5_000_000_000) == datetime(2026, 11, 20, 12)  # noqa: DTZ001
    assert clock.utc(6_500_001_999) == datetime(2026, 11, 20, 12, 0, 1, 500_001)  # noqa: DTZ001
    assert clock.utc(4_000_000_000) == datetime(2026, 11, 20, 11, 59, 59)  # noqa: DTZ001


def test_a_wall_clock_that_is_set_back_changes_no_time():
    wall = iter([NOON_NS, 0])
    clock = Clock(monotonic_ns=lambda: 0, wall_ns=lambda: next(wall))

    assert clock.utc(1_000) < clock.utc(2_000)
    assert clock.utc(0) == datetime(2026, 11, 20, 12)  # noqa: DTZ001


def test_a_real_clock_never_goes_back():
    clock = Clock()

    readings = [clock.ns() for _ in range(100)]

    assert readings == sorted(readings)
