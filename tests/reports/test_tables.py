from mcplens.reports.screen import Screen
from mcplens.reports.tables import tools_table


def row(tool_name, *, calls=10, failures=0, p50=1.0, p95=2.0, p99=3.0, **more):
    return {
        "server_name": "git",
        "tool_name": tool_name,
        "call_count": calls,
        "success_count": calls - failures,
        "failure_count": failures,
        "failure_rate": failures / calls if calls else None,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        **more,
    }


ROWS = [
    row("git_diff_unstaged", calls=12055, failures=820, p50=715.0, p95=3910.0, p99=8100.0),
    row("git_commit", calls=55, p50=41.0, p95=64.0, p99=71.0, budget_ms=50.0),
    row("git_push", calls=5, failures=5, p50=0.9, p95=1.2, p99=1.3),
    row("git_reset", calls=0, p50=None, p95=None, p99=None),
]


def shown(rows, width, **more):
    return "\n".join(line.plain for line in tools_table(rows, Screen(width=width, **more)))


WIDE = """\
tool                    calls    failed     p50     p95  300 µs ───── p50 ──●p95── p99 ───── 10 s
git:git_diff_unstaged  12,055  820 6.8%  715 ms  3.91 s                               ──────●───
git:git_commit             55    0        41 ms   64 ms                    ─│●
git:git_push                5    5 100%  900 µs  1.2 ms      ─●
git:git_reset               0    0            –       –
"""


def test_a_wide_terminal_gets_every_column():
    assert shown(ROWS, 97) == WIDE.rstrip()


def test_eighty_columns_keep_a_short_strip():
    header = shown(ROWS, 80).splitlines()[0]

    assert header.endswith("p95  300 µs ─── log ─── 10 s")


def test_a_narrow_terminal_loses_the_strip_then_p50():
    titles = {width: shown(ROWS, width).splitlines()[0].split() for width in (70, 48)}

    assert titles[70] == ["tool", "calls", "failed", "p50", "p95"]
    assert titles[48] == ["tool", "calls", "failed", "p95"]


def test_one_failure_of_many_earns_no_cross():
    assert "✗" not in shown([row("git_log", calls=26, failures=1)], 100)


def test_a_name_is_cut_in_the_middle_before_any_number_is():
    text = shown(ROWS, 38)

    assert text.splitlines()[1] == "git:gi…taged  12,055  820 6.8%  3.91 s"


def test_no_line_is_wider_than_the_terminal():
    for width in range(40, 130):
        assert max(map(len, shown(ROWS, width).splitlines())) <= width


def test_numbers_stay_whole_where_nothing_fits():
    assert "12,055  820 6.8%  3.91 s" in shown(ROWS, 10)


def test_ascii_says_the_same():
    text = shown([row("café", failures=1, budget_ms=1.0)], 100, is_ascii=True)

    assert text.isascii()
    assert r"git:caf\xe9" in text


def test_a_name_cannot_write_to_the_terminal():
    text = shown([row("a\x1b[2Jb\u202ec\nd")], 80)

    assert r"git:a\x1b[2Jb\u202ec\nd" in text


def test_no_rows_are_a_header_alone():
    assert shown([], 80) == "tool  calls  failed  p50  p95"
