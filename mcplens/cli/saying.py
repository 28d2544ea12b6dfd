"""What is said around every answer: which store, what was left out, what it means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mcplens.cli.asking import ask
from mcplens.cli.options import typed
from mcplens.reports.text import printable
from mcplens.units import counted, format_bytes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mcplens.cli.options import Reading
    from mcplens.cli.output import Output


def say_store(out: Output, reading: Reading, con: DuckDBPyConnection) -> None:
    """Say which store is read, how large it is, and what of it could not be read."""
    from mcplens.metrics.connect import set_aside
    from mcplens.store.location import open_store
    from mcplens.store.reading import store_size

    path = reading.store_path()
    size = store_size(open_store(path))
    [overview] = ask(con, "from overview").mappings()
    parts = [
        f"store {short_path(path)}",
        counted(overview["call_count"], "call"),
        counted(overview["session_count"], "session"),
        format_bytes(size.size_bytes),
    ]
    out.say(" · ".join(parts), style="dim")
    for file in set_aside(con):
        out.say(f"left out: {printable(file.reason)}", style="yellow")
    if overview["lost_count"]:
        lost = counted(overview["lost_count"], "message or event", "messages and events")
        out.say(f"left out: {lost} that recording had to drop", style="yellow")
    out.gap()


def say_main_finding(out: Output, con: DuckDBPyConnection) -> None:
    """Say the one thing to know first."""
    from mcplens.charts.findings import main_finding

    [overview] = ask(con, "from overview").mappings()
    tools = ask(con, "from tool_metrics").mappings()
    outcomes = ask(con, "from outcomes_by_tool").mappings()
    out.gap()
    out.say(printable(main_finding(overview, tools, outcomes)), style="bold")


def say_findings(out: Output, con: DuckDBPyConnection) -> None:
    """Say which tool is slowest, and what failed most."""
    from mcplens.charts.findings import NOTHING_CALLED, latency_finding, outcomes_finding

    [overview] = ask(con, "from overview").mappings()
    tools = ask(con, "from tool_metrics").mappings()
    outcomes = ask(con, "from outcomes_by_tool").mappings()
    out.gap()
    if not tools:
        out.say(NOTHING_CALLED, style="bold")
        return
    out.say(printable(latency_finding(tools)), style="bold")
    out.say(printable(outcomes_finding(overview, tools, outcomes)), style="bold")


def say_first_steps(out: Output) -> None:
    """Say what to type where nothing has been recorded yet."""
    out.hint(
        ("See it work", typed("demo")),
        ("Record a server", typed("record", "--", "COMMAND")),
        ("All commands", typed("--help")),
    )


def short_path(path: Path) -> str:
    """Write a path from the current folder or the home folder, whichever is shorter."""
    for folder, prefix in ((Path.cwd(), ""), (Path.home(), "~/")):
        if path.is_relative_to(folder) and path != folder:
            return printable(f"{prefix}{path.relative_to(folder)}")
    return printable(str(path))
