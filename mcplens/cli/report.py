"""`mcplens report`: one page that opens anywhere, offline."""

from __future__ import annotations

from pathlib import Path

import click

from mcplens.cli.options import Reading, selecting_options
from mcplens.cli.saying import say_findings, say_store, short_path

REPORT_NAME = "report.html"


@click.command(short_help="One offline HTML page with tables and charts.")
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=REPORT_NAME,
    show_default=True,
    help="Write the page here.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@selecting_options
def report(reading: Reading, path: Path, *, opens: bool) -> None:
    """Write a page with the tables and the charts, that needs no network and no server."""
    from mcplens.reports.html import write_report

    con = reading.connect()
    out = reading.output()
    say_store(out, reading, con)
    write_report(con, path)
    click.echo(short_path(path.absolute()))
    say_findings(out, reading, con)
    if opens:
        click.launch(path.absolute().as_uri())
