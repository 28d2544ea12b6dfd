"""mcplens.record tells what it is given by its kind, without an SDK of its own."""

import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
from fastmcp import Client as FastMCPClient
from fastmcp import FastMCP
from fastmcp.client.transports import StdioTransport
from mcp import Client, ClientSession, StdioServerParameters, stdio_client
from mcp.server import MCPServer, Server

import mcplens
from mcplens.capture.recorder import Recorder
from mcplens.errors import UsageError
from mcplens.store.location import create
from tests.spooled import calls

PARAMETERS = StdioServerParameters(command="true")


@pytest.mark.parametrize("make", [MCPServer, FastMCP, Server])
def test_a_server_comes_back_as_itself(make):
    server = make("mine")

    assert mcplens.record(server) is server


def test_a_transport_that_is_recorded_twice_is_recorded_once():
    for transport in (stdio_client(PARAMETERS), StdioTransport("true", [])):
        recorded = mcplens.record(transport)

        assert recorded is not transport
        assert mcplens.record(recorded) is recorded


def test_a_function_stays_a_function_with_and_without_options(tmp_path):
    with Recorder(create(tmp_path / "store"), observer="server", seal=False) as recorder:

        @mcplens.record(recorder=recorder, label="mine")
        def double(number):
            return number * 2

        assert double(4) == 8
        assert double.__name__ == "double"

    [called] = calls(tmp_path / "store")
    assert (called.target, called.outcome) == ("double", "ok")


def test_a_class_of_sessions_stays_one():
    recorded = mcplens.record(ClientSession)

    assert issubclass(recorded, ClientSession)
    assert recorded.__name__ == "ClientSession"


@pytest.mark.parametrize(
    ("subject", "advice"),
    [
        (7, "and not something of the kind int"),
        ("http://127.0.0.1/mcp", "mcplens.record(streamable_http_client(url))"),
        (PARAMETERS, "mcplens.record(stdio_client(params))"),
        (stdio_client, "Call stdio_client first: mcplens.record(stdio_client(…))"),
        (MCPServer, "the class MCPServer; make one first"),
        (Client(stdio_client(PARAMETERS)), "Client(mcplens.record(transport))"),
        (FastMCPClient("http://127.0.0.1/mcp"), "Client(mcplens.record(transport))"),
    ],
)
def test_anything_else_is_refused_in_one_line_that_says_what_to_do(subject, advice):
    with pytest.raises(UsageError) as refused:
        mcplens.record(subject)

    assert str(refused.value).startswith("mcplens.record takes a transport such as")
    assert advice in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_keep_that_does_not_exist_is_refused_before_anything_is_kept(tmp_path):
    with pytest.raises(UsageError) as refused:
        mcplens.record(store=tmp_path / "store", keep="non")

    assert str(refused.value) == 'there is no keep "non". There is: none, shape, full'


def test_a_store_that_cannot_be_costs_one_line_and_no_call(tmp_path):
    (tmp_path / "file").write_text("")
    program = f"""
import asyncio, mcplens
from contextlib import asynccontextmanager

@asynccontextmanager
async def transport():
    yield "read", "write"

async def main():
    for _ in range(3):
        async with mcplens.record(transport(), store={str(tmp_path / "file")!r}):
            print("used")

asyncio.run(main())
"""

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert ran.stdout.split() == ["used"] * 3
    [line] = ran.stderr.splitlines()
    assert line.startswith("mcplens: recording waits, the traffic goes on:")


def test_telling_subjects_apart_loads_no_sdk():
    program = """
import sys, mcplens
from contextlib import asynccontextmanager

@asynccontextmanager
async def transport():
    yield

mcplens.record(transport())
print([m for m in ("mcp", "fastmcp", "anyio", "pydantic", "duckdb", "pyarrow") if m in sys.modules])
"""

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert ran.stdout.strip() == "[]"


def test_a_transport_of_any_make_is_taken():
    @asynccontextmanager
    async def mine():
        yield None, None

    assert hasattr(mcplens.record(mine()), "__aenter__")
