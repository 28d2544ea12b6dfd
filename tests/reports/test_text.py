from mcplens.reports.text import printable, shorten, to_ascii


def test_a_short_name_stays_whole():
    assert shorten("search", 6) == "search"


def test_a_long_name_loses_its_middle():
    assert shorten("github:create_pull_request", 13) == "github…equest"


def test_a_wide_letter_takes_two_cells():
    assert shorten("日本日本日本", 7) == "日本…本"


def test_letters_of_all_languages_are_printable():
    assert printable("œuvre 日本") == "œuvre 日本"


def test_what_moves_the_cursor_is_spelled_out():
    assert printable("\x1b[31m\r\x9b\u2028\u202e") == r"\x1b[31m\r\x9b\u2028\u202e"


def test_ascii_knows_another_sign_for_each_of_ours():
    assert to_ascii("340 µs · 2× – ●─│ ✓✗…") == "340 us | 2x - o-| +x~"
