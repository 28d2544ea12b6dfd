"""`tool_metrics` against the same sentences in plain Python, on calls nobody thought of."""

import statistics
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcplens.metrics.connect import connect, refresh
from mcplens.store.location import create
from tests.builders import call
from tests.metrics.conftest import rows_of

OUTCOMES = [
    "ok",
    "tool_error",
    "protocol_error",
    "timeout",
    "disconnected",
    "cancelled",
    "unanswered",
    None,
]
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "server_name": st.sampled_from(["files", "git", None]),
            "target": st.sampled_from(["read", "write"]),
            "outcome": st.sampled_from(OUTCOMES),
            "error_class": st.sampled_from([None, None, "unknown_tool", "soft_error"]),
            "is_warmup": st.sampled_from([None, False, True]),
            "work_ms": st.none() | st.floats(0.001, 1e6),
        }
    ),
    max_size=40,
)


def model(calls):
    """Give each tool its numbers."""
    tools = defaultdict(list)
    for one in calls:
        if one["outcome"] and not one["is_warmup"]:
            tools[one["server_name"], one["target"]].append(one)
    return {tool: numbers(seen) for tool, seen in tools.items()}


def numbers(calls):
    cancelled = [c for c in calls if c["outcome"] == "cancelled"]
    success = [c for c in calls if c["outcome"] == "ok" and c["error_class"] is None]
    answered = ("ok", "tool_error", "protocol_error", "timeout")
    times = [c["work_ms"] for c in calls if c["outcome"] in answered and c["work_ms"] is not None]
    ok_times = [c["work_ms"] for c in success if c["work_ms"] is not None]
    judged = len(calls) - len(cancelled)
    return {
        "call_count": len(calls),
        "success_count": len(success),
        "failure_count": judged - len(success),
        "cancelled_count": len(cancelled),
        "caller_error_count": sum(c["error_class"] == "unknown_tool" for c in calls),
        "success_rate": len(success) / judged if judged else None,
        "avg_ms": statistics.fmean(times) if times else None,
        "max_ms": max(times, default=None),
        "p50_ms": statistics.median(times) if times else None,
        "p90_ms": quantile(times, 0.9),
        "ok_p50_ms": statistics.median(ok_times) if ok_times else None,
        "ok_p95_ms": quantile(ok_times, 0.95),
    }


def quantile(times, share):
    if len(times) < 2:
        return times[0] if times else None
    return statistics.quantiles(times, n=20, method="inclusive")[round(share * 20) - 1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    store = create(tmp_path_factory.mktemp("model") / "store")
    return connect(store.path), store.spool / "run1-00001.jsonl"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(calls=CALLS)
@pytest.mark.usefixtures("living_recorders")
def test_tool_metrics_are_what_plain_python_makes_of_the_same_calls(lab, write_rows, calls):
    con, part = lab
    part.unlink(missing_ok=True)
    write_rows(part, [call(**one) for one in calls])
    refresh(con)

    seen = {(row.server_name, row.tool_name): row for row in rows_of(con, "from tool_metrics")}

    expected = model(calls)
    assert set(seen) == set(expected)
    for tool, values in expected.items():
        got = {name: getattr(seen[tool], name) for name in values}
        assert got == {
            name: value if value is None else pytest.approx(value) for name, value in values.items()
        }
        if values["success_rate"] is not None:
            assert 0 <= seen[tool].success_low <= values["success_rate"] + 1e-12
            assert values["success_rate"] - 1e-12 <= seen[tool].success_high <= 1
