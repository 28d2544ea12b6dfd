"""Times, sizes and shares are written the way a person would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcplens.errors import UsageError
from mcplens.units import (
    counted,
    format_bytes,
    format_count,
    format_ms,
    format_rate,
    parse_ms,
    parse_rate,
    parse_span_s,
)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0.34, "340 µs"),
        (0.9997, "1 ms"),
        (1.0, "1 ms"),
        (8.2, "8.2 ms"),
        (12.04, "12 ms"),
        (412.3, "412 ms"),
        (999.6, "1 s"),
        (3910.0, "3.91 s"),
        (59_999.0, "60 s"),
        (90_000.0, "1.5 min"),
        (0.0, "0 µs"),
        (-412.3, "-412 ms"),
        (None, "–"),
    ],
)
def test_a_time_is_written_in_the_unit_a_person_would_pick(milliseconds, text):
    assert format_ms(milliseconds) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (1.0, "100%"),
        (0.0, "0%"),
        (0.983, "98.3%"),
        (0.9996, "99.96%"),
        (0.99999, "99.999%"),
        (0.0004, "0.04%"),
        (0.5, "50%"),
        (1 - 1e-9, "over 99.9999%"),
        (None, "–"),
    ],
)
def test_a_share_never_rounds_a_failure_away(rate, text):
    assert format_rate(rate) == text


@pytest.mark.parametrize(
    ("rate", "beside", "text"),
    [
        (0.9497, 0.95, "94.97%"),
        (0.95, 0.95, "95%"),
        (0.57, 0.57, "57%"),
        (0.95004, 0.95, "95.004%"),
        (0.9496, 0.9, "95%"),
        (0.95 + 1e-9, 0.95, "95%"),
        (1.0, 0.95, "100%"),
    ],
)
def test_a_share_never_reads_as_the_other_one_it_stands_beside(rate, beside, text):
    assert format_rate(rate, beside=beside) == text


@pytest.mark.parametrize(
    ("count", "text"), [(812, "812 B"), (4096, "4.1 kB"), (3_200_000, "3.2 MB"), (None, "–")]
)
def test_a_size_is_written_in_the_unit_a_person_would_pick(count, text):
    assert format_bytes(count) == text


def test_a_count_has_a_comma_every_three_digits():
    assert format_count(1_234_567) == "1,234,567"


def test_a_count_is_written_with_its_word():
    assert counted(1, "call") == "1 call"
    assert counted(1204, "call") == "1,204 calls"
    assert counted(0, "message or event", "messages or events") == "0 messages or events"


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("200ms", 200), ("1.5s", 1500), ("2min", 120_000), ("50us", 0.05)]
)
def test_a_time_is_read_with_its_unit(text, milliseconds):
    assert parse_ms(text) == pytest.approx(milliseconds)


@pytest.mark.parametrize("text", ["200", "fast", "", "-1ms", "1 h"])
def test_what_is_no_time_is_refused_in_one_line(text):
    with pytest.raises(UsageError, match=r"is no time. Write a number and a unit") as refused:
        parse_ms(text)

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("text", "rate"), [("95%", 0.95), ("0.95", 0.95), ("100%", 1.0), ("0", 0)])
def test_a_share_is_read_as_per_cent_or_as_a_number(text, rate):
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["95", "101%", "nan", "-1%", "most"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(UsageError, match="is no share"):
        parse_rate(text)


@pytest.mark.parametrize(("text", "seconds"), [("24h", 86_400), ("15m", 900), ("7d", 604_800)])
def test_a_stretch_of_time_is_read_with_its_unit(text, seconds):
    assert parse_span_s(text) == seconds


@given(st.floats(min_value=0, max_value=1e12))
def test_every_time_is_written_with_at_most_three_digits_and_a_unit(milliseconds):
    number, unit = format_ms(milliseconds).split(" ")

    assert unit in {"µs", "ms", "s", "min"}
    assert unit == "min" or float(number) < 1000
