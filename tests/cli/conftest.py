"""Rows in, what a person sees out."""

from dataclasses import dataclass

import msgspec
import pytest

from mcplens.cli.main import main
from mcplens.store.location import create


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def a_plain_terminal(monkeypatch):
    """Give every test the same screen, whatever runs it."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "UV_RUN_RECURSION_DEPTH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "store")


@pytest.fixture
def record(store, monkeypatch):
    """Write rows into the store as a living recorder would."""
    monkeypatch.setattr("mcplens.store.reading.has_writer", lambda _: True)

    def write(*rows, name="run1-00001"):
        path = store.spool / f"{name}.jsonl"
        with path.open("ab") as opened:
            opened.writelines(msgspec.json.encode(row) + b"\n" for row in rows)

    return write


@pytest.fixture
def mcplens(store, capsys):
    """Run a command on the store, and say how it ended and what it wrote."""

    def run(*args, store_option=True):
        words = [*args, "--store", str(store.path)] if store_option else [*args]
        capsys.readouterr()
        code = main(words)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run
