"""Processes that die at any moment, by kill -9."""

import random
import subprocess
import sys
import time

import pytest

from mcplens.store.compact import compact
from mcplens.store.location import create
from mcplens.store.manifest import load_manifest
from mcplens.store.reading import readable_files
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import call
from tests.store.counting import count_in, wait_for_count
from tests.store.looking import event_ids_in, leftovers_in


def start_writer(store, run_id, counter):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.writing", store.path, run_id, counter]
    )


def kill(process):
    process.kill()
    process.wait()


@pytest.mark.parametrize("writer_kills", [5, pytest.param(50, marks=pytest.mark.deep)])
@pytest.mark.timeout(900)
def test_nothing_that_was_in_the_spool_is_lost_when_writers_are_killed(tmp_path, writer_kills):
    store = create(tmp_path / "store")
    acknowledged = {}

    for number in range(writer_kills):
        run_ids = [f"a{number}", f"b{number}"]
        counters = [tmp_path / run_id for run_id in run_ids]
        writers = [start_writer(store, *pair) for pair in zip(run_ids, counters, strict=True)]
        for counter, writer in zip(counters, writers, strict=True):
            wait_for_count(counter, random.randint(1, 3000), writer)
        for writer in writers:
            kill(writer)
        for run_id, counter in zip(run_ids, counters, strict=True):
            acknowledged[run_id] = count_in(counter)

        in_the_spool = event_ids_in(store)
        assert readable_files(store).set_aside == []
        assert_all_there(in_the_spool, acknowledged)
        report = seal(store)
        assert report.quarantined_count == 0
        assert event_ids_in(store) == in_the_spool
    compact(store)
    assert event_ids_in(store) == in_the_spool


def assert_all_there(ids, acknowledged):
    """Find every acknowledged call once, and of those not acknowledged a beginning without gaps."""
    assert len(ids) == len(set(ids))
    for run_id, count in acknowledged.items():
        sequences = sorted(int(id_.split("-")[1]) for id_ in ids if id_.startswith(f"{run_id}-"))
        assert sequences == list(range(1, len(sequences) + 1))
        assert len(sequences) >= count


@pytest.mark.parametrize("sealer_kills", [5, pytest.param(40, marks=pytest.mark.deep)])
@pytest.mark.timeout(900)
def test_nothing_is_lost_or_doubled_when_sealers_are_killed(tmp_path, sealer_kills):
    store = create(tmp_path / "store")
    expected = []

    for number in range(sealer_kills):
        spool = Spool(store, run_id=f"w{number}", max_bytes=20_000)
        for sequence in range(1, 101):
            spool.write([call(run_id=f"w{number}", sequence=sequence)])
            expected.append(f"w{number}-{sequence}")
        spool.close()
        begun = load_manifest(store)[0].generation
        sealer = subprocess.Popen([sys.executable, "-m", "tests.store.sealing", store.path])
        moment = begun + random.randint(1, 2)
        while sealer.poll() is None and load_manifest(store)[0].generation < moment:
            time.sleep(0.0005)
        kill(sealer)
        assert event_ids_in(store) == sorted(expected)

    seal(store)
    compact(store)
    assert event_ids_in(store) == sorted(expected)
    assert readable_files(store).set_aside == []
    assert leftovers_in(store) == []
