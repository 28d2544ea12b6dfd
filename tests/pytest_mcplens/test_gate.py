"""Whole runs of pytest against real servers: what passes, what fails, and what is said about it."""

import shlex
import sys
from pathlib import Path

import pytest

# Before any test: what is imported while a pytester lives is forgotten after it, and DuckDB's
# extension cannot be imported twice.
from mcplens.metrics.connect import connect

pytest_plugins = ["pytester"]

SERVERS = Path(__file__).parent.parent / "servers"


@pytest.fixture
def run_gate(pytester):
    """Run pytest with a little server as its target, and every warning an error."""

    def run(test, *options, server="plain.py"):
        pytester.makepyfile(test)
        return pytester.runpytest_subprocess(
            "-W", "error", *target(server), "--mcp-record=calls", "-p", "no:randomly", *options
        )

    return run


def target(server):
    return (f"--mcp-target={shlex.join([sys.executable, str(SERVERS / server)])}",)


def calls(tool, count, **arguments):
    words = ", ".join([repr(tool), *(f"{name}={value!r}" for name, value in arguments.items())])
    return f"""
        def test_{tool}(mcp_server):
            for _ in range({count}):
                mcp_server.call({words})
    """


def test_a_good_server_passes(run_gate):
    result = run_gate(
        calls("echo", 60, text="x"),
        "--mcp-latency-budget=p95=5s",
        "--mcp-success-rate=95%",
        server="good.py",
    )

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "─* mcplens: 1 tool, 60 calls ─*",
            "✓  good:echo  60 calls  p95 * / 5 s  success 100% / 95%  proven 95.1%",
            "recorded in calls for * of CPU    see: mcplens tools --run last --store calls",
            "*1 passed*",
        ]
    )


def test_a_slow_server_fails(run_gate):
    result = run_gate(
        calls("search", 50, query="x"), "--mcp-latency-budget=p95=100ms", server="slow.py"
    )

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "✗  slow:search  50 calls  p95 * / 100 ms  success 100%",
            "slow:search: p95 is * ms, budget 100 ms (1? of 50 calls over)",
            "  slowest * ms, session *    see: mcplens session * --store calls",
            "*1 passed*",
        ]
    )


def test_a_run_that_a_budget_fails_says_so_in_its_last_line_and_why(run_gate):
    result = run_gate(calls("fail", 60), "--mcp-success-rate=95%", "--color=yes")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*exit code 1: 1 budget broken*"])
    last = result.stdout.lines[-1]
    assert "1 budget broken" in last
    assert "\x1b[32m=" not in last


def test_inconclusive_budgets_stand_in_the_last_line(run_gate):
    result = run_gate(
        calls("echo", 1, text="x"), "--mcp-latency-budget=p95=5s", "--mcp-budget=ecko:p95=1s"
    )

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ['*not judged*Did you mean "echo"[?]', "*1 passed, 2 budgets inconclusive*"]
    )
    result.stdout.no_fnmatch_line("*exit code*")


def test_a_failing_server_fails(run_gate):
    result = run_gate(calls("order", 60, item="x"), "--mcp-success-rate=95%", server="failing.py")

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "✗  failing:order  60 calls  p95 *  success 75% / 95%  proven 64.1%",
            (
                "failing:order: success rate is 75%, budget 95% (15 of 60 calls failed; "
                "at most 0 would pass)"
            ),
        ]
    )


def test_too_few_calls_are_inconclusive_with_the_number_still_needed(run_gate):
    result = run_gate(calls("echo", 12, text="x"), "--mcp-latency-budget=p95=5s")

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "[?]  plain:echo  12 calls  p95 * / 5 s  success 100%",
            "plain:echo: 12 calls, none over, cannot prove p95 5 s yet; 47 more would",
        ]
    )


def test_a_budget_for_a_tool_that_nobody_called_fails_where_inconclusive_does(run_gate):
    result = run_gate(
        calls("echo", 1, text="x"),
        "--mcp-budget=ecko:p95=200ms",
        "--mcp-budget=success=50%",
        "--mcp-inconclusive=fail",
    )

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ['p95 200 ms is not judged: no call to "ecko" was made. Did you mean "echo"?']
    )


def test_calls_are_recorded_with_the_test_that_made_them(run_gate, pytester):
    run_gate(
        """
        import pytest
        from mcplens.errors import CallError

        def test_answers(mcp_server):
            assert mcp_server.call("echo", text="x").text == "x"
            assert mcp_server.call("fail").is_error
            assert mcp_server.call("refuse").is_error

        def test_no_answers(mcp_server):
            for tool in ("hang", "die"):
                with pytest.raises(CallError):
                    mcp_server.call(tool)
        """,
        "--mcp-call-timeout=200ms",
    )

    with connect(pytester.path / "calls", run="last") as con:
        rows = con.execute(
            "select tool_name, outcome, test_id from calls order by sequence"
        ).fetchall()
        ended = con.execute("select ended_at is not null from runs").fetchall()
    answers = "test_calls_are_recorded_with_the_test_that_made_them.py::test_answers"
    none = "test_calls_are_recorded_with_the_test_that_made_them.py::test_no_answers"
    assert rows == [
        ("echo", "ok", answers),
        ("fail", "tool_error", answers),
        ("refuse", "protocol_error", answers),
        ("hang", "timeout", none),
        ("die", "disconnected", none),
    ]
    assert ended == [(True,)]


def test_ctrl_c_does_not_wait_for_the_server_and_keeps_its_exit_code(run_gate):
    result = run_gate(
        """
        import os, signal, threading

        def test_hang(mcp_server):
            for _ in range(20):
                mcp_server.call("sleep", ms=2)
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            mcp_server.call("hang")
        """,
        "--mcp-latency-budget=sleep:p50=1ms",
        "--mcp-call-timeout=1000s",
    )

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["plain:sleep: p50 is * (20 of 20 calls over; at most 5 would pass)"]
    )


def test_workers_of_xdist_record_together_and_are_judged_together(run_gate, pytester):
    result = run_gate(
        """
        import pytest

        @pytest.mark.parametrize("number", range(20))
        def test_calls(mcp_server, number):
            for _ in range(3):
                mcp_server.call("echo", text="x")
            mcp_server.call("sleep", ms=2)
            mcp_server.call("fail")
        """,
        "-n2",
        "--mcp-budget=echo:p95=10s",
        "--mcp-budget=sleep:p95=1ms",
        "--mcp-budget=fail:success=50%",
    )

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "─* mcplens: 3 tools, 100 calls ─*",
            "✓  plain:echo   60 calls  *",
            "✗  plain:fail   20 calls  *",
            "[?]  plain:sleep  20 calls  *",
            (
                "plain:fail: success rate is 0%, budget 50% (20 of 20 calls failed; "
                "at most 5 would pass)"
            ),
            (
                "plain:sleep: p95 * (20 of 20 calls over); not failed, as calls made in parallel "
                "slow each other down: run it alone"
            ),
            "recorded in calls for * of CPU    see: mcplens tools --since * --store calls",
        ]
    )
    with connect(pytester.path / "calls") as con:
        assert con.execute("select count(*) from runs").fetchone() == (2,)


def test_a_server_that_does_not_start_is_one_error(pytester):
    pytester.makepyfile(calls("echo", 1, text="x") + calls("fail", 1) + calls("add", 1, a=1, b=2))

    result = pytester.runpytest_subprocess(
        f"--mcp-target={sys.executable} -c 'import no_such_module'", "-p", "no:randomly"
    )

    assert result.ret == 1
    result.assert_outcomes(errors=1, skipped=2)
    result.stdout.fnmatch_lines(
        [
            "--mcp-target: * ended before it answered as an MCP server; its stderr ends:",
            "*ModuleNotFoundError: No module named 'no_such_module'",
        ]
    )


@pytest.mark.parametrize("options", [(), ("-n1",)])
def test_a_server_that_does_not_start_is_why_no_tool_was_called(pytester, options):
    pytester.makepyfile(calls("echo", 1, text="x"))

    result = pytester.runpytest_subprocess("--mcp-target=true", "--mcp-record=calls", *options)

    result.stdout.fnmatch_lines(["no tool was called: the server did not start"])


def test_without_a_call_the_summary_says_how_one_is_made(run_gate):
    result = run_gate("def test_lists(mcp_server): assert mcp_server.tools")

    result.stdout.fnmatch_lines(["no tool was called: no test did so with the fixture mcp_server"])


def test_without_a_target_its_tests_are_skipped_and_the_others_run(pytester):
    pytester.makepyfile(
        calls("echo", 1, text="x") + "\n        def test_other():\n            pass\n"
    )

    result = pytester.runpytest_subprocess("-rs")

    result.assert_outcomes(skipped=1, passed=1)
    result.stdout.fnmatch_lines(
        ['SKIPPED * mcp_server needs a server: pytest --mcp-target="COMMA*']
    )
    result.stdout.no_fnmatch_line("*mcplens:*")


def test_a_mistake_in_a_budget_stops_the_run_before_its_first_test(run_gate):
    result = run_gate(calls("echo", 1, text="x"), "--mcp-latency-budget=p59=1s")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ['ERROR: --mcp-latency-budget: unknown budget "p59". Did you mean "p95"?']
    )


def test_no_record_judges_and_leaves_nothing_behind(pytester, monkeypatch):
    pytester.makepyfile(calls("echo", 59, text="x"))
    temporary, own = pytester.mkdir("temporary"), pytester.mkdir("own")
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("XDG_DATA_HOME", str(own))

    result = pytester.runpytest_subprocess(
        *target("plain.py"), "--mcp-no-record", "--mcp-latency-budget=p95=10s"
    )

    assert result.ret == 0
    result.stdout.fnmatch_lines(["✓  plain:echo  59 calls *"])
    result.stdout.no_fnmatch_line("*recorded in*")
    assert not [path for path in temporary.iterdir() if path.name.startswith("mcplens")]
    assert not list(own.iterdir())


def test_a_store_that_cannot_be_made_is_one_line(pytester):
    pytester.makepyfile(calls("echo", 1, text="x"))
    (pytester.path / "calls").write_text("no folder")

    result = pytester.runpytest_subprocess(
        *target("plain.py"), "--mcp-record=calls", "--mcp-budget=p95=1s"
    )

    assert result.ret == 1
    result.stdout.fnmatch_lines(["--mcp-record: *calls is a file, and a store is a folder*"])


def test_the_list_of_fixtures_says_what_a_call_gives_and_raises(pytester):
    result = pytester.runpytest_subprocess("--fixtures", "-v")

    said = result.stdout.str().partition("\nmcp_server ")[2]
    for word in (
        ".text",
        ".structured",
        ".content",
        ".is_error",
        ".code",
        "mcplens.errors.CallError",
    ):
        assert word in said


def test_the_plugin_can_be_switched_off(pytester):
    pytester.makepyfile("def test_other(): pass")

    result = pytester.runpytest_subprocess("-p", "no:mcplens", "--help")

    assert result.ret == 0
    result.stdout.no_fnmatch_line("*--mcp-target*")
