import io

from rich.text import Text

from mcplens.reports.screen import Screen, print_lines, screen_of


def stream_in(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def test_the_width_is_what_the_environment_says():
    assert screen_of(stream_in("utf-8"), {"COLUMNS": "97", "LINES": "40"}).width == 97


def test_no_color_a_dumb_terminal_and_another_encoding_mean_ascii():
    assert not screen_of(stream_in("utf-8"), {}).is_ascii
    assert screen_of(stream_in("utf-8"), {"NO_COLOR": "1"}).is_ascii
    assert screen_of(stream_in("utf-8"), {"TERM": "dumb"}).is_ascii
    assert screen_of(stream_in("latin-1"), {}).is_ascii


def test_a_long_line_is_neither_wrapped_nor_cut():
    stream = io.StringIO()

    print_lines([Text("x" * 300)], stream, Screen(width=80))

    assert stream.getvalue() == "x" * 300 + "\n"


def test_markup_in_a_name_is_only_text():
    stream = io.StringIO()

    print_lines([Text("[red]:smile:[/red]")], stream, Screen())

    assert stream.getvalue() == "[red]:smile:[/red]\n"


def test_half_a_character_stops_nothing():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8")

    print_lines([Text("a\ud800b")], stream, Screen())
    stream.flush()

    assert raw.getvalue() == b"a\\ud800b\n"
