"""What a transport tells of itself is read from the real objects of the SDKs."""

from contextlib import asynccontextmanager
from types import SimpleNamespace

from mcp import StdioServerParameters, stdio_client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from mcplens.capture.transports import TransportFacts, facts_of_transport

PARAMETERS = StdioServerParameters(command="python", args=["server.py", "--key", "secret"])
COMMAND = ("python", "server.py", "--key", "secret")


def test_a_started_server_is_known_by_its_command():
    assert facts_of_transport(stdio_client(PARAMETERS)) == TransportFacts("stdio", COMMAND)
    assert facts_of_transport(stdio_client(server=PARAMETERS)) == TransportFacts("stdio", COMMAND)


def test_a_distant_server_is_known_by_its_address():
    url = "http://127.0.0.1:1/mcp"

    assert facts_of_transport(streamable_http_client(url)) == TransportFacts("http", (), url)
    assert facts_of_transport(sse_client(url)) == TransportFacts("sse", (), url)


def test_of_other_transports_nothing_is_known():
    @asynccontextmanager
    async def mine(command):
        yield None, None

    class Refusing:
        def __getattr__(self, name):
            raise RuntimeError(name)

    assert facts_of_transport(mine("python")) == TransportFacts()
    assert facts_of_transport(SimpleNamespace(command="python")) == TransportFacts()
    assert facts_of_transport(Refusing()) == TransportFacts()
