"""A hand-written MCP server: starts in a blink and behaves as badly as its tools are told to.

It needs nothing but Python, speaks the handshake era, and answers one request after the other:

    python tests/servers/plain.py [--name NAME] [--delay-ms N] [--fail-every N]

`--delay-ms` slows every tool down; with `--fail-every 3` every third call is an isError.
"""

import argparse
import json
import os
import sys
import time

SUM = {"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}

TOOLS = {}


class Refused(Exception):  # noqa: N818  the answer, not a mishap
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def tool(**definition):
    def add(function):
        TOOLS[function.__name__] = function
        function.definition = {
            "name": function.__name__,
            "description": function.__doc__,
            "inputSchema": {"type": "object"},
            **definition,
        }
        return function

    return add


def text(words, **more):
    return {"content": [{"type": "text", "text": words}], **more}


@tool(inputSchema=TEXT, annotations={"readOnlyHint": True, "idempotentHint": True})
def echo(arguments):
    """Give the text back."""
    if not isinstance(arguments.get("text"), str):
        return text("Invalid arguments: text is a required string", isError=True)
    return text(arguments["text"])


@tool(outputSchema=SUM, annotations={"readOnlyHint": True})
def add(arguments):
    """Add two numbers, with a structured answer."""
    total = arguments["a"] + arguments["b"]
    return text(json.dumps({"sum": total}), structuredContent={"sum": total})


@tool()
def sleep(arguments):
    """Take `ms` milliseconds to answer."""
    time.sleep(arguments["ms"] / 1000)
    return text("slept")


@tool()
def fail(_):
    """Answer with isError."""
    return text("could not be done", isError=True)


@tool()
def refuse(_):
    """Answer with a JSON-RPC error."""
    raise Refused(-32603, "Internal error")


@tool()
def malform(_):
    """Answer with what is no MCP result."""
    return {"content": "no list"}


@tool(outputSchema=SUM)
def lie(_):
    """Break the promise of its own outputSchema."""
    return text("seven", structuredContent={"sum": "seven"})


@tool()
def chatter(_):
    """Write a line that is no JSON before the answer."""
    print("starting up...", flush=True)
    return text("done")


@tool()
def hang(_):
    """Never answer."""


@tool()
def die(_):
    """End the process instead of answering."""
    print("about to die", file=sys.stderr, flush=True)
    os._exit(3)


def call_tool(params, options):
    options.calls += 1
    time.sleep(options.delay_ms / 1000)
    if options.fail_every and options.calls % options.fail_every == 0:
        return text("this one fails", isError=True)
    if params["name"] not in TOOLS:
        raise Refused(-32602, f"Unknown tool: {params['name']}")
    return TOOLS[params["name"]](params.get("arguments") or {})


def handle(method, params, options):
    match method:
        case "initialize":
            return {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": options.name, "version": "1.0"},
            }
        case "ping":
            return {}
        case "tools/list":
            return {"tools": [function.definition for function in TOOLS.values()]}
        case "tools/call":
            return call_tool(params, options)
        case _:
            raise Refused(-32601, f"Method not found: {method}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="plain")
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--fail-every", type=int, default=0)
    options = parser.parse_args(namespace=argparse.Namespace(calls=0))
    print("plain server is up", file=sys.stderr, flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            result = handle(message["method"], message.get("params") or {}, options)
        except Refused as refused:
            answer["error"] = {"code": refused.code, "message": str(refused)}
        else:
            if result is None:
                continue
            answer["result"] = result
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
