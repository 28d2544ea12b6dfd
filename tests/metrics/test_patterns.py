import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcplens.metrics.patterns import glob_to_regex

CONNECTION = duckdb.connect()


def is_found(name, pattern):
    [row] = CONNECTION.execute(
        "select regexp_matches($1, $2)", [name, glob_to_regex(pattern)]
    ).fetchall()
    return row


@given(st.text("abz19-[]!^\\&|~*?: \n\N{LATIN SMALL LETTER E WITH ACUTE}"))
def test_any_text_is_a_pattern_that_finds_itself(text):
    assert is_found(text, text) == (True,)


@pytest.mark.parametrize(
    ("pattern", "found", "not_found"),
    [
        ("[a-c]x", "bx", "dx"),
        ("[!a-c]x", "dx", "bx"),
        ("[^a]x", "^x", "bx"),
        ("[]]x", "]x", "[x"),
        ("[\\d]x", "dx", "1x"),
        ("[z-a]?", "[z-a]b", "b"),
        ("[!]?", "[!]b", "!b"),
    ],
)
def test_brackets_choose_where_they_can_and_else_stand_for_themselves(pattern, found, not_found):
    assert is_found(found, pattern) == (True,)
    assert is_found(not_found, pattern) == (False,)
