"""One number, wherever it is asked for: command line, SQL, pytest's summary, report, charts."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

# Before any test: what is imported while a pytester lives is forgotten after it, and the extensions
# of DuckDB and of what draws cannot be imported twice.
import mcplens
import mcplens.charts.chart
from mcplens.units import format_ms

pytest_plugins = ["pytester"]

FAILING = Path(__file__).parent / "servers" / "failing.py"
TEST = """
    def test_orders(mcp_server):
        for _ in range(40):
            mcp_server.call("order", item="tea")
"""


def command(*words):
    ran = subprocess.run(
        [sys.executable, "-m", "mcplens", *words, "--store", "store"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return ran.stdout


@pytest.fixture
def summary(pytester):
    """Record forty orders, of which every fourth fails, and give pytest's words about them."""
    pytester.makepyfile(TEST)
    ran = pytester.runpytest_subprocess(
        f"--mcp-target={shlex.join([sys.executable, str(FAILING)])}",
        "--mcp-record=store",
        "--mcp-latency-budget=p95=10s",
        "--mcp-success-rate=95%",
        "-p",
        "no:randomly",
    )
    [line] = [line for line in ran.outlines if "failing:order  40 calls" in line]
    return line


def test_every_face_says_the_same(summary):
    [listed] = json.loads(command("tools", "--format", "json"))
    [asked] = json.loads(command("sql", "from tool_metrics", "--format", "json"))
    command("report", "-o", "report.html")
    page = Path("report.html").read_text()
    every_tool, latency = (
        numbers_of_sheet(page, "Every tool"),
        numbers_of_sheet(page, "Latency by tool"),
    )
    table = command("tools")
    con = mcplens.connect("store")
    drawn = mcplens.charts.latency_by_tool(con).to_dict()

    assert (listed["call_count"], listed["failure_count"], listed["success_rate"]) == (40, 10, 0.75)
    assert listed == asked
    p95 = listed["p95_ms"]
    assert f"p95 {format_ms(p95)} / 10 s" in summary
    assert "success 75% / 95%" in summary
    assert {40, 10, 0.75, p95} <= every_tool
    assert {40, p95} <= latency
    assert format_ms(p95) in table
    assert "10 25%" in table
    assert p95 in numbers_in(drawn["datasets"])


def numbers_of_sheet(page, caption):
    """Collect the exact numbers beside the written ones, from the tool's row of one table."""
    sheet = page.partition(f"<caption>{caption}</caption>")[2].partition("</table>")[0]
    [row] = re.findall(r'<tr data-tool="failing:order">.*?</tr>', sheet)
    return {float(value) for value in re.findall(r'<data value="([^"]+)">', row)}


def numbers_in(value):
    """Collect every number that stands somewhere in JSON."""
    if isinstance(value, dict):
        return {number for item in value.values() for number in numbers_in(item)}
    if isinstance(value, list):
        return {number for item in value for number in numbers_in(item)}
    return {value} if isinstance(value, int | float) else set()
