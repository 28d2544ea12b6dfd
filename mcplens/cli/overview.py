"""`mcplens` alone: what was recorded, what it says, and what to type next."""

from __future__ import annotations

import click

from mcplens.cli.asking import ask
from mcplens.cli.options import Reading, reading_options
from mcplens.cli.saying import (
    say_first_steps,
    say_keeping,
    say_main_finding,
    say_recording,
    say_store,
    say_way_on,
    short_path,
)
from mcplens.reports.tables import servers_table

SERVERS = "from server_metrics order by call_count desc, server_name"


@click.command(short_help="What was recorded, and what to type next.")
@reading_options
def overview(reading: Reading) -> None:
    """Show the servers that were recorded, the finding, the store, and the next command."""
    out = reading.output()
    path = reading.store_path()
    if reading.store is None and out.is_table and not path.exists():
        out.say(f"Nothing has been recorded yet; there is no store at {short_path(path)}.")
        say_first_steps(out)
        return
    con = reading.connect()
    say_store(out, reading, con)
    answer = ask(con, SERVERS)
    # A client that tried an address and left asked nothing of a server that never said its name.
    rows = [row for row in answer.mappings() if row["server_name"] or row["call_count"]]
    if rows or not out.is_table:
        out.rows(answer, lambda screen: servers_table(rows, screen))
    say_main_finding(out, reading, con)
    if not rows:
        say_way_on(out, reading, "overview")
        return
    say_recording(out, con)
    say_keeping(out, path)
    out.hint(
        ("Every tool", reading.next("tools")),
        ("What happened", reading.next("session")),
        ("See it", reading.next("report", "--open")),
    )
