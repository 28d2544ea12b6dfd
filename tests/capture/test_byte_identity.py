"""What a server reads and writes is the same to the byte, whoever watches."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters, stdio_client

import mcplens
from tests.processes import SERVERS, until
from tests.sdks import ROOT
from tests.spooled import calls

GIT = str(Path(sys.executable).with_name("mcp-server-git"))
FAST = [sys.executable, str(SERVERS / "fast.py")]


@pytest.fixture
def git_server(tmp_path):
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", "-b", "main", str(repository)], check=True)
    here = {"repo_path": str(repository)}
    return [GIT, "--repository", str(repository)], [
        ("git_status", here),
        ("git_log", here),
        ("git_fly", here),
        ("git_add", {**here, "files": ["größe"]}),
    ]


@pytest.fixture
def everything_server(everything_js):
    return ["node", everything_js, "stdio"], [
        ("echo", {"message": "größe \u2028 😀"}),
        ("get-sum", {"a": 1, "b": 2}),
        ("echo", {}),
        ("get-tiny-image", {}),
        ("fly", {}),
    ]


@pytest.fixture
def fast_server():
    return FAST, [("add", {"a": 1, "b": 2}), ("add", {"a": "x"}), ("fail", {}), ("fly", {})]


class Wire:
    """Runs one client against one server, with a tee beside the server."""

    def __init__(self, folder):
        self._folder = folder
        self.store = folder / "store"

    def pass_by(self, server, asked, *, observer=None, era="legacy"):
        """Make the calls, and give what the server read and wrote."""
        log = self._folder / f"log-{observer}"
        if observer == "server":
            server = [*server, str(self.store)]
        command = [sys.executable, str(SERVERS / "tee.py"), str(log), *server]
        if observer == "proxy":
            record = [sys.executable, "-m", "mcplens", "record", "--store", str(self.store), "--"]
            command = [*record, *command]
        asyncio.run(self._call(command, asked, is_tapped=observer == "client", era=era))
        return [
            log.with_name(f"{log.name}.{direction}").read_bytes().splitlines(keepends=True)
            for direction in ("to_server", "to_client")
        ]

    async def _call(self, command, asked, *, is_tapped, era):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        parameters = StdioServerParameters(command=command[0], args=command[1:], env=environment)
        with (self._folder / "stderr").open("a") as errlog:
            transport = stdio_client(parameters, errlog=errlog)
            if is_tapped:
                transport = mcplens.record(transport, store=self.store)
            async with Client(transport, mode=era) as client:
                await client.list_tools()
                for tool, arguments in asked:
                    await asyncio.gather(client.call_tool(tool, arguments), return_exceptions=True)


@pytest.fixture
def wire(tmp_path):
    return Wire(tmp_path)


@pytest.mark.parametrize("observer", ["proxy", "client"])
def test_gits_server_reads_and_writes_the_same(wire, git_server, observer):
    command, asked = git_server
    bare = wire.pass_by(command, asked)

    watched = wire.pass_by(command, asked, observer=observer)

    assert watched == bare
    until(lambda: len(calls(wire.store)) == len(asked))


@pytest.mark.everything
@pytest.mark.parametrize("observer", ["proxy", "client"])
def test_everything_reads_and_writes_the_same(wire, everything_server, observer):
    command, asked = everything_server
    bare = wire.pass_by(command, asked)

    watched = wire.pass_by(command, asked, observer=observer)

    # Its notices that the tools changed come now before an answer and now behind it.
    assert list(map(sorted, watched)) == list(map(sorted, bare))
    until(lambda: len(calls(wire.store)) == len(asked))


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
@pytest.mark.parametrize("observer", ["proxy", "client", "server"])
def test_a_fastmcp_server_reads_and_writes_the_same(wire, fast_server, observer, era):
    command, asked = fast_server
    bare = wire.pass_by(command, asked, era=era)

    watched = wire.pass_by(command, asked, observer=observer, era=era)

    assert watched == bare
    until(lambda: len(calls(wire.store)) == len(asked))
