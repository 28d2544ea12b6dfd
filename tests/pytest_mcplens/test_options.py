"""Every option: its default, the ini file, the flag, and the flag before the ini file."""

import shlex
from typing import NamedTuple

import pytest

from pytest_mcplens import options
from pytest_mcplens.options import OPTIONS, Option, given
from pytest_mcplens.settings import read_settings

pytest_plugins = ["pytester"]


class Case(NamedTuple):
    option: Option
    ini: str
    from_ini: list[str]
    flag: str | None
    from_flag: list[str]

    @property
    def argument(self):
        return self.option.flag if self.flag is None else f"{self.option.flag}={self.flag}"


CASES = [
    Case(options.TARGET, "python ini.py", ["python ini.py"], "python flag.py", ["python flag.py"]),
    Case(options.LATENCY_BUDGET, "p95=1s", ["p95=1s"], "search:p50=2s", ["search:p50=2s"]),
    Case(options.SUCCESS_RATE, "90%", ["90%"], "search:95%", ["search:95%"]),
    Case(options.BUDGET, "p95=1s success=90%", ["p95=1s success=90%"], "p99=2s", ["p99=2s"]),
    Case(options.CONFIDENCE, "90%", ["90%"], "99%", ["99%"]),
    Case(options.INCONCLUSIVE, "fail", ["fail"], "pass", ["pass"]),
    Case(options.CALL_TIMEOUT, "2s", ["2s"], "500ms", ["500ms"]),
    Case(options.RECORD, "here", ["here"], "there", ["there"]),
    Case(options.NO_RECORD, "true", ["True"], None, ["True"]),
]
each_option = pytest.mark.parametrize("case", CASES, ids=[case.option.name for case in CASES])


def values(config, option):
    return [value.value for value in given(config, option)]


def test_every_option_is_tested():
    assert [case.option for case in CASES] == list(OPTIONS)


@each_option
def test_an_option_that_nobody_gave_has_no_value(pytester, case):
    assert values(pytester.parseconfig(), case.option) == []


@each_option
def test_an_ini_file_gives_a_value(pytester, case):
    pytester.makeini(f"[pytest]\n{case.option.name} = {case.ini}")

    config = pytester.parseconfig()

    assert values(config, case.option) == case.from_ini
    assert given(config, case.option)[0].where == f"{case.option.name} in tox.ini"


@each_option
def test_a_flag_gives_a_value(pytester, case):
    config = pytester.parseconfig(case.argument)

    assert values(config, case.option) == case.from_flag
    assert given(config, case.option)[0].where == case.option.flag


@each_option
def test_a_flag_goes_before_the_ini_file(pytester, case):
    pytester.makeini(f"[pytest]\n{case.option.name} = {case.ini}")

    assert values(pytester.parseconfig(case.argument), case.option) == case.from_flag


def test_native_toml_gives_lists_and_truth_values(pytester):
    pytester.makepyprojecttoml(
        """
        [tool.pytest]
        mcp_target = "python"
        mcp_latency_budget = ["p95=1s", "search:p50=20ms"]
        mcp_no_record = true
        """
    )

    settings = read_settings(pytester.parseconfig())

    assert [budget.tool for budget in settings.budgets] == ["*", "search"]
    assert not settings.is_kept


def test_a_list_option_may_be_given_several_times(pytester):
    config = pytester.parseconfig("--mcp-budget=p95=1s", "--mcp-budget=search:p95=2s")

    assert values(config, options.BUDGET) == ["p95=1s", "search:p95=2s"]


def test_settings_have_the_defaults_that_the_table_names(pytester):
    settings = read_settings(pytester.parseconfig("--mcp-target=python"))

    assert settings.budgets == ()
    assert options.CONFIDENCE.default == "95%"
    assert settings.confidence == 0.95
    assert options.INCONCLUSIVE.default == settings.inconclusive == "warn"
    assert options.CALL_TIMEOUT.default == "30s"
    assert settings.call_timeout_ms == 30_000
    assert settings.record is None
    assert settings.is_kept


def test_a_budget_from_a_flag_stands_behind_all_from_the_ini_file(pytester):
    pytester.makeini("[pytest]\nmcp_budget = p95=1s")

    settings = read_settings(
        pytester.parseconfig("--mcp-target=python", "--mcp-latency-budget=p95=2s")
    )

    assert [budget.limit_ms for budget in settings.budgets] == [1000, 2000]


def test_a_store_named_in_the_ini_file_is_beside_it(pytester):
    pytester.makeini("[pytest]\nmcp_target = python\nmcp_record = calls")
    elsewhere = pytester.mkdir("elsewhere")

    config = pytester.parseconfig(elsewhere)

    assert read_settings(config).record == pytester.path / "calls"


def test_a_flag_that_asks_for_a_recording_overrules_an_ini_file_that_forbids_it(pytester):
    pytester.makeini("[pytest]\nmcp_target = python\nmcp_no_record = true")

    assert not read_settings(pytester.parseconfig()).is_kept
    assert read_settings(pytester.parseconfig("--mcp-record=calls")).is_kept


def test_without_a_target_there_is_nothing_to_do(pytester):
    pytester.makeini("[pytest]\nmcp_latency_budget = p95=1s")

    assert read_settings(pytester.parseconfig()) is None


REFUSED = [
    (
        "--mcp-target=python --mcp-latency-budget=p59=200ms",
        '--mcp-latency-budget: unknown budget "p59". Did you mean "p95"?',
    ),
    (
        "--mcp-latency-budget=p95=200ms",
        (
            "--mcp-latency-budget=p95=200ms has no server to judge. Name one with --mcp-target, "
            'such as --mcp-target="python server.py"'
        ),
    ),
    (
        "--mcp-target=no-such-server-here",
        (
            "--mcp-target: no-such-server-here: no such command, or not executable. "
            'A target is the command that starts the server, such as "python server.py"'
        ),
    ),
    (
        "--mcp-target=http://localhost:8000/mcp",
        (
            '--mcp-target: "http://localhost:8000/mcp" is an address; a target is a command, '
            'such as "python server.py"'
        ),
    ),
    (
        "--mcp-target='python \"server.py'",
        '--mcp-target: python "server.py: No closing quotation; check the quotes',
    ),
    (
        "--mcp-target=",
        '--mcp-target: the target is empty; write a command, such as "python server.py"',
    ),
    (
        "--mcp-target=python --mcp-inconclusive=failed",
        '--mcp-inconclusive: unknown word "failed". Did you mean "fail"?',
    ),
    (
        "--mcp-target=python --mcp-inconclusive=x",
        '--mcp-inconclusive: unknown word "x"; it is one of pass, warn and fail',
    ),
    (
        "--mcp-target=python --mcp-confidence=100%",
        '--mcp-confidence: "100%" is no confidence. Write a share from 50% to below 100%',
    ),
    (
        "--mcp-target=python --mcp-call-timeout=0s",
        '--mcp-call-timeout: "0s" leaves no time for a call',
    ),
    (
        "--mcp-target=python --mcp-record=calls --mcp-no-record",
        "--mcp-record and --mcp-no-record exclude each other",
    ),
]


@pytest.mark.parametrize(("line", "sentence"), REFUSED, ids=[c[1][:50] for c in REFUSED])
def test_what_cannot_be_understood_is_refused_with_its_place(pytester, line, sentence):
    config = pytester.parseconfig(*shlex.split(line))

    with pytest.raises(pytest.UsageError) as refused:
        read_settings(config)

    assert str(refused.value) == sentence


def test_the_ini_file_is_named_when_the_mistake_is_there(pytester):
    pytester.makeini("[pytest]\nmcp_target = python\nmcp_success_rate = lots")

    with pytest.raises(pytest.UsageError) as refused:
        read_settings(pytester.parseconfig())

    assert str(refused.value).startswith('mcp_success_rate in tox.ini: "lots" is no share.')
