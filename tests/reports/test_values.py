from datetime import datetime

from mcplens.reports.screen import Screen
from mcplens.reports.values import records, values_table, written


def test_a_value_is_written_by_the_name_of_its_column():
    assert written("p95_ms", 1234.5) == "1.23 s"
    assert written("success_rate", 0.5) == "50%"
    assert written("request_bytes", 4100) == "4.1 kB"
    assert written("call_count", 12055) == "12,055"
    assert written("started_at", datetime(2026, 11, 20, 12, 0, 3, 500)) == "2026-11-20 12:00:03"  # noqa: DTZ001
    assert written("is_final", True) == "yes"
    assert written("anything", None) == "–"
    assert written("content_kinds", ["text"]) == '["text"]'
    assert written("note", "a\nb") == r"a\nb"


def test_a_column_without_any_value_is_left_out_and_named():
    lines, hidden = values_table(["a", "b"], [(1, None), (2, None)], Screen())

    assert [line.plain for line in lines] == ["a", "1", "2"]
    assert hidden == ["b"]


def test_ids_go_before_words_when_width_is_short():
    names = ["tool", "session_id", "outcome"]

    lines, hidden = values_table(names, [("search", "0123456789ab-c1", "ok")], Screen(width=20))

    assert lines[0].plain == "tool    outcome"
    assert hidden == ["session_id"]


def test_records_set_one_value_per_line():
    lines = records(["name", "p95_ms"], [("a", 10.0), ("b", None)])

    assert [line.plain for line in lines] == [
        "name    a",
        "p95_ms  10 ms",
        "",
        "name    b",
        "p95_ms  –",
    ]
