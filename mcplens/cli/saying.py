"""What is said around every answer: which store, what was left out, what it means."""

from __future__ import annotations

import shlex
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
    """Say which store is read, how large it is, and what of it is not read."""
    from mcplens.metrics.connect import set_aside
    from mcplens.store.location import open_store
    from mcplens.store.reading import store_size

    path = reading.store_path()
    size = store_size(open_store(path))
    [overview] = ask(con, "from overview").mappings()
    parts = [
        f"store {short_path(path)}",
        counted(overview["call_count"], "tool call"),
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


def say_main_finding(out: Output, reading: Reading, con: DuckDBPyConnection) -> None:
    """Say the one thing to know first."""
    from mcplens.charts.findings import main_finding

    [overview] = ask(con, "from overview").mappings()
    tools = ask(con, "from tool_metrics").mappings()
    outcomes = ask(con, "from outcomes_by_tool").mappings()
    out.gap()
    if not tools and (filtered := _nothing_matches(reading)):
        out.say(filtered, style="bold")
        return
    out.say(printable(main_finding(overview, tools, outcomes)), style="bold")


def say_recording(out: Output, con: DuckDBPyConnection) -> None:
    """Say what recording lost, and what it cost."""
    from mcplens.charts.findings import recording_finding
    from mcplens.metrics.connect import set_aside

    [overview] = ask(con, "from overview").mappings()
    out.say(recording_finding(overview, left_out_count=len(set_aside(con))), style="dim")


def say_keeping(out: Output, path: Path) -> None:
    """Say what the store keeps, and what of it is taken."""
    from mcplens.store.location import open_store
    from mcplens.store.retention import kept

    out.say(kept(open_store(path)).sentence, style="dim")


def say_findings(out: Output, reading: Reading, con: DuckDBPyConnection) -> None:
    """Say which tool is slowest, and what failed most."""
    from mcplens.charts.findings import NOTHING_CALLED, latency_finding, outcomes_finding

    [overview] = ask(con, "from overview").mappings()
    tools = ask(con, "from tool_metrics").mappings()
    outcomes = ask(con, "from outcomes_by_tool").mappings()
    out.gap()
    if not tools:
        out.say(_nothing_matches(reading) or NOTHING_CALLED, style="bold")
        return
    out.say(printable(latency_finding(tools)), style="bold")
    out.say(printable(outcomes_finding(overview, tools, outcomes)), style="bold")


def say_way_on(out: Output, reading: Reading, command: str) -> None:
    """Say what to type where there is nothing to see: the same without filters, or to record."""
    if not _nothing_matches(reading):
        say_first_steps(out)
        return
    whole = reading.whole()
    out.hint(
        ("The whole store", whole.next(command)),
        ("Its runs", whole.next("show", "runs")),
    )


def say_first_steps(out: Output) -> None:
    """Say what to type where nothing has been recorded yet."""
    out.hint(
        ("See it work", typed("demo")),
        ("Record a server", typed("record", "--", "COMMAND")),
        ("Record a client's servers", typed("wrap")),
        ("Read logs there are", typed("import")),
        ("All commands", typed("--help")),
    )


def _nothing_matches(reading: Reading) -> str | None:
    """Say that the filters leave nothing, and of what; None where they are not to blame."""
    if not reading.filters():
        return None
    [whole] = ask(reading.whole().connect(), "from overview").mappings()
    if not whole["call_count"]:
        return None
    words = shlex.join(reading.filters())
    held = counted(whole["call_count"], "tool call")
    days = f"{whole['first_at']:%Y-%m-%d %H:%M} to {whole['last_at']:%Y-%m-%d %H:%M} UTC"
    return printable(f"No tool call matches {words}; the store holds {held}, {days}")


def short_path(path: Path) -> str:
    """Write a path from the current folder or the home folder, whichever is shorter."""
    for folder, prefix in ((Path.cwd(), ""), (Path.home(), "~/")):
        if path.is_relative_to(folder) and path != folder:
            return printable(f"{prefix}{path.relative_to(folder)}")
    return printable(str(path))
