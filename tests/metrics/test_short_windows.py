"""A store that keeps minutes shows no more than these, though nobody has deleted anything yet."""

from datetime import timedelta
from functools import partial

import pytest

from mcplens.metrics.connect import connect, refresh
from mcplens.store.manifest import Retention, as_utc
from mcplens.store.reading import readable_files
from mcplens.store.retention import set_retention
from mcplens.store.seal import seal
from tests.builders import NOON, call, connection, notice

NOON_S = 1_795_176_000  # 2026-11-20 12:00:00 UTC


@pytest.fixture
def passed(monkeypatch):
    """Set what the time is for readers, in seconds after noon."""

    def set_to(seconds):
        listed = partial(readable_files, clock=lambda: NOON_S + seconds)
        monkeypatch.setattr("mcplens.metrics.connect.readable_files", listed)

    set_to(0)
    return set_to


def test_noon_is_noon():
    assert as_utc(NOON_S) == NOON


def test_what_is_past_the_window_is_not_shown(store, spool, passed):
    set_retention(store, Retention(age_s=300, size_bytes=None))
    spool([connection(), call(at=0), call(at=200), notice(at=0)])
    seal(store)
    con = connect(store.path)

    passed(301)
    refresh(con)

    assert con.execute("select count(*) from calls").fetchone() == (1,)
    assert con.execute("select count(*) from notices").fetchone() == (0,)
    assert con.execute("select count(*) from connections").fetchone() == (1,)


def test_what_was_told_late_is_shown_from_then_on(store, spool, passed):
    set_retention(store, Retention(age_s=300, size_bytes=None))
    spool([call(at=-9000, recorded_at=NOON + timedelta(seconds=290))])

    passed(500)

    assert connect(store.path).execute("select count(*) from calls").fetchone() == (1,)


def test_a_filter_and_the_window_hold_together(store, spool, passed):
    set_retention(store, Retention(age_s=300, size_bytes=None))
    spool([call(at=0, server_name="git"), call(at=200, server_name="git"), call(at=200)])

    passed(301)

    con = connect(store.path, server="git")
    assert con.execute("select count(*) from calls").fetchone() == (1,)


def test_a_store_that_keeps_more_than_two_days_shows_all_that_is_there(store, spool, passed):
    set_retention(store, Retention(age_s=200_000, size_bytes=None))
    spool([call(at=0)])

    passed(300_000)

    assert connect(store.path).execute("select count(*) from calls").fetchone() == (1,)
