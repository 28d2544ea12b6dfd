import subprocess
import sys

import pytest

from mcplens.store.reading import readable_files
from mcplens.store.retention import make_archive
from tests.store.counting import count_in
from tests.store.looking import event_ids_in, finished_in


@pytest.mark.parametrize("rounds", [300, pytest.param(1000, marks=pytest.mark.deep)])
@pytest.mark.timeout(900)
def test_a_reader_sees_each_event_once_while_parts_are_sealed_and_joined(store, tmp_path, rounds):
    counter = tmp_path / "count"
    churner = subprocess.Popen(
        [sys.executable, "-m", "tests.store.churning", store.path, str(rounds), counter]
    )
    readings = 0

    while churner.poll() is None:
        acknowledged = count_in(counter)
        assert_first_of_a_row(finished_in(store), acknowledged)
        assert readable_files(store).set_aside == []
        readings += 1

    assert churner.returncode == 0
    assert readings > 10
    outcomes = finished_in(store)
    assert len(outcomes) == rounds * 10
    assert set(outcomes.values()) == {"ok"}


@pytest.mark.parametrize("has_archive", [False, True])
@pytest.mark.parametrize("rounds", [15, pytest.param(300, marks=pytest.mark.deep)])
@pytest.mark.timeout(900)
def test_a_reader_sees_each_event_once_while_old_ones_leave(store, tmp_path, rounds, has_archive):
    archive = make_archive(tmp_path / "archive", of=store) if has_archive else None
    elsewhere = str(archive.path) if archive else ""
    pruner = subprocess.Popen(
        [sys.executable, "-m", "tests.store.pruning", store.path, str(rounds), elsewhere]
    )
    newest_seen, readings = 0, 0

    while pruner.poll() is None:
        ids = event_ids_in(store)
        there = event_ids_in(archive) if archive else []
        today = sorted(n for n in map(_number, ids) if n < 1_000_000 and n % 2 == 0)
        assert len(ids) == len(set(ids))
        assert len(there) == len(set(there))
        assert today == list(range(2, 2 * len(today) + 2, 2))
        assert len(today) >= newest_seen
        assert readable_files(store).set_aside == []
        newest_seen = len(today)
        readings += 1

    assert pruner.returncode == 0
    assert readings > 5
    assert len(event_ids_in(store)) == 2 * rounds
    if archive:
        assert sorted(map(_number, event_ids_in(archive))) == list(range(1, 2 * rounds, 2))


def _number(event_id):
    return int(event_id.split("-")[1])


def assert_first_of_a_row(outcomes, at_least):
    sequences = sorted(int(event_id.split("-")[1]) for event_id in outcomes)
    assert sequences == list(range(1, len(sequences) + 1))
    assert len(sequences) >= at_least
