"""A server that records itself: `recorded.py STORE KIND TRANSPORT [PORT]`.

KIND is mcpserver, lowlevel or fastmcp; TRANSPORT is stdio or http. STORE may be `-`, for a server
that is the same and records nothing.
"""

import asyncio
import sys

import mcplens

store, kind, transport, *port = sys.argv[1:]


async def note_and_greet(name):
    mcplens.note(created=f"https://crm.example/{name}?token=secret", cost_usd=0.5)
    return f"Hello {name}"


def refuse():
    raise ValueError("not today")


async def hang():
    await asyncio.sleep(60)
    return "late"


def of_lowlevel():
    from mcp.server import Server
    from mcp.types import CallToolResult, ListToolsResult, TextContent, Tool

    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    promise = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    async def list_tools(_ctx, _params):
        tools = [Tool(name=name, input_schema=schema) for name in ("greet", "refuse", "hang")]
        lie = Tool(name="lie", input_schema=schema, output_schema=promise)
        return ListToolsResult(tools=[*tools, lie, Tool(name="crash", input_schema=schema)])

    async def call_tool(_ctx, params):
        match params.name:
            case "greet":
                text = await note_and_greet(params.arguments["name"])
                return CallToolResult(content=[TextContent(text=text)])
            case "refuse":
                return CallToolResult(content=[TextContent(text="not today")], is_error=True)
            case "lie":
                content = [TextContent(text="one")]
                return CallToolResult(content=content, structured_content={"n": "one"})
            case "hang":
                await asyncio.sleep(60)
        raise KeyError(params.name)

    return Server("watched", on_list_tools=list_tools, on_call_tool=call_tool, version="3.0")


def of_classes():
    if kind == "fastmcp":
        from fastmcp import FastMCP as MCPServer
    else:
        from mcp.server import MCPServer
    server = MCPServer("watched", version="3.0")
    server.tool(name="greet")(note_and_greet)
    server.tool()(refuse)
    server.tool()(hang)
    return server


async def serve(server):
    if transport == "http":
        import uvicorn

        app = server.http_app() if kind == "fastmcp" else server.streamable_http_app()
        config = uvicorn.Config(app, port=int(port[0]), log_level="error")
        await uvicorn.Server(config).serve()
    elif kind == "lowlevel":
        from mcp.server.stdio import stdio_server

        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())
    elif kind == "fastmcp":
        await server.run_stdio_async(show_banner=False)
    else:
        await server.run_stdio_async()


server = of_lowlevel() if kind == "lowlevel" else of_classes()
if store != "-":
    mcplens.record(server, store=store)
asyncio.run(serve(server))
