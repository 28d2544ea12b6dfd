"""Real servers through the real proxy, asked by the official client."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from mcp import Client, MCPError, StdioServerParameters, stdio_client

from tests.processes import SERVERS
from tests.spooled import calls, rows

TOGETHER = {"ok": 140, "refused": 20, "unknown": 15, "invalid": 15, "cancelled": 5, "timeout": 5}
"""200 calls: how many of each kind."""
SLOW_S = 0.3
GIVE_UP_S = 0.1


@pytest.fixture
def repository(tmp_path):
    """A repository whose differences take a while: the one slow thing that git's server does."""
    folder = tmp_path / "repository"
    slow = tmp_path / "slow_diff"
    slow.write_text(f"#!/bin/sh\nsleep {SLOW_S}\n")
    slow.chmod(0o755)
    folder.mkdir()
    (folder / "file").write_text("one\n")
    for words in (
        ["init", "-q", "-b", "main"],
        ["config", "user.name", "a"],
        ["config", "user.email", "a@example.org"],
        ["config", "diff.external", str(slow)],
        ["add", "file"],
        ["commit", "-q", "-m", "first", "--date", "2026-11-20T12:00:00Z"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)
    (folder / "file").write_text("two\n")
    return str(folder)


@pytest.fixture
def git_server(repository):
    command = [str(Path(sys.executable).with_name("mcp-server-git")), "--repository", repository]
    here = {"repo_path": repository}
    asked = {
        "ok": ("git_status", here),
        "refused": ("git_show", {**here, "revision": "nowhere"}),
        "unknown": ("git_fly", here),
        "invalid": ("git_log", {}),
        "cancelled": ("git_diff_unstaged", here),
        "timeout": ("git_diff_unstaged", here),
    }
    return command, asked


@pytest.fixture
def everything_server(everything_js):
    slow = ("trigger-long-running-operation", {"duration": SLOW_S, "steps": 1})
    asked = {
        "ok": ("echo", {"message": "hello"}),
        "refused": ("get-resource-reference", {"resourceId": -1}),
        "unknown": ("fly", {}),
        "invalid": ("echo", {}),
        "cancelled": slow,
        "timeout": slow,
    }
    return ["node", everything_js, "stdio"], asked


async def ask(client, kind, tool, arguments):
    """Make one call and say how it ended for the client."""
    if kind == "cancelled":
        task = asyncio.create_task(client.call_tool(tool, arguments))
        await asyncio.sleep(GIVE_UP_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return "cancelled" if task.cancelled() else "ok"
    limit = GIVE_UP_S if kind == "timeout" else None
    try:
        answer = await client.call_tool(tool, arguments, read_timeout_seconds=limit)
    except MCPError as error:
        return "timeout" if "timed out" in str(error) else "protocol_error"
    return "tool_error" if answer.is_error else "ok"


def run_client(command, asked, *, settings):
    """Ask a server 200 times and count how that ended for the client."""
    kinds = [kind for kind, count in TOGETHER.items() for _ in range(count)]
    random.Random(5).shuffle(kinds)

    async def run(errlog):
        server = StdioServerParameters(command=command[0], args=command[1:], env=settings)
        async with Client(stdio_client(server, errlog=errlog)) as client:
            return [await ask(client, kind, *asked[kind]) for kind in kinds]

    with Path(os.devnull).open("w") as nowhere:
        return Counter(asyncio.run(run(nowhere)))


def count_as_the_client(recorded, tmp_path, command, asked):
    tee = [sys.executable, str(SERVERS / "tee.py")]
    inner = [*tee, str(tmp_path / "inner"), *command]
    outer = [*tee, str(tmp_path / "outer"), *recorded.command(*inner)]
    # The client gives a server few variables; the recorder's settings have to be named.
    settings = {"MCPLENS_CONFIG_DIR": os.environ["MCPLENS_CONFIG_DIR"]}

    ended = run_client(outer, asked, settings=settings)

    for direction in ("to_server", "to_client"):
        inside = (tmp_path / f"inner.{direction}").read_bytes()
        assert inside == (tmp_path / f"outer.{direction}").read_bytes()
    recorded_calls = calls(recorded.store)
    assert Counter(call.outcome for call in recorded_calls) == ended
    by_class = Counter(call.error_class for call in recorded_calls)
    assert (by_class["unknown_tool"], by_class["invalid_arguments"]) == (15, 15)
    assert ended["cancelled"] == ended["timeout"] == 5
    assert sum(ended.values()) == 200
    assert rows(recorded.store, "runs")[-1].lost_count == 0
    return ended


def test_gits_server_is_counted_as_its_client_counts(recorded, tmp_path, git_server):
    ended = count_as_the_client(recorded, tmp_path, *git_server)

    assert (ended["ok"], ended["tool_error"], ended["protocol_error"]) == (140, 35, 15)


@pytest.mark.everything
def test_everything_is_counted_as_its_client_counts(recorded, tmp_path, everything_server):
    ended = count_as_the_client(recorded, tmp_path, *everything_server)

    assert (ended["ok"], ended["tool_error"], ended["protocol_error"]) == (140, 50, 0)


def converse(command, questions):
    """Ask one question after the other, and give all that the server said until its end."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    said = []
    with process:
        for question in questions:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
            answered = "id" not in question
            while not answered:
                line = process.stdout.readline()
                said.append(line)
                answered = json.loads(line).get("id") == question["id"]
        process.stdin.close()
        said.append(process.stdout.read())
    return b"".join(said), process.returncode


def conversation(asked):
    yield {
        "jsonrpc": "2.0",
        "id": "first",
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "script", "version": "1"},
        },
    }
    yield {"jsonrpc": "2.0", "method": "notifications/initialized"}
    yield {"jsonrpc": "2.0", "id": 0, "method": "tools/list"}
    for number, kind in enumerate(["ok", "refused", "unknown", "invalid"] * 5, start=1):
        tool, arguments = asked[kind]
        yield {
            "jsonrpc": "2.0",
            "id": number,
            "method": "tools/call",
            "params": {"name": tool, "arguments": arguments},
        }


def test_gits_server_says_the_same_without_us(recorded, git_server):
    command, asked = git_server

    alone = converse(command, conversation(asked))
    through_us = converse(recorded.command(*command), conversation(asked))

    assert through_us == alone
    assert len(calls(recorded.store)) == 20


@pytest.mark.everything
def test_everything_says_the_same_without_us(recorded, everything_server):
    command, asked = everything_server

    alone = converse(command, conversation(asked))
    through_us = converse(recorded.command(*command), conversation(asked))

    assert through_us == alone
    assert len(calls(recorded.store)) == 20
