"""Secrets on their way through the real recorder of a real server, looked for in every file."""

import os
import sys

import pytest

from mcplens.store.compact import compact
from mcplens.store.location import Store
from tests.planted import CONTENTS, NEVER, Planted, converse
from tests.processes import SERVERS

TELLING = (sys.executable, SERVERS / "telling.py")
# Of a tool's answer whose contents are kept.
OF_TELL = {"argument_value", "argument_key", "argument_deep", "result_text", "structured_value"} | {
    "structured_key",
    "structured_deep",
}


@pytest.fixture
def record_planted(recorded, tmp_path):
    """Record the telling server, seal what was recorded, and say what is found in the store."""

    def record(*options, settings=None):
        planted = Planted()
        if settings is not None:
            (tmp_path / "mcplens.toml").write_text(settings)
            options = ("--config", str(tmp_path / "mcplens.toml"), *options)
        environ = {**os.environ, **planted.environ}
        command = (*TELLING, *planted.argv)
        converse(recorded.start(*command, options=options, env=environ), planted)
        before = planted.found_in(recorded.store)
        for part in (recorded.store / "spool").glob("*.jsonl"):
            with part.open("ab") as file:
                file.write(b'{"table": "events", "half')  # Goes into quarantine.
        compact(Store(recorded.store))
        return before | planted.found_in(recorded.store)

    return record


@pytest.mark.parametrize("keep", ["none", "shape"])
def test_where_no_contents_are_kept_no_secret_is_in_any_file(record_planted, recorded, keep):
    found = record_planted("--keep", keep)

    assert found == set()
    assert list(recorded.store.rglob("*.parquet"))


def test_where_contents_are_kept_only_contents_are(record_planted):
    found = record_planted("--keep", "full")

    assert found & NEVER == set()
    assert found == CONTENTS


def test_contents_are_kept_of_the_tools_that_were_asked_for(record_planted):
    found = record_planted(settings='[keep]\n"telling:tell" = "full"\n')

    assert found == OF_TELL


def test_a_tool_may_be_left_out_of_what_is_kept(record_planted):
    found = record_planted("--keep", "full", settings='[keep]\n"telling:*" = "none"\n')

    assert found == set()


def test_what_is_asked_for_is_none_whatever_the_file_says(record_planted):
    found = record_planted("--keep", "none", settings='[keep]\n"telling:tell" = "full"\n')

    assert found == set()


def test_redaction_holds_also_where_contents_are_kept(record_planted):
    settings = """
        [redact]
        keys = ["deep"]
        paths = ["$.structuredContent.value", "$.text"]
        patterns = ['resulttext\\w+', 'toolerror\\w+', 'structuredkey\\w+']
    """

    found = record_planted("--keep", "full", settings=settings)

    gone = {"argument_value", "argument_deep", "structured_deep", "structured_value"}
    gone |= {"result_text", "tool_error", "structured_key"}
    assert found == CONTENTS - gone


def test_a_file_in_trouble_keeps_no_contents(record_planted):
    found = record_planted("--keep", "full", settings="[keep]\ndefault = full")

    assert found == set()
