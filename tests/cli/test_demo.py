"""The demo, run once for real: two servers, the recorder before each, an agent, a report."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcplens.cli import demo as demo_module
from mcplens.cli.demo import claim
from mcplens.errors import UsageError
from mcplens.metrics.connect import connect
from tests.browser import Tab, chromium

COMMAND = [sys.executable, "-m", "mcplens", "demo"]


@dataclass(frozen=True)
class Demo:
    place: Path
    code: int
    out: str
    err: str
    took_s: float

    @property
    def folder(self):
        return self.place / "mcplens-demo"


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """Run the demo, unless another worker of this test run has done so."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    place = shared / "demo"
    ran = place / "ran.json"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ran.exists():
            place.mkdir(exist_ok=True)
            ran.write_text(json.dumps(run_demo(place)))
    return Demo(place=place, **json.loads(ran.read_text()))


def run_demo(place):
    began = time.monotonic()
    ran = subprocess.run(
        COMMAND,
        cwd=place,
        env=environment(place / "home"),
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    return {
        "code": ran.returncode,
        "out": ran.stdout,
        "err": ran.stderr,
        "took_s": time.monotonic() - began,
    }


def environment(home):
    unset = ("MCPLENS_STORE", "NO_COLOR", "TERM", "UV_RUN_RECURSION_DEPTH")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return {
        **kept,
        "COLUMNS": "100",
        "MCPLENS_CONFIG_DIR": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
    }


def rows_of(demo, question):
    return connect(demo.folder / ".mcplens").sql(question).fetchall()


def test_it_ends_well_and_in_time(demo):
    assert demo.code == 0, demo.err
    assert demo.took_s < 90


def test_it_prints_the_tools_and_nothing_else_on_stdout(demo):
    header, *rows = demo.out.splitlines()

    assert header.split()[:3] == ["tool", "calls", "failed"]
    assert {row.split()[0] for row in rows} == {
        "mcp-git:git_add",
        "mcp-git:git_checkout",
        "mcp-git:git_commit",
        "mcp-git:git_create_branch",
        "mcp-git:git_diff_unstaged",
        "mcp-git:git_log",
        "mcp-git:git_push",
        "mcp-git:git_show",
        "mcp-git:git_status",
        "mcp-time:convert_time",
        "mcp-time:get_current_time",
    }


def test_it_says_what_it_does_what_it_found_and_what_to_type_next(demo):
    assert "  An agent writes notes          51 calls, 2 failed\n" in demo.err
    assert "mcp-git:git_diff_unstaged is the slowest of 11 tools" in demo.err
    assert "5.8% of calls failed" in demo.err
    assert "mcplens-demo/report.html" in demo.err
    assert "mcplens session --store mcplens-demo/.mcplens" in demo.err


def test_its_lines_are_plain_where_there_is_no_terminal(demo):
    assert "\r" not in demo.out + demo.err
    assert "\x1b" not in demo.out + demo.err


def test_calls_end_in_every_way_that_the_script_provokes(demo):
    endings = dict(rows_of(demo, "select ending, sum(call_count) from outcomes_by_tool group by 1"))

    assert endings == {
        "ok": 146,
        "tool_failure": 4,
        "timeout": 3,
        "invalid_arguments": 1,
        "unknown_tool": 1,
        "cancelled": 1,
    }


def test_what_the_agent_does_with_both_servers_is_one_session_with_calls_made_again(demo):
    sessions = rows_of(
        demo,
        "select session_basis, server_count, retry_count from session_metrics where call_count > 0",
    )

    assert sessions == [("client_process", 2, 3)]


def test_every_run_has_its_label_and_its_end(demo):
    assert rows_of(demo, "select distinct label, ended_at is not null from runs") == [
        ("demo", True)
    ]


def test_the_next_command_shows_the_session_that_broke(demo, mcplens):
    ran = mcplens("session", "--store", str(demo.folder / ".mcplens"), store_option=False)

    assert ran.out.splitlines()[-1].endswith("✗ timeout")
    assert "It ended without an answer" in ran.err


def test_only_the_folder_of_the_demo_is_written_to(demo):
    assert sorted(path.name for path in demo.folder.iterdir()) == [
        ".gitignore",
        ".mcplens",
        ".mcplens-demo",
        "project",
        "report.html",
        "servers.log",
    ]
    assert not (demo.place / "home" / "data" / "mcplens").exists()


@pytest.mark.browser
def test_its_report_draws_with_the_network_off(demo, chromium_path):
    report = demo.folder / "report.html"

    with chromium(chromium_path) as browser:
        tab = Tab(browser, reachable=report.as_uri(), offline=True)
        tab.page.goto(report.as_uri())
        tab.page.wait_for_selector("html[data-drawn='2']")

        assert "git_diff_unstaged" in tab.page.inner_text("body")
        assert tab.requested == [report.as_uri()]
        assert tab.complaints == []


def test_its_folder_may_be_used_again(demo):
    claim(demo.folder)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path, mcplens):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")

    ran = mcplens("demo", str(folder), store_option=False)

    assert ran.code == 2
    assert ran.err == (
        f"mcplens: {folder} is not a demo's folder, and the demo leaves it alone. "
        "Name a new one: mcplens demo DIR\n"
    )
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_file_in_the_place_of_the_folder_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("mine")

    with pytest.raises(UsageError, match="is not a demo's folder"):
        claim(tmp_path / "file")


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path):
    (tmp_path / "file").write_text("mine")

    with pytest.raises(UsageError, match=r"cannot use .* for the demo \(Not a directory\)"):
        claim(tmp_path / "file" / "demo")


def test_a_missing_client_says_what_to_install(tmp_path, mcplens, monkeypatch):
    monkeypatch.setattr(demo_module, "find_spec", lambda _: None)

    ran = mcplens("demo", str(tmp_path / "demo"), store_option=False)

    assert (ran.code, ran.err) == (
        2,
        "mcplens: the demo needs the MCP client. Type: pip install 'mcplens[demo]'\n",
    )
    assert not (tmp_path / "demo").exists()


def test_missing_servers_say_what_to_install(tmp_path, mcplens, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))

    ran = mcplens("demo", str(tmp_path / "demo"), store_option=False)

    assert ran.code == 2
    assert ran.err == (
        "mcplens: the demo drives mcp-server-time, which is not installed. "
        "Type: pip install 'mcplens[demo]'\n"
    )
    assert not (tmp_path / "demo").exists()


def test_missing_git_is_one_line(tmp_path, mcplens, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    ran = mcplens("demo", str(tmp_path / "demo"), store_option=False)

    assert (ran.code, ran.err) == (
        2,
        "mcplens: the demo works on a git repository, and git is not installed\n",
    )


def test_ctrl_c_ends_it_and_its_servers(tmp_path):
    with subprocess.Popen(
        [*COMMAND, "demo"],
        cwd=tmp_path,
        env=environment(tmp_path / "home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        log = tmp_path / "demo" / "servers.log"
        deadline = time.monotonic() + 60
        # The recorder says its line when a server of the first session has been started.
        while "recording into" not in (log.read_text() if log.exists() else ""):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b"Traceback" not in said
    runs = connect(tmp_path / "demo" / ".mcplens").sql("from runs").fetchall()
    assert len(runs) in (1, 2)
