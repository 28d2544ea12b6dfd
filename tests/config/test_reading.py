from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcplens.config import ErrorRule, Redaction, Settings, ToolNotes
from mcplens.config.reading import parse_settings
from mcplens.errors import ConfigError

WHOLE = r"""
[keep]
default = "none"
"files:*" = "full"

[redact]
keys = "ssn"
paths = ["$.customer.cards[*].number", "$['a b'][0]"]
patterns = ['\d{16}']
built_in = false

[[errors]]
name = "says Error"
tool = "sqlite:*"
soft = true
text = '^Error:'

[[errors]]
code = [-32050, -32051]
class = "upstream"
where = {"$.data.type" = "quota", "$.data.retry" = true}

[tools."files:*"]
cost_usd = 0
upstream = "disk"
reversibility = "reversible"
idempotent = true
credential_mode = "service"
credential_scope = "read"

[sessions]
handle = "basket"
"""


def read(text):
    return parse_settings(text.encode(), path=Path("mcplens.toml"))


def test_a_whole_file_is_understood():
    assert read(WHOLE) == Settings(
        path=Path("mcplens.toml"),
        keep="none",
        keep_by_tool=(("files:*", "full"),),
        redaction=Redaction(
            keys=("ssn",),
            paths=(("customer", "cards", None, "number"), ("a b", 0)),
            patterns=(r"\d{16}",),
            built_in=False,
        ),
        error_rules=(
            ErrorRule(
                name="mcplens.toml: says Error",
                error_class="soft_error",
                tool="sqlite:*",
                is_soft=True,
                text="^Error:",
            ),
            ErrorRule(
                name="mcplens.toml: 2",
                error_class="upstream",
                codes=(-32050, -32051),
                where=((("data", "type"), "quota"), (("data", "retry"), True)),
            ),
        ),
        notes_by_tool=(
            (
                "files:*",
                ToolNotes(
                    cost_usd=0.0,
                    upstream="disk",
                    reversibility="reversible",
                    is_idempotent=True,
                    credential_mode="service",
                    credential_scope="read",
                ),
            ),
        ),
        handle_by_tool=(("*:*", "basket"),),
    )


def test_an_empty_file_says_nothing():
    assert read("") == Settings(path=Path("mcplens.toml"))


def test_a_file_may_begin_with_the_mark_that_editors_on_windows_leave():
    assert read('\ufeff[keep]\ndefault = "none"').keep == "none"


def test_a_session_handle_may_be_named_per_tool():
    assert read('[sessions.handle]\n"shop:*" = "basket"').handle_by_tool == (("shop:*", "basket"),)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("[keep", " is no TOML: Expected ']' at the end of a table declaration"),
        ("\x00", " is no TOML: "),
        ("[kep]", ': unknown key "kep". Did you mean "keep"?'),
        ("x = 1", ': unknown key "x". There is keep, redact, errors, tools, sessions'),
        ("keep = 1", ": keep must be a table"),
        ('[keep]\ndefalt = "full"', ', [keep]: unknown key "defalt". Did you mean "default"?'),
        (
            '[keep]\nsearch = "full"',
            ', [keep]: "search" is no server:tool. Write "*:search" for the tool on any',
        ),
        ('[keep]\n"a:b" = "ful"', ', [keep]: "a:b" = "ful" is not known. Did you mean "full"?'),
        ('[keep]\n"a:b" = "x"', ', [keep]: "a:b" = "x" is not known. It takes none, shape, full'),
        ('[keep]\n"a:b" = 1', ', [keep]: "a:b" must be a text'),
        ('[redact]\nkey = ["a"]', ', [redact]: unknown key "key". Did you mean "keys"?'),
        ("[redact]\nkeys = [1]", ", [redact]: keys must be a text"),
        ("[redact]\npatterns = ['a', '']", ", [redact]: patterns holds an empty text"),
        (
            "[redact]\npatterns = '(a'",
            ", [redact]: '(a' is no RE2 expression: missing ): (a",
        ),
        (
            "[redact]\npatterns = '(?=a)'",
            ", [redact]: '(?=a)' is no RE2 expression: invalid perl operator: (?=",
        ),
        (
            '[redact]\npaths = ["a.b"]',
            ', [redact]: "a.b" is no path. Write it as in $.customer.cards[*].number',
        ),
        ('[redact]\npaths = "$.a["', ', [redact]: "$.a[" is no path.'),
        ('[redact]\npaths = "$"', ', [redact]: "$" is no path.'),
        ("errors = 1", ": errors must be a table"),
        (
            '[[errors]]\ncode = 1\nclass = "upsteam"',
            ', [[errors]] number 1: class = "upsteam" is not known. Did you mean "upstream"?',
        ),
        (
            "[[errors]]\ncode = 1",
            ", [[errors]] number 1: has no class. Say class, such as upstream",
        ),
        (
            '[[errors]]\nclass = "auth"',
            ", [[errors]] number 1: matches everything. Say code, where or text",
        ),
        (
            '[[errors]]\nclass = "soft_error"\ntext = "a"',
            ", [[errors]] number 1: soft_error is for results that claim success. Add soft = true",
        ),
        (
            "[[errors]]\nsoft = true\ncode = 1",
            ", [[errors]] number 1: a result that claims success has no code. Say where or text",
        ),
        (
            '[[errors]]\nclass = "auth"\ncode = 1\n[[errors]]\nclass = "auth"\ncode = true',
            ", [[errors]] number 2: code must be a whole number",
        ),
        (
            '[[errors]]\nclass = "auth"\nwhere = {"$.a" = [1]}',
            ', [[errors]] number 1: where "$.a" must be a text, a number, true or false',
        ),
        ('[tools]\n"a:b" = 1', ', [tools]: "a:b" must be a table'),
        (
            '[tools."a:b"]\ncost = 1',
            ', [tools] "a:b": unknown key "cost". Did you mean "cost_usd"?',
        ),
        ('[tools."a:b"]\ncost_usd = -1', ', [tools] "a:b": cost_usd must be a number from 0 on'),
        ('[tools."a:b"]\ncost_usd = nan', ', [tools] "a:b": cost_usd must be a number from 0 on'),
        ('[tools."a:b"]\nidempotent = 1', ', [tools] "a:b": idempotent must be true or false'),
        ('[tools."a:b"]\nupstream = " "', ', [tools] "a:b": upstream is empty'),
        ("[sessions]\nhandle = 1", ", [sessions]: handle must be a table"),
        (
            "[budgets]\nx = 1",
            ", [budgets]: budgets are not read from here yet. Give them to pytest: --mcp-budget",
        ),
    ],
)
def test_what_is_not_understood_is_refused_in_one_line_that_says_where(text, refusal):
    with pytest.raises(ConfigError) as caught:
        read(text)

    assert str(caught.value).startswith(f"mcplens.toml{refusal}")
    assert "\n" not in str(caught.value)


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["default", "a:b", "keys", "paths", "built_in", "tool", "soft", "code", "where", "text"]
)
TABLES = st.sampled_from(["keep", "redact", "errors", "tools", "sessions", "budgets", "x"])


@settings(max_examples=50)
@given(st.dictionaries(TABLES, VALUES | st.dictionaries(KEYS | st.text(), VALUES)))
def test_whatever_a_file_says_it_is_understood_or_refused(values):
    with mock.patch("tomllib.loads", return_value=values), suppress(ConfigError):
        read("")


@given(st.binary())
def test_whatever_a_file_is_it_is_read_or_refused(data):
    with suppress(ConfigError):
        parse_settings(data, path=Path("mcplens.toml"))
