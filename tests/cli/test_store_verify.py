"""`mcplens store verify`, as a person and a program see it."""

import json

import pytest

from mcplens.cli.main import main
from mcplens.store.seal import seal
from tests.builders import NOON, event, run
from tests.store.looking import write_part


@pytest.fixture
def mcplens(capsys, store):
    """Run the command on the store."""

    def do(*options):
        code = main(["store", "verify", "--store", str(store.path), *options])
        ran = capsys.readouterr()
        return code, ran.out, ran.err

    return do


def sealed(store, rows, name="run1"):
    write_part(store, rows, run_id=name)
    seal(store)
    [*_, newest] = sorted(store.path.glob("events/date=2*/*.parquet"))
    return newest


def test_a_sound_store_is_fine(mcplens, store):
    sealed(store, [run(), event(sequence=1), run(ended_at=NOON)])

    code, out, err = mcplens()

    assert (code, out) == (0, "")
    assert err.splitlines()[-1] == (
        "3 rows in 2 files and 0 spool parts: every row stands once, and is as it was written."
    )


def test_what_is_wrong_is_told_the_worst_first_and_exits_with_one(mcplens, store):
    sealed(store, [run(), event(sequence=1), event(sequence=3), run(ended_at=NOON)])
    torn = sealed(store, [event(run_id="run2", sequence=1)], name="run2")
    torn.write_bytes(torn.read_bytes()[:-1])

    code, out, err = mcplens("--format", "json")

    assert code == 1
    [first] = json.loads(out)
    assert first["kind"] == "torn"
    assert first["where"] == "events/date=2026-11-20/run2-00001.parquet"
    assert first["is_wrong"] is True
    assert first["is_repaired"] is False
    assert "1 thing wrong." in err


def test_what_is_repaired_is_told_once_as_repaired(mcplens, store):
    for name in ("a", "b"):
        sealed(store, [event(sequence=1)], name=name)

    code, out, err = mcplens("--repair")
    again = mcplens()

    assert code == 0
    assert out.startswith("✓ ")
    assert "events that stand twice: run1-1. Repaired" in out
    assert "what was wrong is repaired." in err
    assert again[0:2] == (0, "")


def test_repairing_is_advised_only_where_it_can_mend(mcplens, store):
    sealed(store, [run(), event(sequence=1), event(sequence=3), run(ended_at=NOON)])

    code, out, err = mcplens()
    repaired = mcplens("--repair")
    torn = sealed(store, [event(run_id="run2", sequence=1)], name="run2")
    torn.write_bytes(torn.read_bytes()[:-1])
    mendable = mcplens()

    assert code == 1
    assert out == ("✗ run1 lacks 1 requests: 2. Look for its files in a copy of the store\n")
    assert "--repair" not in err
    assert "--repair" not in repaired[2]
    assert "mcplens store verify --repair" in mendable[2]


def test_what_lies_in_the_quarantine_is_not_said_to_stand(mcplens, store):
    path = write_part(store, [event(sequence=1)])
    path.write_bytes(path.read_bytes() + b"{damaged\n")
    seal(store)

    code, _, err = mcplens()

    assert code == 0
    assert err.splitlines()[-1] == (
        "1 row in 1 file and 0 spool parts: every row that can be read stands once, "
        "and is as it was written."
    )


def test_a_store_that_is_not_there_could_not_be_checked(capsys, tmp_path):
    code = main(["store", "verify", "--store", str(tmp_path / "nowhere")])

    assert code == 2
    assert "there is no store at" in capsys.readouterr().err
