"""How a budget is written, and what is refused."""

import pytest

from mcplens.budgets.budget import (
    Budget,
    most_specific,
    parse_budget,
    parse_latency_budget,
    parse_success_rate,
)
from mcplens.errors import UsageError


def test_a_budget_names_a_quantile_and_a_time():
    assert parse_budget("p95=200ms") == (Budget(share=0.95, limit_ms=200.0),)


def test_one_text_can_hold_several_promises_for_one_tool():
    assert parse_budget("search:p50=20ms p99=1.5s success=95%") == (
        Budget(tool="search", share=0.5, limit_ms=20.0),
        Budget(tool="search", share=0.99, limit_ms=1500.0),
        Budget(tool="search", share=0.95),
    )


def test_commas_divide_promises_as_spaces_do():
    assert parse_budget("p95=200ms,success=95%") == parse_budget("p95=200ms success=95%")


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("p95=1s", "*"),
        ("search:p95=1s", "search"),
        ("files:read_*:p95=1s", "files:read_*"),
        ("a.b:c.d:e:p95=1s", "a.b:c.d:e"),
    ],
)
def test_the_last_colon_before_the_equals_sign_divides_tool_and_budget(text, tool):
    [budget] = parse_budget(text)

    assert budget.tool == tool


def test_a_time_alone_is_a_budget_for_p95():
    assert parse_latency_budget("200ms") == (Budget(share=0.95, limit_ms=200.0),)
    assert parse_latency_budget("search:200ms") == (
        Budget(tool="search", share=0.95, limit_ms=200.0),
    )


def test_a_success_rate_is_per_cent_or_a_share_and_may_name_a_tool():
    assert parse_success_rate("95%") == (Budget(share=0.95),)
    assert parse_success_rate("files:search:0.9") == (Budget(tool="files:search", share=0.9),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("p59=200ms", 'unknown budget "p59". Did you mean "p95"?'),
        ("succes=95%", 'unknown budget "succes". Did you mean "success"?'),
        ("speed=1s", 'unknown budget "speed"; write it as p95=200ms or success=95%'),
        ("", '"" says no budget: write it as p95=200ms or success=95%'),
        ("search:", '"search:" says no budget: write it as p95=200ms or success=95%'),
        ("200ms", '"200ms" says no budget: write it as p95=200ms or success=95%'),
        (":p95=1s", '":p95" names no tool before its colon; leave the colon out'),
        ("p95=0ms", '"p95=0ms" allows no time at all; a call takes some'),
        (
            "p95=200",
            '"200" is no time. Write a number and a unit, such as 200ms, 1.5s or 2min',
        ),
        (
            "p95=1s read:p95=2s",
            '"read:p95=2s": one tool for each budget; give the option once more for it',
        ),
        (
            "success=100%",
            '"100%" cannot be proven by any number of calls. Ask for 99%, which takes 299',
        ),
        (
            "success=0",
            '"0" asks for nothing. Write the share of calls that must succeed',
        ),
    ],
)
def test_a_budget_that_cannot_be_understood_is_refused_in_one_line(text, sentence):
    with pytest.raises(UsageError) as refused:
        parse_budget(text)

    assert str(refused.value) == sentence


def test_a_success_rate_is_no_latency_budget():
    with pytest.raises(UsageError) as refused:
        parse_latency_budget("search:p95=200ms success=95%")

    assert str(refused.value) == '"success=95%" limits no latency; write it as p95=200ms'


def test_for_one_quantity_the_most_specific_budget_holds():
    anything = Budget(share=0.95, limit_ms=100.0)
    reading = Budget(tool="read_*", share=0.95, limit_ms=200.0)
    one_tool = Budget(tool="read_file", share=0.95, limit_ms=300.0)

    assert most_specific([one_tool, reading, anything]) == [one_tool]
    assert most_specific([reading, anything]) == [reading]
    assert most_specific([anything]) == [anything]


def test_a_name_is_more_specific_than_the_longest_glob():
    one_tool = Budget(tool="read", share=0.95, limit_ms=300.0)
    many = Budget(tool="files:re*", share=0.95, limit_ms=200.0)

    assert most_specific([one_tool, many]) == [one_tool]


def test_of_two_equally_specific_budgets_the_later_holds():
    from_ini = Budget(share=0.95, limit_ms=100.0)
    from_flag = Budget(share=0.95, limit_ms=200.0)

    assert most_specific([from_ini, from_flag]) == [from_flag]


def test_budgets_for_different_quantities_hold_together():
    median = Budget(share=0.5, limit_ms=20.0)
    tail = Budget(tool="search", share=0.99, limit_ms=900.0)
    success = Budget(share=0.95)

    assert most_specific([median, tail, success]) == [median, tail, success]


def test_there_is_one_success_rate_for_a_tool_whatever_its_share():
    usual = Budget(share=0.95)
    fragile = Budget(tool="search", share=0.8)

    assert most_specific([fragile, usual]) == [fragile]
