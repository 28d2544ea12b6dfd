"""An MCP server whose tools ask a person or the client's folders; on HTTP where $PORT is set."""

import os
import time
from typing import Annotated

from mcp.server import MCPServer
from mcp.server.mcpserver import Elicit, ListRoots, Resolve
from mcp.types import ListRootsResult
from pydantic import BaseModel

WORK_S = 0.1

server = MCPServer("asking")


class Name(BaseModel):
    """What a person is asked for."""

    name: str


def who():
    """Ask a person for a name; as a question in the old era, as a result in the new one."""
    return Elicit("Who are you?", Name)


def where():
    """Ask the client for its folders, which no person has to answer."""
    return ListRoots()


@server.tool()
def greet(person: Annotated[Name, Resolve(who)]) -> str:
    """Greet somebody by name, slowly."""
    time.sleep(WORK_S)
    return f"hi {person.name}"


@server.tool()
def look_around(roots: Annotated[ListRootsResult, Resolve(where)]) -> str:
    """Count the client's folders."""
    return f"{len(roots.roots)} folders"


if __name__ == "__main__":
    if "PORT" in os.environ:
        server.run("streamable-http", port=int(os.environ["PORT"]))
    else:
        server.run()
