"""The mcplens.toml of the README, as a reader would copy it."""

from pathlib import Path

import pytest

from mcplens.config.reading import parse_settings
from tests.readme import README
from tests.transcripts import call, record, text


@pytest.fixture
def example():
    """The settings that stand in the README."""
    _, _, rest = README.read_text().partition("cat > mcplens.toml <<'EOF'\n")
    return parse_settings(rest.partition("EOF\n")[0].encode(), path=Path("mcplens.toml"))


def test_mcp_server_sqlites_false_successes_are_found(example):
    recorded = record(
        call("nope", id=1),
        text("Error: Missing arguments", id=1),  # What it says to an unknown tool.
        call("read_query", id=2),
        text("Database error: no such table: t", id=2),
        call("read_query", id=3),
        text("[{'1': 1}]", id=3),
        server_name_option="sqlite",
        settings=example,
    )

    assert [event.error_class for event in recorded.calls] == ["soft_error", "soft_error", None]
    assert recorded.calls[0].error_rule == "mcplens.toml: sqlite says Error"


def test_mcp_server_times_unknown_zones_are_the_callers_fault_and_noted(example):
    words = "Error executing tool get_current_time: Invalid timezone: 'No time zone found with key"
    recorded = record(
        call("get_current_time", id=1, timezone="Mars/Olympus"),
        text(words, id=1, isError=True),
        server_name_option="mcp-time",
        settings=example,
        keep=None,
    )

    [event] = recorded.calls
    assert (event.error_class, event.error_rule) == ("invalid_arguments", "mcplens.toml: 2")
    assert (event.cost_usd, event.upstream, event.note_basis) == (0.0001, "tzdata", "configuration")
    assert event.arguments == '{"timezone":"Mars/Olympus"}'


def test_the_examples_argument_names_a_session(example):
    recorded = record(
        call("a", id=1, conversation_id="c1"), text("1", id=1), call("a", id=2), settings=example
    )

    [named] = recorded.calls
    assert named.session_basis == "handle"
