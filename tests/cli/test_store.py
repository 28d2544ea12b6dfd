import json
import subprocess
import sys

import pytest

from mcplens.capture.doctor import checks
from mcplens.capture.doctor.checks import examine
from mcplens.store.location import create


def doctor(*options):
    return subprocess.run(
        [sys.executable, "-m", "mcplens", "store", "doctor", *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_doctor_says_what_watching_costs_here_and_makes_no_store(tmp_path):
    ran = doctor("--store", str(tmp_path / "store"), "--format", "json")

    found = {check["check"]: check for check in json.loads(ran.stdout)}
    assert ran.returncode == 0, ran.stderr
    assert list(found) == ["proxy", "record", "spool", "disk", "locks", "room", "clock", "settings"]
    for name in ("proxy", "record", "spool"):
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]
        assert found[name]["unit"] == "us"
    assert found["record"]["value"] < found["spool"]["value"]
    assert "`cat` on both sides adds" in found["proxy"]["finding"]
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_answers_people_in_sentences(tmp_path):
    store = create(tmp_path / "store")

    ran = doctor("--store", str(store.path))

    assert "a call through the proxy takes" in ran.stdout
    assert "no recorder left anything behind" in ran.stdout
    assert ran.stdout.count("\n") == 9


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder where not even root may write")
def test_a_place_where_nothing_can_be_written_is_told_with_what_to_do(tmp_path):
    ran = doctor("--store", "/proc/store")

    assert ran.returncode == 0
    assert "nothing can be written in /proc" in ran.stdout
    assert "name another place with --store" in ran.stderr


@pytest.fixture
def quick(monkeypatch):
    """Leave out what takes long."""
    monkeypatch.setattr(checks, "_measures", lambda _: iter(()))


def found_in(path):
    return {check.check: check for check in examine(path)}


def test_settings_in_trouble_are_told_with_what_to_do(tmp_path, monkeypatch, quick):
    file = tmp_path / "mcplens.toml"
    file.write_text("[kepe]\n")
    monkeypatch.setenv("MCPLENS_CONFIG", str(file))

    found = found_in(tmp_path / "store")["settings"]

    assert not found.is_ok
    assert "keep no contents" in found.finding
    assert "kepe" in found.finding


def test_little_room_and_missing_locks_are_told_with_what_to_do(tmp_path, monkeypatch, quick):
    monkeypatch.setattr(checks, "free_bytes", lambda _: 900_000_000)
    monkeypatch.setattr(checks, "why_no_locks", lambda _: "No locks available")

    found = found_in(tmp_path)

    assert not found["room"].is_ok
    assert found["room"].finding == "900 MB are free, enough for at least 900,000 calls"
    assert not found["locks"].is_ok
    assert "--store" in found["locks"].advice
    assert found["disk"].is_ok


def test_a_file_in_the_place_of_a_store_is_told(tmp_path, quick):
    (tmp_path / "store").write_text("words")

    found = found_in(tmp_path / "store")

    assert found["store"].finding == f"{tmp_path / 'store'} is a file, and a store is a folder"
    assert not found["store"].is_ok


def test_a_proxy_that_does_not_answer_is_told(tmp_path, monkeypatch):
    def silent(_):
        raise TimeoutError("no answer within 8 s")

    monkeypatch.setattr(checks, "measure_round_trips", silent)

    found = found_in(tmp_path)

    assert found["proxy"].finding == (
        "a call through the proxy could not be measured (no answer within 8 s)"
    )
    assert found["record"].is_ok
