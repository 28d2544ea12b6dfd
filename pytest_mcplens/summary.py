"""What the plugin says at the end of a run."""

from __future__ import annotations

import io
import os
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from mcplens.reports.screen import screen_of
from mcplens.reports.text import to_ascii
from mcplens.reports.verdict_table import verdict_table
from mcplens.reports.verdicts import STYLES, explain, explain_unmatched, next_step
from mcplens.units import counted, format_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from mcplens.budgets.budget import Budget
    from mcplens.reports.judging import Judgement
    from mcplens.reports.screen import Screen
    from pytest_mcplens.gate import Gate


def write_summary(gate: Gate, reporter: pytest.TerminalReporter) -> None:
    """Write the tools, what is wrong with them, and where to look next."""
    screen = screen_of(sys.stdout)
    reporter.write_sep("-" if screen.is_ascii else "─", _title(gate.judgement), bold=True)
    for line in _lines(gate, screen):
        reporter.write_line(_in_ansi(line) if reporter.hasmarkup else _plain(line, screen))
    for category, budgets in _categories(gate):
        # Other plugins look into the __dict__ of whatever stands there, as a report has one.
        entries = [SimpleNamespace(budget=budget) for budget in budgets]
        # Only this way the last line also takes its colour from a category of ours.
        reporter._add_stats(category, entries)  # noqa: SLF001


def _categories(gate: Gate) -> list[tuple[str, list[Budget]]]:
    """What pytest counts in its last line, beside the tests."""
    if gate.judgement is None:
        return []
    verdicts = gate.judgement.verdicts
    broken = [v.budget for v in verdicts if v.status == "fail"]
    unsure = [v.budget for v in verdicts if v.status == "inconclusive"]
    unsure += gate.judgement.unmatched
    if gate.settings.inconclusive == "pass":
        unsure = []
    return [
        (f"{'budget' if len(found) == 1 else 'budgets'} {word}", found)
        for word, found in (("broken", broken), ("inconclusive", unsure))
        if found
    ]


def _exit_code(gate: Gate) -> str:
    why = [f"{len(budgets)} {category}" for category, budgets in _categories(gate)]
    if gate.settings.inconclusive != "fail":
        why = why[:1]
    return f"exit code 1: {' and '.join(why) or 'nothing could be judged'}"


def _title(judgement: Judgement | None) -> str:
    if judgement is None or not judgement.tools:
        return "mcplens"
    calls = sum(tool.row["call_count"] for tool in judgement.tools)
    return f"mcplens: {counted(len(judgement.tools), 'tool')}, {counted(calls, 'call')}"


def _lines(gate: Gate, screen: Screen) -> Iterator[Text]:
    for said in gate.said:
        yield Text(said, style="yellow")
    if gate.trouble is not None:
        yield Text(f"nothing could be judged: {gate.trouble}", style="red")
    if gate.judgement is not None:
        yield from _judged(gate.judgement, gate, screen)
    if gate.sets_exit_code:
        yield Text(_exit_code(gate), style="red")


def _judged(judgement: Judgement, gate: Gate, screen: Screen) -> Iterator[Text]:
    yield from verdict_table(judgement.tools, screen)
    yield from _sentences(judgement, gate)
    if judgement.tools and gate.settings.is_kept:
        yield _where(judgement, gate)


def _sentences(judgement: Judgement, gate: Gate) -> Iterator[Text]:
    unsure = {"pass": "", "warn": "yellow", "fail": "red"}[gate.settings.inconclusive]
    for verdict in judgement.verdicts:
        if verdict.status != "pass":
            yield Text(
                explain(verdict), style=STYLES["fail"] if verdict.status == "fail" else unsure
            )
        step = next_step(verdict, _store(gate)) if gate.settings.is_kept else None
        if step is not None:
            yield Text(step, style="dim")
    called = [tool.row["tool_name"] for tool in judgement.tools]
    for budget in judgement.unmatched:
        yield Text(explain_unmatched(budget, called), style=unsure)
    if not called and not judgement.unmatched:
        why = (
            "the server did not start"
            if gate.has_no_server
            else "no test did so with the fixture mcp_server"
        )
        yield Text(f"no tool was called: {why}", style="yellow")
    lost = judgement.overview.get("lost_count")
    if lost:
        some = counted(lost, "message or event", "messages and events")
        yield Text(f"the recorder lost {some}; no number counts them", "yellow")


def _where(judgement: Judgement, gate: Gate) -> Text:
    # Each worker of xdist recorded a run of its own; only their time is common to all.
    which = f"--since {gate.began_at:%Y-%m-%dT%H:%M:%S}" if gate.is_parallel else "--run last"
    cost = format_ms(judgement.overview["recorder_cpu_ms"])
    store = _store(gate)
    return Text(
        f"recorded in {store} for {cost} of CPU    see: mcplens tools {which} --store {store}",
        style="dim",
    )


def _store(gate: Gate) -> str:
    return shlex.quote(_short(gate.store_path))


def _short(path: Path) -> str:
    here = Path.cwd()
    return os.fspath(path.relative_to(here) if path.is_relative_to(here) else path)


def _plain(line: Text, screen: Screen) -> str:
    return to_ascii(line.plain) if screen.is_ascii else line.plain


def _in_ansi(line: Text) -> str:
    page = io.StringIO()
    console = Console(file=page, force_terminal=True, color_system="standard", highlight=False)
    console.print(line, soft_wrap=True, end="")
    return page.getvalue()
