import subprocess
import sys

import pytest

from mcplens.store.reading import readable_files
from tests.store.counting import count_in
from tests.store.looking import finished_in


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


def assert_first_of_a_row(outcomes, at_least):
    sequences = sorted(int(event_id.split("-")[1]) for event_id in outcomes)
    assert sequences == list(range(1, len(sequences) + 1))
    assert len(sequences) >= at_least
