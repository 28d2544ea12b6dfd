import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcplens.capture.names import clean_address, clean_endpoint, clean_name, clean_text


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("read_file", "read_file"),
        ("Überblick 概要", "Überblick 概要"),
        ("a\x00b\x1b[31mc\u202ed\ud800", "ab[31mcd"),
        ("x" * 500, "x" * 200),
        ("\n", None),
        ("", None),
        (None, None),
        (5, None),
        (["a"], None),
    ],
)
def test_a_name_is_printable_and_short(value, name):
    assert clean_name(value) == name


def test_of_a_name_without_end_only_the_beginning_is_looked_at():
    assert clean_name("\x00" * 1_000_000 + "late") is None


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("https://host/mcp", "https://host/mcp"),
        ("https://bob:secret@host:8080/mcp?key=secret#secret", "https://host:8080/mcp"),
        ("https://bob:se@cret@host/a@b", "https://host/a@b"),
        ("postgres://bob:secret@db/main", "postgres://db/main"),
        ("//bob:secret@host/x", "//host/x"),
        ("https:\\\\bob:secret@host\\x", "https:\\\\host\\x"),
        ("https:/bob:secret@host/x", "https:/host/x"),
        ("bob:secret@host", "host"),
        ("http://host/x;jsessionid=secret", "http://host/x"),
        ("http://host\n?secret", "http://host"),
        ("file:///home/bob/a.txt", "file:///home/bob/a.txt"),
        ("data:text/plain;base64,secret", "data:…"),
        (" DA\u200bTA:secret", "data:…"),
        ("javascript:secret", "javascript:…"),
        ("https://h/" + "x" * 5000, "https://h/" + "x" * 990),
        ("https://bob:" + "secret" * 5000 + "@host/x", "https://…"),
        ("?secret", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_loses_what_may_be_secret(value, address):
    assert clean_address(value) == address


@given(st.text())
def test_any_text_is_made_printable(value):
    assert (clean_name(value) or "").isprintable()
    assert (clean_address(value) or "").isprintable()
    assert clean_text(value, limit=50).isprintable()


@given(st.text(alphabet="ab:/\\@?#;. ", max_size=30))
def test_nothing_of_a_user_or_a_query_is_left(value):
    address = clean_address(f"https://{value}@host/path?{value}SECRET")

    assert address is None or "SECRET" not in address


def test_a_text_is_one_line_and_not_longer_than_allowed():
    assert clean_text(" a\r\n\tb  c ", limit=50) == "a b c"
    assert clean_text("abcdef", limit=4) == "abc…"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("https://host/me:secret@elsewhere/mcp", "https://host/elsewhere/mcp"),
        ("https://host/ghp_0123456789abcdef0123/mcp", "https://host/…/mcp"),
        ("https://host/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "https://host/…"),
        ("https://host/@scope/package", "https://host/@scope/package"),
    ],
)
def test_a_path_loses_users_and_credentials(value, address):
    assert clean_address(value) == address


@pytest.mark.parametrize(
    ("value", "endpoint"),
    [
        ("http://127.0.0.1:8000/mcp", "http://127.0.0.1:8000/mcp"),
        ("https://host/api/v1/2025-11-25/streamable-http/", None),
        ("https://host/s/0b5e9c1a7f/mcp?key=secret", "https://host/s/…/mcp"),
        ("https://host/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "https://host/…"),
        ("https://host/" + "secret" * 5, "https://host/…"),
        ("https://host", None),
        (None, None),
    ],
)
def test_of_a_servers_path_only_words_and_versions_are_left(value, endpoint):
    assert clean_endpoint(value) == (endpoint or value)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("https://me:secret@host/mcp?key=secret", "https://host/mcp"),
        ("postgres://me:secret@db/main", "postgres://db/main"),
        ("https://www.googleapis.com/auth/drive", "https://www.googleapis.com/auth/drive"),
    ],
)
def test_an_address_for_a_name_loses_what_an_address_loses(value, name):
    assert clean_name(value) == name
