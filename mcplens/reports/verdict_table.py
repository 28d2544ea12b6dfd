"""Verdicts as a table for the terminal: one line per tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from mcplens.reports.grid import Column, fit, set_lines
from mcplens.reports.tables import SHORTEST_NAME, tool_label
from mcplens.reports.verdicts import MARKS, STYLES, quantile_name, worst
from mcplens.units import counted, format_ms, format_rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcplens.budgets.judge import Verdict
    from mcplens.reports.judging import ToolVerdicts
    from mcplens.reports.screen import Screen


def verdict_table(tools: Sequence[ToolVerdicts], screen: Screen) -> list[Text]:
    """Set each tool with its verdict, its calls, and what was seen beside what was asked."""
    columns = [
        Column(title="", cells=[_mark(tool.verdicts, screen) for tool in tools]),
        Column(title="", cells=[_name(tool.row) for tool in tools], shortest=SHORTEST_NAME),
        Column(title="", cells=[_calls(tool.row) for tool in tools], align="right"),
        *_latencies(tools),
        Column(title="", cells=[_success(tool) for tool in tools]),
        Column(title="", cells=[_proven(tool) for tool in tools], drop=1),
    ]
    _, *lines = set_lines(fit(columns, screen))
    return lines


def _mark(verdicts: Sequence[Verdict], screen: Screen) -> Text:
    if not verdicts:
        return Text()
    status = worst(verdicts)
    # Without colour and signs, words are what can be told apart.
    return Text(status if screen.is_ascii else MARKS[status], style=STYLES[status])


def _name(row: Mapping[str, Any]) -> Text:
    return Text(tool_label(row["server_name"], row["tool_name"]))


def _calls(row: Mapping[str, Any]) -> Text:
    return Text(counted(row["call_count"], "call"), style="dim")


def _latencies(tools: Sequence[ToolVerdicts]) -> list[Column]:
    cells = [_latency_cells(tool) for tool in tools]
    most = max((len(c) for c in cells), default=0)
    return [
        Column(title="", cells=[c[i] if i < len(c) else Text() for c in cells]) for i in range(most)
    ]


def _latency_cells(tool: ToolVerdicts) -> list[Text]:
    judged = [verdict for verdict in tool.verdicts if verdict.budget.is_latency]
    if not judged:
        return [Text(f"p95 {format_ms(tool.row['p95_ms'])}")]
    return [
        Text.assemble(
            f"{quantile_name(verdict.budget)} ",
            (format_ms(verdict.counts.observed_ms), _style(verdict)),
            (f" / {format_ms(verdict.budget.limit_ms)}", "dim"),
        )
        for verdict in judged
    ]


def _success(tool: ToolVerdicts) -> Text:
    verdict = _success_verdict(tool)
    if verdict is None:
        return Text(f"success {format_rate(tool.row['success_rate'])}")
    return Text.assemble(
        "success ",
        (format_rate(verdict.observed, beside=verdict.budget.share), _style(verdict)),
        (f" / {format_rate(verdict.budget.share)}", "dim"),
    )


def _proven(tool: ToolVerdicts) -> Text:
    verdict = _success_verdict(tool)
    if verdict is None:
        return Text()
    return Text(f"proven {format_rate(verdict.low, beside=verdict.budget.share)}", style="dim")


def _success_verdict(tool: ToolVerdicts) -> Verdict | None:
    return next((v for v in tool.verdicts if not v.budget.is_latency), None)


def _style(verdict: Verdict) -> str:
    return "" if verdict.status == "pass" else STYLES[verdict.status]
