"""Real servers through real proxies: what one agent does is one session, whatever it starts."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from mcplens.metrics.connect import connect
from tests.metrics.conftest import rows_of
from tests.processes import SERVERS

PYTHON = sys.executable
PLAIN = str(SERVERS / "plain.py")
AGENT = """
import json, subprocess, sys

servers = [
    subprocess.Popen(json.loads(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for command in sys.argv[1:]
]
call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
for server in servers:
    params = {"name": "echo", "arguments": {"text": "hello"}}
    server.stdin.write(json.dumps({**call, "params": params}) + "\\n")
    server.stdin.flush()
for server in servers:
    json.loads(server.stdout.readline())
for server in servers:
    server.communicate()
"""


@pytest.fixture
def repository(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path / "repository"], check=True)
    return str(tmp_path / "repository")


def sessions(store):
    return rows_of(connect(store), "from session_metrics order by started_at, session_id")


def as_parameters(command):
    # The SDK hands on little of the environment, and the tests keep their key in it.
    program, *words = command
    return StdioServerParameters(command=program, args=words, env=dict(os.environ))


def test_five_servers_under_one_client_are_one_session(recorded, repository):
    here = Path(PYTHON).parent
    asked = {
        (PYTHON, PLAIN, "--name", "one"): ("echo", {"text": "hello"}),
        (PYTHON, PLAIN, "--name", "two"): ("add", {"a": 1, "b": 2}),
        (PYTHON, PLAIN, "--name", "three"): ("fail", {}),
        (here / "mcp-server-git", "--repository", repository): (
            "git_status",
            {"repo_path": repository},
        ),
        (here / "mcp-server-time", "--local-timezone", "UTC"): (
            "get_current_time",
            {"timezone": "UTC"},
        ),
    }

    async def work():
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(
                    Client(stdio_client(as_parameters(recorded.command(*command))))
                )
                for command in asked
            ]
            for client, (tool, arguments) in zip(clients, asked.values(), strict=True):
                await client.call_tool(tool, arguments)

    asyncio.run(work())

    [session] = sessions(recorded.store)
    assert (session.session_basis, session.server_count) == ("client_process", 5)
    assert (session.call_count, session.success_count, session.failure_count) == (5, 4, 1)


def agent(recorded, *names, command=None):

    commands = [
        command or recorded.command(PYTHON, PLAIN, options=("--server", name)) for name in names
    ]
    return subprocess.Popen([PYTHON, "-c", AGENT, *map(json.dumps, commands)])


def test_two_agents_at_once_are_two_sessions(recorded):
    agents = [agent(recorded, "one", "two"), agent(recorded, "one", "two")]

    assert [each.wait(60) for each in agents] == [0, 0]
    found = sessions(recorded.store)
    assert [(s.session_basis, s.server_count, s.call_count) for s in found] == [
        ("client_process", 2, 2),
        ("client_process", 2, 2),
    ]


def test_behind_a_shell_each_connection_is_a_session(recorded):

    # The second command keeps the shell from becoming the first.
    wrapped = ["sh", "-c", shlex.join(recorded.command(PYTHON, PLAIN)) + "; true"]

    assert agent(recorded, "one", "two", command=wrapped).wait(60) == 0
    found = sessions(recorded.store)
    assert [(s.session_basis, s.call_count) for s in found] == [("connection", 1)] * 2
    seen = rows_of(connect(recorded.store), "from connections")
    assert [row.client_process_id for row in seen] == [None, None]
