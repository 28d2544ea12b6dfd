"""Secrets on their way through every door, looked for in every byte of what is kept."""

import pytest

from mcplens.store.compact import compact
from mcplens.store.location import Store
from tests import doors_from_elsewhere, live_doors, server_doors, span_doors
from tests.planted import CONTENTS, MAY_HOLD_CONTENTS

DOORS = {
    **live_doors.DOORS,
    **server_doors.DOORS,
    **doors_from_elsewhere.DOORS,
    **span_doors.DOORS,
}
# Of a tool's answer whose contents are kept.
OF_TELL = {"argument_value", "argument_key", "argument_deep", "result_text", "structured_value"} | {
    "structured_key",
    "structured_deep",
}


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def record_planted(store, tmp_path):
    """Record the telling server through the stdio proxy, and say what is found in the store."""

    def record(keep=None, *, settings=None):
        config = None
        if settings is not None:
            config = tmp_path / "mcplens.toml"
            config.write_text(settings)
        planted, said = live_doors.stdio_proxy(keep, store, tmp_path, config=config)
        return found_before_and_after_sealing(planted, store, said)

    return record


def found_before_and_after_sealing(plot, store, said=""):
    before = plot.found_in(store, said)
    for part in (store / "spool").glob("*.jsonl"):
        with part.open("ab") as file:
            file.write(b'{"table": "events", "half')  # Goes into quarantine.
    compact(Store(store))
    return before | plot.found_in(store)


@pytest.mark.parametrize("keep", ["none", "shape", "full"])
@pytest.mark.parametrize("door", DOORS)
def test_no_door_lets_more_in_than_was_asked_for(door, keep, store, tmp_path, capfd):
    plot, said = DOORS[door](keep, store, tmp_path)
    # In this process servers and SDKs have logs of their own.
    said += live_doors.said_by_mcplens(capfd.readouterr().err)

    found = found_before_and_after_sealing(plot, store, said)

    assert found == (plot.contents if keep == "full" else set())
    assert list(store.glob("events/*/*.parquet"))
    assert plot.columns_with_secrets(store) <= MAY_HOLD_CONTENTS


def test_contents_are_kept_of_the_tools_that_were_asked_for(record_planted):
    found = record_planted(settings='[keep]\n"telling:tell" = "full"\n')

    assert found == OF_TELL


def test_a_tool_may_be_left_out_of_what_is_kept(record_planted):
    found = record_planted("full", settings='[keep]\n"telling:*" = "none"\n')

    assert found == set()


def test_what_is_asked_for_is_none_whatever_the_file_says(record_planted):
    found = record_planted("none", settings='[keep]\n"telling:tell" = "full"\n')

    assert found == set()


def test_redaction_holds_also_where_contents_are_kept(record_planted):
    settings = """
        [redact]
        keys = ["deep"]
        paths = ["$.structuredContent.value", "$.text"]
        patterns = ['resulttext\\w+', 'toolerror\\w+', 'structuredkey\\w+']
    """

    found = record_planted("full", settings=settings)

    gone = {"argument_value", "argument_deep", "structured_deep", "structured_value"}
    gone |= {"result_text", "tool_error", "structured_key"}
    assert found == CONTENTS - gone


def test_a_file_in_trouble_keeps_no_contents(record_planted):
    found = record_planted("full", settings="[keep]\ndefault = full")

    assert found == set()
