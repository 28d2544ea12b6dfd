"""Tells, in every place where a server can say something, a secret of its own.

    SECRETS='{"result_text": "…", …}' python tests/servers/telling.py [ARGUMENT]...

Its tools: `tell` answers with secrets, `fail` with isError, `refuse` with a JSON-RPC error; `ask`
asks the client back before it answers.
"""

import json
import os
import sys

SECRETS = json.loads(os.environ["SECRETS"])
PASSWORD = {"type": "string", "default": SECRETS["default_password"]}
TEXT_SCHEMA = {
    "type": "object",
    "properties": {"text": {}, "nested": {}, "password": PASSWORD},
    "description": f"such as {SECRETS['description_marked']}",
}


def say(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def text(words, **more):
    return {"content": [{"type": "text", "text": words}], **more}


def tool(name):
    return {"name": name, "inputSchema": TEXT_SCHEMA}


def call(number, params):
    match params["name"]:
        case "tell":
            token = params["_meta"]["progressToken"]
            progress = {"progressToken": token, "progress": 1, "message": SECRETS["progress"]}
            say(method="notifications/progress", params=progress)
            say(
                id=number,
                result=text(
                    f"here it is: {SECRETS['result_text']}, {SECRETS['result_marked']}",
                    structuredContent={
                        "value": SECRETS["structured_value"],
                        SECRETS["structured_key"]: 1,
                        "password": SECRETS["result_password"],
                        "list": [{"deep": SECRETS["structured_deep"]}],
                    },
                    _meta={
                        "trace": SECRETS["result_meta"],
                        "mcplens/note": {"checkpoint": f"as {SECRETS['note_marked']}"},
                    },
                ),
            )
        case "fail":
            words = f"Unknown user {SECRETS['tool_error']}, {SECRETS['tool_error_marked']}"
            say(id=number, result=text(words, isError=True))
        case "refuse":
            data = {"sent": SECRETS["error_data"], SECRETS["error_data_key"]: 1}
            words = f"Invalid: {SECRETS['error_message']} {SECRETS['error_message_marked']}"
            say(id=number, error={"code": -32602, "message": words, "data": data})
        case "ask":
            say(id="q1", method="elicitation/create", params={"message": SECRETS["question"]})
            sys.stdin.readline()
            messages = [{"role": "user", "content": {"type": "text", "text": SECRETS["sampled"]}}]
            say(id="q2", method="sampling/createMessage", params={"messages": messages})
            answer = json.loads(sys.stdin.readline())
            say(id=number, result=text("thanks" if "result" in answer else "well"))


def handle(message):
    number, params = message["id"], message.get("params", {})
    match message["method"]:
        case "initialize":
            info = {"name": "telling", "version": "1", "title": SECRETS["server_title"]}
            version = params["protocolVersion"]
            say(
                id=number,
                result={
                    "protocolVersion": version,
                    "capabilities": {SECRETS["capability"]: {}},
                    "serverInfo": info,
                    "instructions": SECRETS["instructions"],
                },
            )
        case "tools/list":
            names = ("tell", "fail", "refuse", "ask")
            say(id=number, result={"tools": [tool(name) for name in names]})
        case "tools/call":
            call(number, params)
        case "resources/read":
            contents = [{"uri": params["uri"], "text": SECRETS["resource_text"]}]
            contents += [{"uri": "mail://host/picture", "blob": SECRETS["resource_blob"]}]
            say(id=number, result={"contents": contents})
        case "resources/list":
            resource = {"uri": SECRETS["resource_uri"], "name": "mail"}
            say(id=number, result={"resources": [{**resource, "title": SECRETS["title"]}]})
        case "prompts/get":
            content = {"type": "text", "text": SECRETS["prompt_text"]}
            say(id=number, result={"messages": [{"role": "user", "content": content}]})
        case "completion/complete":
            say(id=number, result={"completion": {"values": [SECRETS["completion"]]}})


def main():
    print(f"starting with {SECRETS['stdout_noise']}", flush=True)
    print(f"starting with {SECRETS['stderr']}", file=sys.stderr, flush=True)
    log = {"level": "info", "logger": SECRETS["logger"], "data": SECRETS["log"]}
    say(method="notifications/message", params=log)
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            handle(message)


if __name__ == "__main__":
    main()
