"""The doors that logs, traces and posted events come through, with secrets planted everywhere.

Each takes what is to be kept, a store and a folder of its own, and gives what was planted and what
mcplens itself said.
"""

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from mcplens.cli.main import main
from mcplens.config import config_dir
from tests.capture.ingest.posted import Service, sent
from tests.planted import Planted, Plot, converse
from tests.processes import SERVERS

AT = "2026-11-18T09:00:{:02}.000Z"


def mcplens(*words):
    """Run a command to its end, and give all that it said."""
    said = StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = main([*map(str, words)])
    assert code == 0
    return " ".join(said.getvalue().split())


def import_file(keep, store, folder, data, *, name="calls.log"):
    path = folder / name
    path.write_bytes(data) if isinstance(data, bytes) else path.write_text(data)
    os.utime(path, (0, 0))  # Nobody writes it any more.
    return mcplens("import", path, "--store", store, "--keep", keep)


def lines(*records):
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in records)


def json_log(keep, store, folder):
    plot = Plot()
    address = f"https://me:{plot.never('server_user')}@host/mcp?key={plot.never('server_query')}"
    call = {
        "timestamp": AT.format(1),
        "tool_name": "search",
        "server": address,
        "session_id": plot.never("session"),
        "user": plot.never("user"),
        "duration_ms": 12.5,
        "success": False,
        "error": {
            "message": f"no {plot.kept('error')} {plot.marked('error_marked')}",
            "data": plot.never("error_data"),
            "stack": plot.never("stack"),
        },
        "arguments": {
            "q": plot.kept("argument"),
            plot.kept("argument_key"): [{"deep": plot.kept("deep")}],
            "api_key": plot.never("argument_api_key"),
            "note": f"login {plot.marked('argument_marked')}",
        },
        "result": {"content": [{"type": "text", "text": plot.kept("result")}]},
        "authorization": f"Bearer {plot.never('bearer')}",
        "headers": {"cookie": plot.never("cookie")},
        "hostname": plot.never("host"),
        "cmdline": f"node server.js --token={plot.never('command_line')}",
        plot.never("unknown_key"): plot.never("unknown_value"),
    }
    read = {
        "timestamp": AT.format(2),
        "method": "resources/read",
        "tool": f"mail://me:{plot.never('uri_user')}@host/inbox?q={plot.never('uri_query')}",
        "mcp_session_id": plot.never("protocol_session"),
        "ok": True,
        "latency_ms": 1,
    }
    broken = f'{{"tool_name": "{plot.never("broken_line")}'
    said = import_file(keep, store, folder, lines(call, read, broken))
    assert "2 requests imported" in said
    return plot, said


def claude_code(keep, store, folder):
    plot = Plot()
    common = {
        "sessionId": plot.never("session"),
        "version": "2.1.17",
        "cwd": f"/home/{plot.never('working_directory')}",
        "gitBranch": plot.never("branch"),
        "userType": "external",
    }
    used = {
        "type": "tool_use",
        "id": plot.never("tool_use_id"),
        "name": "mcp__books__search",
        "input": {
            "path": f"/home/{plot.kept('path')}",
            "token": plot.never("argument_token"),
            "q": f"login {plot.marked('argument_marked')}",
        },
    }
    other = {**used, "id": "o", "name": "Bash", "input": {"command": plot.never("other_tool")}}
    answer = {
        "type": "tool_result",
        "tool_use_id": used["id"],
        "is_error": True,
        "content": f"{plot.kept('result')} {plot.marked('result_marked')}",
    }
    said = import_file(
        keep,
        store,
        folder,
        lines(
            {"type": "summary", "summary": plot.never("summary"), "leafUuid": "l"},
            line_of("user", AT.format(0), plot.never("prompt"), **common),
            line_of("assistant", AT.format(1), [think(plot), used, other], **common),
            line_of("user", AT.format(2), [answer], **common, toolUseResult=plot.never("tool_use")),
        ),
        name="session.jsonl",
    )
    assert "1 request imported" in said
    return plot, said


def line_of(role, at, content, **more):
    message = {"role": role, "content": content}
    return {"type": role, "uuid": at, "timestamp": at, "message": message, **more}


def think(plot):
    return {"type": "thinking", "thinking": plot.never("thought")}


def on_the_wire(planted):
    """Give all messages between a client and the telling server, each with who sent it."""
    seen = []
    command = (sys.executable, SERVERS / "telling.py", *planted.argv)
    process = subprocess.Popen(
        command,
        stdin=-1,
        stdout=-1,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **planted.environ},
    )
    converse(process, planted, seen=lambda who, line: seen.append((who, json.loads(line))))
    return seen


def mcpsnoop(keep, store, folder):
    planted = Planted()
    envelope = {"session_id": planted.protocol_session, "server_label": "node", "ts": AT.format(0)}
    start = {"command": ["node", "server.js", *planted.argv], "env": [planted.environment]}
    said = import_file(
        keep,
        store,
        folder,
        lines(
            {**envelope, "direction": "meta", "raw": start},
            {**envelope, "direction": "stderr", "raw": None, "text": planted.stderr},
            *(
                {
                    **envelope,
                    "direction": {"client": "c2s", "server": "s2c"}[who],
                    "ts": AT.format(number),
                    "transport": "stdio",
                    "raw": message,
                    "headers": {"authorization": planted.bearer},
                }
                for number, (who, message) in enumerate(on_the_wire(planted))
            ),
            {**envelope, "direction": "c2s", "truncated": True, "text": planted.cookie},
        ),
    )
    return planted, said


def claude_desktop(keep, store, folder):
    planted = Planted()
    start = f"{AT.format(0)} [telling] [info]"
    said = import_file(
        keep,
        store,
        folder,
        lines(
            f"{start} Using MCP server command: node with args {' '.join(planted.argv)} and "
            f"env {planted.environment} {{ metadata: undefined }}",
            f"    {planted.stderr}",
            *(
                f"{AT.format(number)} [telling] [info] Message from {who}: {json.dumps(message)} "
                f"{{ metadata: {{ secret: '{planted.cookie}' }} }}"
                for number, (who, message) in enumerate(on_the_wire(planted))
            ),
            f'{start} Message from client: {{"jsonrpc": "{planted.bearer}',
        ),
        name="mcp-server-telling.log",
    )
    return planted, said


def posted(keep, store, _folder):
    plot = Plot()
    service = Service(
        store, "--keep", keep, environment={"MCPLENS_INGEST_TOKEN": plot.never("service_token")}
    )
    headers = {
        "Authorization": f"Bearer {plot.never('service_token')}",
        "Cookie": plot.never("cookie"),
        "X_Api_Key": plot.never("request_header"),
    }
    event = sent(
        success=False,
        server_name=f"https://me:{plot.never('server_user')}@host/?k={plot.never('server_query')}",
        session_id=plot.never("session"),
        user_id=plot.never("user"),
        arguments={"q": plot.kept("argument"), "password": plot.never("argument_password")},
        result={"text": plot.kept("result"), "note": f"as {plot.marked('result_marked')}"},
        error=f"no {plot.kept('error')} {plot.marked('error_marked')}",
        credential_id=plot.never("credential"),
        upstream=f"postgres://me:{plot.never('upstream_user')}@db/?k={plot.never('upstream_key')}",
        checkpoint=f"see https://host/?q={plot.never('checkpoint_query')}",
        side_effects=[
            {
                "kind": "created",
                "target": f"https://me:{plot.never('note_user')}@h/?k={plot.never('note_query')}",
                "detail": f"with {plot.marked('detail_marked')}",
            }
        ],
        arguments_hash=plot.never("hash_of_sender"),
        **{plot.never("unknown_key"): plot.never("unknown_value")},
    )
    uri = f"mail://me:{plot.never('uri_user')}@host/x?q={plot.never('uri_query')}"
    read = sent(method="resources/read", tool_name=uri, event_id=plot.never("event_id"))
    refused = sent(latency_ms=plot.never("refused_value"))
    try:
        statuses = [
            service.send(event, **headers, Idempotency_Key=plot.never("idempotency_key"))[0],
            service.send(read, **headers)[0],
            service.send(refused, **headers)[0],
            service.send(event, path=f"/events/{plot.never('path')}", **headers)[0],
            service.send(b'{"' + plot.never("broken_body").encode(), **headers)[0],
        ]
    finally:
        service.end()
    assert statuses == [201, 201, 422, 404, 400]
    return plot, "".join(service.said)


def wrapped(keep, store, folder):
    """What a client's file holds beside commands is remembered nowhere; then it records."""
    planted = Planted()
    file = folder / "mcp.json"
    command, *words = (sys.executable, str(SERVERS / "telling.py"), *planted.argv)
    remote = {
        "url": f"https://host/mcp?key={planted.url_query}",
        "headers": {"Authorization": f"Bearer {planted.bearer}"},
    }
    entry = {"command": command, "args": words, "env": planted.environ}
    file.write_text(json.dumps({"mcpServers": {"telling": entry, "remote": remote}}))
    said = mcplens("wrap", file, "--store", store, "--keep", keep)
    [memory] = (config_dir() / "wrapped").iterdir()
    of_environment = {"API_TOKEN", "SECRETS", planted.environment, planted.url_query}
    assert not [one for one in (*of_environment, planted.bearer) if one in memory.read_text()]
    assert memory.stat().st_mode & 0o777 == 0o600
    entry = json.loads(file.read_text())["mcpServers"]["telling"]
    process = subprocess.Popen(
        [entry["command"], *entry["args"]],
        stdin=-1,
        stdout=-1,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **entry["env"]},
    )
    converse(process, planted)
    return planted, said


DOORS = {
    "import of a JSON log": json_log,
    "import of Claude Code": claude_code,
    "import of mcpsnoop": mcpsnoop,
    "import of Claude Desktop": claude_desktop,
    "POST": posted,
    "wrap": wrapped,
}
