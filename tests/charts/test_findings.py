import subprocess
import sys

from mcplens.charts.findings import (
    format_ratio,
    latency_finding,
    main_finding,
    outcomes_finding,
    recording_finding,
)


def tool(name="files:read_file", **numbers):
    server_name, tool_name = name.split(":")
    defaults = {"call_count": 100, "failure_count": 0, "p95_ms": 27.0}
    return {"server_name": server_name, "tool_name": tool_name, **defaults, **numbers}


def ending(name, word, count):
    server_name, tool_name = name.split(":")
    return {
        "server_name": server_name,
        "tool_name": tool_name,
        "ending": word,
        "is_failure": True,
        "call_count": count,
    }


def budget(name, ratio, **numbers):
    server_name, tool_name = name.split(":")
    return {
        "server_name": server_name,
        "tool_name": tool_name,
        "budget_ratio": ratio,
        "is_over": ratio is not None and ratio > 1,
        **numbers,
    }


def seen(calls, failures=0, *, rate=None, cancelled=0):
    return {
        "call_count": calls,
        "failure_count": failures,
        "failure_rate": rate,
        "cancelled_count": cancelled,
    }


def test_the_slowest_tool_is_named_with_its_p95():
    tools = [tool("files:read_file", p95_ms=27.0), tool("search:fetch_url", p95_ms=3910.0)]

    assert latency_finding(tools) == "search:fetch_url is the slowest of 2 tools: p95 3.91 s"


def test_a_p95_of_few_calls_says_how_few():
    tools = [tool("files:read_file"), tool("search:fetch_url", p95_ms=3910.0, call_count=3)]

    assert latency_finding(tools).endswith("p95 3.91 s over only 3 calls")


def test_one_tool_is_not_called_slowest():
    assert latency_finding([tool()]) == "files:read_file: p95 27 ms over 100 calls"


def test_one_call_is_no_percentile():
    assert latency_finding([tool(call_count=1)]) == "files:read_file took 27 ms in its only call"


def test_calls_without_an_answer_have_no_time():
    assert latency_finding([tool(p95_ms=None)]) == "Of no call is known how long it took"


def test_without_calls_there_is_one_thing_to_say():
    assert latency_finding([]) == "No tool has been called yet"
    assert outcomes_finding(seen(0), [], []) == "No tool has been called yet"
    assert main_finding(seen(0), [], []) == "No tool has been called yet"


def test_budgets_come_before_plain_slowness():
    budgets = [budget("search:fetch_url", 1.954), budget("files:read_file", 0.54)]

    sentence = latency_finding([tool(), tool()], budgets)

    assert sentence == "1 of 2 tools is over its latency budget: search:fetch_url, at 2×"


def test_several_tools_over_budget_name_the_worst():
    budgets = [budget("a:x", 1.1), budget("b:y", 3.4), budget("c:z", 0.2)]

    sentence = latency_finding([tool()], budgets)

    assert sentence == "2 of 3 tools are over their latency budget; b:y is worst, at 3.4×"


def test_kept_budgets_name_the_nearest():
    budgets = [budget("a:x", 0.3), budget("b:y", 0.92)]

    sentence = latency_finding([tool()], budgets)

    assert sentence == "All 2 tools are within their latency budget; b:y is nearest, at 0.92×"


def test_the_budget_of_one_tool_is_said_of_that_tool():
    over = latency_finding([tool()], [budget("a:x", 1.2)])
    within = latency_finding([tool()], [budget("a:x", 0.5)])

    assert over == "a:x is over its latency budget, at 1.2×"
    assert within == "a:x is within its latency budget, at 0.5×"


def test_calls_that_were_never_answered_miss_a_budget_however_fast_the_others():
    missed = {"is_over": True, "over_count": 40, "call_count": 100}

    fast = latency_finding([tool()], [budget("a:x", 0.6, **missed)])
    silent = latency_finding([tool()], [budget("a:x", None, **missed), budget("b:y", 0.9)])

    assert fast == "a:x is over its latency budget, with 40 of 100 calls late or never answered"
    assert silent == (
        "1 of 2 tools is over its latency budget: a:x, with 40 of 100 calls late or never answered"
    )


def test_a_budget_nothing_was_measured_for_says_nothing():
    assert latency_finding([tool()], [budget("a:x", None)]).startswith("files:read_file: p95")


def test_a_ratio_near_one_never_reads_as_one():
    assert format_ratio(1.004) == "1.004×"
    assert format_ratio(0.97) == "0.97×"
    assert format_ratio(2.04) == "2×"
    assert format_ratio(0.031) == "0.031×"
    assert format_ratio(123.4) == "123×"
    assert format_ratio(0.0004) == "<0.01×"


def test_failures_name_the_tool_that_has_most_and_how():
    tools = [
        tool("search:fetch_url", failure_count=31),
        tool("files:read_file", failure_count=18, call_count=20),
    ]
    endings = [
        ending("search:fetch_url", "timeout", 20),
        ending("search:fetch_url", "rate_limited", 11),
        ending("files:read_file", "tool_failure", 18),
    ]

    sentence = outcomes_finding(seen(1204, 49, rate=49 / 1204), tools, endings)

    assert sentence == (
        "4.1% of calls failed; search:fetch_url leads with 31 of 49 failures, mostly timeout"
    )


def test_one_way_of_failing_is_not_called_most():
    tools = [tool("a:x", failure_count=2), tool("b:y")]

    sentence = outcomes_finding(seen(200, 2, rate=0.01), tools, [ending("a:x", "unknown_tool", 2)])

    assert sentence == "1% of calls failed; a:x leads with 2 of 2 failures, unknown tool"


def test_half_is_not_called_most():
    ways = [ending("a:x", "invalid_arguments", 1), ending("a:x", "timeout", 1)]

    sentence = outcomes_finding(seen(8, 2, rate=0.25), [tool("a:x", failure_count=2)], ways)

    assert sentence == "2 of 100 calls of a:x failed: 2 kinds of failure"


def test_a_tool_that_shares_the_lead_does_not_lead():
    tools = [tool(name, failure_count=n) for name, n in (("a:x", 2), ("b:y", 2), ("c:z", 1))]

    sentence = outcomes_finding(seen(50, 5, rate=0.1), tools, [ending("a:x", "timeout", 2)])

    assert sentence == "10% of calls failed; 2 tools had 2 of 5 failures each"


def test_one_tool_is_not_said_to_lead():
    sentence = outcomes_finding(
        seen(100, 3, rate=0.03), [tool(failure_count=3)], [ending("files:read_file", "auth", 3)]
    )

    assert sentence == "3 of 100 calls of files:read_file failed: auth error"


def test_a_cancelled_call_is_no_failure_of_the_calls_that_are_named():
    sentence = outcomes_finding(
        seen(4, 1, rate=0.5, cancelled=2),
        [tool(call_count=4, failure_count=1)],
        [ending("files:read_file", "auth", 1)],
    )

    assert sentence == "1 of 4 calls of files:read_file failed: auth error"


def test_one_call_is_no_share():
    failed = [ending("files:read_file", "timeout", 1)]

    assert outcomes_finding(seen(1), [tool(call_count=1)], []) == "The only call succeeded"
    assert (
        outcomes_finding(seen(1, 1, rate=1.0), [tool(call_count=1, failure_count=1)], failed)
        == "The only call failed: timeout"
    )
    assert outcomes_finding(seen(1, cancelled=1), [tool()], []) == "The only call was cancelled"


def test_all_is_well_is_said_too():
    assert outcomes_finding(seen(1204), [tool()], []) == "All 1,204 calls succeeded"
    assert (
        outcomes_finding(seen(1204, cancelled=3), [tool()], [])
        == "No call failed; 3 of 1,204 were cancelled"
    )
    assert outcomes_finding(seen(2, cancelled=2), [tool()], []) == "All 2 calls were cancelled"


def test_a_missed_budget_is_the_main_finding_then_failures_then_slowness():
    tools = [tool(failure_count=1)]
    failures = [ending("files:read_file", "timeout", 1)]
    failing = seen(100, 1, rate=0.01)
    missed, kept = budget("files:read_file", 2.0), budget("files:read_file", 0.5)

    assert "over its latency budget" in main_finding(failing, tools, failures, [missed])
    assert main_finding(failing, tools, failures, [kept]).startswith("1 of 100 calls")
    assert main_finding(seen(100), [tool()], []) == "files:read_file: p95 27 ms over 100 calls"


def test_what_was_lost_and_what_watching_cost_is_said():
    assert recording_finding({"lost_count": 0, "recorder_cpu_ms": 3441.1}) == (
        "Nothing was lost; watching took 3.44 s of CPU time"
    )
    assert recording_finding({"lost_count": 1204, "recorder_cpu_ms": None}) == (
        "1,204 messages or events were lost"
    )
    assert recording_finding({"lost_count": 1, "recorder_cpu_ms": None}) == (
        "1 message or event was lost"
    )


def test_files_left_out_take_back_that_nothing_was_lost():
    assert recording_finding({"lost_count": 0, "recorder_cpu_ms": None}, left_out_count=1) == (
        "1 file was left out; nothing was lost in recording the rest"
    )
    assert recording_finding({"lost_count": 1, "recorder_cpu_ms": None}, left_out_count=2) == (
        "2 files were left out; 1 message or event was lost"
    )


def test_the_sentences_load_nothing_that_draws():
    code = (
        "import sys, mcplens.charts.findings;"
        "print(*{'altair', 'pandas', 'duckdb', 'vl_convert'} & set(sys.modules))"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.strip() == ""


def test_of_endings_that_are_partly_unknown_no_share_is_said():
    overview = {**seen(20, 2), "unknown_count": 5, "failure_rate": None}
    tools = [tool("a:x", failure_count=2), tool("a:y")]

    sentence = outcomes_finding(overview, tools, [ending("a:x", "timeout", 2)])

    assert sentence == "At least 2 of 20 calls failed; a:x leads with 2 of 2 failures, timeout"


def test_nobody_says_that_all_succeeded_where_some_endings_are_unknown():
    sentence = outcomes_finding({**seen(20), "unknown_count": 5}, [tool()], [])

    assert sentence == (
        "No call is known to have failed; 5 of 20 came from logs that do not say how they ended"
    )
