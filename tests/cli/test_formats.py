import csv
import io
import json
from datetime import date, datetime, timedelta
from decimal import Decimal

from mcplens.cli.formats import write_csv, write_json


def json_of(columns, rows):
    stream = io.StringIO()
    write_json(columns, rows, stream)
    return stream.getvalue()


def csv_of(columns, rows):
    stream = io.StringIO()
    write_csv(columns, rows, stream)
    return stream.getvalue()


def test_json_is_an_array_with_one_row_per_line():
    text = json_of(["tool_name", "p95_ms"], [("a", 1.5), ("b", None)])

    assert text == '[\n{"tool_name": "a", "p95_ms": 1.5},\n{"tool_name": "b", "p95_ms": null}\n]\n'


def test_no_rows_are_an_empty_array_and_a_bare_header():
    assert json_of(["a"], []) == "[]\n"
    assert csv_of(["a"], []) == "a\n"


def test_json_knows_every_kind_of_value():
    row = (
        datetime(2026, 11, 20, 12, 0, 0, 500_000),  # noqa: DTZ001  as the views give it
        date(2026, 11, 20),
        timedelta(seconds=90),
        Decimal("1.50"),
        float("nan"),
        [1, {"k": float("inf")}],
        b"ab",
        2**100,
    )

    [read] = json.loads(json_of(list("abcdefgh"), [row]))

    assert list(read.values()) == [
        "2026-11-20T12:00:00.500000Z",
        "2026-11-20",
        90.0,
        1.5,
        None,
        [1, {"k": None}],
        "YWI=",
        1267650600228229401496703205376,
    ]


def test_json_escapes_what_a_terminal_would_obey():
    text = json_of(["name"], [("é\x1b\x9b\u202e",)])

    assert text == '[\n{"name": "é\\u001b\\u009b\\u202e"}\n]\n'
    assert json.loads(text) == [{"name": "é\x1b\x9b\u202e"}]


def test_csv_survives_commas_quotes_and_lines():
    values = ('a,"b"\nc', None, True, [1, 2])

    read = list(csv.reader(io.StringIO(csv_of(["a", "b", "c", "d"], [values]))))

    assert read == [["a", "b", "c", "d"], ['a,"b"\nc', "", "true", "[1, 2]"]]


def test_csv_on_a_terminal_escapes_what_it_would_obey():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()

    write_csv(["name"], [("a\x1b[2J",)], stream)

    assert stream.getvalue() == "name\na\\x1b[2J\n"
