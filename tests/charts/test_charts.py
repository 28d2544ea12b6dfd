import base64
import re

import altair as alt
import pytest
import vl_convert

import mcplens
from mcplens.charts.outcomes import colours_of
from mcplens.charts.theme import DARK, LIGHT, log_ticks, share_ticks
from mcplens.metrics.budget_rows import BudgetRow, set_budgets
from mcplens.metrics.connect import connect
from mcplens.store.location import create
from mcplens.store.spool import Spool
from tests.builders import call


@pytest.fixture
def seen(tmp_path):
    """Record calls, and connect to them."""

    def record(calls):
        store = create(tmp_path / "store")
        spool = Spool(store, run_id="run1")
        spool.write(calls)
        spool.close()
        return connect(store.path)

    return record


def drawn(chart):
    """The rows that a chart draws, and nothing of its header texts."""
    [rows] = [rows for rows in chart.to_dict()["datasets"].values() if rows != [{}]]
    return rows


def words(chart):
    return " ".join(chart.to_dict()["title"]["text"])


def test_the_slowest_tool_comes_first(seen):
    con = seen(
        [
            call(target="quick", work_ms=5.0),
            call(target="slow", work_ms=900.0),
            call(target="lost", outcome="disconnected"),
        ]
    )

    chart = mcplens.charts.latency_by_tool(con)

    assert [(row["tool"], row["p95"], row["calls"]) for row in drawn(chart)] == [
        ("files:slow", "900 ms", "1"),
        ("files:quick", "5 ms", "1"),
        ("files:lost", "–", "1"),
    ]
    assert words(chart) == "files:slow is the slowest of 3 tools: p95 900 ms over only 1 call"


def test_latency_stands_on_a_log_axis_of_round_times(seen):
    con = seen([call(work_ms=7.0), call(target="slow", work_ms=250.0)])

    x = mcplens.charts.latency_by_tool(con).to_dict()["layer"][0]["encoding"]["x"]

    assert x["scale"] == {"type": "log", "domain": [3, 300], "clamp": True, "nice": False}
    assert x["axis"]["values"] == [3, 10, 30, 100, 300]
    assert "'30': '30 ms'" in x["axis"]["labelExpr"]


def test_a_budget_is_drawn_where_one_is_set(seen):
    con = seen([call(work_ms=300.0), call(target="quick", work_ms=10.0)])
    set_budgets(con, [BudgetRow(budget_id="b", tool="read_file", quantile=0.95, limit_ms=200.0)])

    chart = mcplens.charts.latency_by_tool(con)

    over, quick = drawn(chart)
    assert (over["limit_ms"], over["÷ budget"], over["budget"]) == (200.0, "1.5×", "p95 200 ms")
    assert (quick["limit_ms"], quick["÷ budget"], quick["state"]) == (None, "–", "plain")
    assert words(chart) == "files:read_file is over its latency budget, at 1.5×"
    assert LIGHT["budget"] in str(chart.to_dict()["layer"])


def test_the_tool_of_which_most_fails_comes_first(seen):
    con = seen(
        [
            call(target="good"),
            call(target="half"),
            call(target="half", outcome="timeout"),
            call(target="bad", outcome="tool_error", error_class="auth"),
            call(target="bad", outcome="cancelled"),
        ]
    )

    chart = mcplens.charts.outcomes_by_tool(con)

    assert [(row["tool"], row["ending"], row["failed"]) for row in drawn(chart)] == [
        ("files:bad", "auth error", "100%"),
        ("files:half", "timeout", "50%"),
        ("files:good", "", "0%"),
    ]
    assert words(chart) == "50% of calls failed; 2 tools had 1 of 2 failures each"


def test_two_ways_of_failing_are_named_at_their_bars_and_three_in_a_legend(seen):
    calls = [call(outcome="timeout"), call(outcome="tool_error", error_class="auth")]

    def legend(chart):
        return chart.to_dict()["layer"][0]["encoding"]["color"]["legend"]

    assert legend(mcplens.charts.outcomes_by_tool(seen(calls))) is None
    assert drawn(mcplens.charts.outcomes_by_tool(seen([])))[0]["endings"] == "timeout, auth error"
    third = call(outcome="tool_error", error_class="upstream")
    assert legend(mcplens.charts.outcomes_by_tool(seen([third]))) == {}


def test_every_bar_is_as_long_as_its_share_however_few_its_calls(seen):
    often = [call(outcome="timeout" if i < 4 else "ok") for i in range(40)]

    chart = mcplens.charts.outcomes_by_tool(seen([*often, call(target="once", outcome="timeout")]))

    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    once, many = (float(px) for px in re.findall(r'"bar" d="M0,[\d.]+h([\d.]+)v', svg))
    assert once == pytest.approx(10 * many)


@pytest.mark.parametrize("name", ["latency_by_tool", "outcomes_by_tool"])
def test_a_chart_is_described_and_draws_itself_offline(seen, name):
    chart = getattr(mcplens.charts, name)(seen([call(), call(outcome="timeout")]))

    bundle = chart._repr_mimebundle_()

    assert bundle["text/plain"] == chart.to_dict()["description"]
    assert bundle["application/vnd.vegalite.v5+json"]["$schema"].endswith("/v5.json")
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["latency_by_tool", "outcomes_by_tool"])
def test_vega_lite_5_draws_the_same_marks(seen, name):
    # JupyterLab has version 5, the report 6.
    spec = getattr(mcplens.charts, name)(seen([call(), call(outcome="timeout")])).to_dict()

    five, six = (vl_convert.vegalite_to_svg(spec, vl_version=v) for v in ("5.8", "6.4"))

    assert five.count("<path") == six.count("<path")
    assert five.count("<text") == six.count("<text")


@pytest.mark.parametrize("name", ["latency_by_tool", "outcomes_by_tool"])
def test_without_calls_a_chart_says_what_to_do(seen, name):
    chart = getattr(mcplens.charts, name)(seen([]))

    assert words(chart) == "No tool has been called yet"
    assert drawn(chart) == [{"words": "Record a server: mcplens record -- COMMAND"}]
    assert chart._repr_mimebundle_()["image/png"]


def test_a_renderer_that_somebody_picked_is_used(seen):
    chart = mcplens.charts.latency_by_tool(seen([call()]))

    with alt.renderers.enable("json"):
        shown = chart._repr_mimebundle_()

    assert "application/vnd.vegalite.v5+json" not in str(shown)


def test_a_chart_is_as_wide_as_asked(seen):
    assert mcplens.charts.latency_by_tool(seen([call()]), width=620).to_dict()["width"] == 620


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (7.0, 250.0, [3, 10, 30, 100, 300]),
        (3.0, 10.0, [3, 10]),
        (1.0, 1.0, [1, 3]),
        (0.002, 0.02, [0.001, 0.003, 0.01, 0.03]),
    ],
)
def test_times_have_ticks_of_one_and_three(low, high, ticks):
    assert log_ticks(low, high) == ticks


@pytest.mark.parametrize(
    ("high", "ticks"),
    [
        (0.02, [0, 0.005, 0.01, 0.015, 0.02]),
        (0.34, [0, 0.1, 0.2, 0.3]),
        (1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0003, [0, 0.0001, 0.0002, 0.0003]),
    ],
)
def test_shares_have_round_ticks(high, ticks):
    assert share_ticks(high) == ticks


def test_every_way_of_failing_has_a_colour_of_its_own_while_there_are_enough():
    assert colours_of(["timeout", "auth"]) == {"timeout": "bad", "auth": "good"}
    assert colours_of(["timeout", "unanswered"]) == {"timeout": "bad", "unanswered": "ink"}
    many = colours_of(["timeout", "rate_limited", "tool_failure", "soft_error", "internal", "x"])
    assert len(set(many.values())) == 6


def test_both_themes_have_the_same_colours_and_words_can_be_read_on_them():
    assert LIGHT.keys() == DARK.keys()
    for palette in (LIGHT, DARK):
        paper = luminance(palette["paper"])
        for name in palette.keys() - {"paper", "rule", "span"}:
            lighter, darker = sorted([luminance(palette[name]), paper], reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, name


def luminance(colour):
    """How light a colour is, as WCAG reckons it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
