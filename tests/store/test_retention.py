"""How much a store keeps, and what writers and readers are told of it."""
# ruff: noqa: DTZ001  the raw tables are naive UTC

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from mcplens.store.manifest import LiveFile, Manifest, Retention, as_utc, load_manifest
from mcplens.store.retention import (
    believed_now,
    cutoff,
    grace_s,
    kept,
    part_age_s,
    set_retention,
    words,
)
from tests.builders import NOON, call
from tests.store.looking import write_part

DAY_S = 86_400


def keeping(**retention):
    return Manifest(retention=Retention(**retention))


def file_of(day):
    return LiveFile(table="events", date=day, path=day, row_count=1, size_bytes=1, schema_version=1)


def test_a_laptop_keeps_400_days_and_5_gb_unless_it_is_told(store):
    assert words(load_manifest(store)[0].retention) == "keeps 400 days and at most 5 GB"


@pytest.mark.parametrize(
    ("retention", "said"),
    [
        (Retention(age_s=300, size_bytes=None), "keeps 5 minutes"),
        (Retention(age_s=None, size_bytes=2_000_000_000), "keeps at most 2 GB"),
        (Retention(age_s=None, size_bytes=None), "keeps everything"),
        (Retention(age_s=5400, size_bytes=10**6), "keeps 90 minutes and at most 1 MB"),
    ],
)
def test_what_a_store_keeps_is_said_in_words(retention, said):
    assert words(retention) == said


def test_a_manifest_of_before_has_the_default(store):
    before = msgspec.json.decode(store.manifest.read_bytes())
    for name in ("retention", "moving", "taken"):
        del before[name]
    store.manifest.write_bytes(msgspec.json.encode(before))

    assert load_manifest(store)[0].retention == Retention()


def test_what_is_set_stays_set(store):
    set_retention(store, Retention(age_s=300, size_bytes=10**9))
    write_part(store, [call()])

    assert load_manifest(store)[0].retention == Retention(age_s=300, size_bytes=10**9)
    assert load_manifest(store)[0].generation == 1


def test_readers_hide_what_is_past_only_a_short_window():
    assert cutoff(keeping(age_s=300), NOON) == NOON - timedelta(minutes=5)
    assert cutoff(keeping(age_s=DAY_S), NOON) == NOON - timedelta(days=1)
    assert cutoff(keeping(age_s=2 * DAY_S), NOON) is None
    assert cutoff(keeping(age_s=None), NOON) is None


@pytest.mark.parametrize(
    ("days", "believed"),
    [
        (["2026-11-18", "2026-11-19", "2026-11-20"], datetime(2026, 11, 20)),
        (["2026-09-01", "2026-11-20"], datetime(2026, 9, 2)),  # Whether idle, or a clock ahead.
        (["2026-09-01", "2028-01-01"], datetime(2026, 9, 2)),  # A clock was ahead once.
        (["2026-11-20"], datetime(1970, 1, 1)),
    ],
)
def test_a_store_ages_by_itself_to_the_last_day_before_todays_recordings(days, believed):
    now = NOON.replace(tzinfo=UTC).timestamp()
    files = tuple(file_of(day) for day in days)

    found = believed_now(Manifest(files=files), now=now)

    assert as_utc(found) == believed


def test_a_short_window_ages_by_the_clock():
    assert believed_now(keeping(age_s=300), now=5.0) == 5.0


def test_writers_close_their_parts_five_times_in_a_short_window(store):
    ages = {}
    for age_s in (None, 90 * DAY_S, 3600, 3000, 300):
        set_retention(store, Retention(age_s=age_s))
        ages[age_s] = part_age_s(store)

    assert ages == {None: 600, 90 * DAY_S: 600, 3600: 600, 3000: 600, 300: 60}


def test_a_writer_asks_no_more_of_a_damaged_manifest(store):
    store.manifest.write_bytes(b"{")

    assert part_age_s(store) == 600


def test_files_stay_for_an_hour_or_a_shorter_window_but_for_a_minute_at_least():
    seconds = (None, DAY_S, 300, 5)

    assert [grace_s(Retention(age_s=age_s)) for age_s in seconds] == [3600, 3600, 300, 60]


def test_what_is_taken_is_said_beside_what_may_be(store):
    part = write_part(store, [call()])
    set_retention(store, Retention(age_s=None, size_bytes=part.stat().st_size * 4))

    assert kept(store).sentence.endswith("B (25%) is taken.")


def test_a_recorder_stays_light():
    code = (
        "import sys; import mcplens.store.retention;"
        "print({'pyarrow', 'duckdb', 'click', 'rich'} & set(sys.modules))"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert printed.stdout == "set()\n"
