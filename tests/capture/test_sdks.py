"""The tap in the clients of three mcp SDKs, over every transport, each in its own environment."""

import json
import os
import subprocess

import pytest

from tests.sdks import ROOT
from tests.spooled import calls, ended, rows

FOLDER = ROOT / "tests" / "sdks"
SDKS = ["1.24", "1.30", "2.3"]
WIRES = [(sdk, transport) for sdk in SDKS for transport in ("stdio", "http", "memory")]
WIRES += [("1.30", "sse"), ("2.3", "sse")]

ASKED = [
    ["add", '{"total":3}'],
    ["fail", True],
    ["ask", "hello bob"],
    ["hang", "TIMEOUT"],
    ["hang", "cancelled"],
]
"""How the calls end for the caller."""

UNHEARD = [("unanswered", "client_closed"), ("unanswered", "client_closed")]
"""mcp 1.x tells nobody that its caller gave up: on the wire, nothing came and nobody said why."""
TOLD = [("timeout", "cancel_reason"), ("cancelled", "cancel")]
WITNESSED = [("timeout", "caller"), ("cancelled", "caller")]


class Stage:
    """Runs the client of an SDK against the server of the same SDK."""

    def __init__(self, python, folder):
        self._python = python
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def play(self, transport, *, tap):
        """Make the calls, and give what reached the server and what was recorded."""
        log = self._folder / f"{tap}.to_server"
        store = self._folder / f"{tap}-store"
        if transport in {"stdio", "memory"}:
            # For stdio it is the beginning of the name, for memory all of it.
            self._call(transport, log.with_suffix("") if transport == "stdio" else log, tap, store)
        else:
            with self._server(transport, log) as address:
                self._call(transport, address, tap, store)
        return log.read_bytes(), store

    def _call(self, *words):
        command = [self._python, FOLDER / "client.py", *map(str, words)]
        with (self._folder / "stderr").open("w") as stderr:
            ran = subprocess.run(
                command, stdout=-1, stderr=stderr, env=self._environment, timeout=60, check=False
            )
        assert ran.returncode == 0, (self._folder / "stderr").read_text()
        said = json.loads(ran.stdout.splitlines()[-1])
        said[0][1] = "".join(said[0][1].split())
        said[3][1] = said[3][1].replace("McpError", "TIMEOUT").replace("MCPError", "TIMEOUT")
        assert said == ASKED

    def _server(self, transport, log):
        return _Served([self._python, FOLDER / "server.py", transport, log], self._environment)


class _Served:
    def __init__(self, command, environment):
        self._command = command
        self._environment = environment

    def __enter__(self):
        self._process = subprocess.Popen(
            self._command, stdout=-1, stderr=subprocess.DEVNULL, env=self._environment
        )
        kind = self._command[2]
        port = int(self._process.stdout.readline())
        return f"http://127.0.0.1:{port}/{'mcp' if kind == 'http' else 'sse'}"

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def stage(tmp_path, python_with, request):
    return Stage(python_with(request.getfixturevalue("sdk")), tmp_path)


@pytest.mark.parametrize(("sdk", "transport"), WIRES)
def test_calls_are_recorded_and_the_server_is_sent_the_same(stage, sdk, transport):
    alone, _ = stage.play(transport, tap="none")
    sent, store = stage.play(transport, tap="transport")

    assert sent.replace(b"\n", b"").strip() == alone.replace(b"\n", b"").strip()
    recorded = calls(store)
    assert [(call.target, call.outcome) for call in recorded[:3]] == [
        ("add", "ok"),
        ("fail", "tool_error"),
        ("ask", "ok"),
    ]
    assert recorded[2].wait_ms >= 50
    assert [(call.outcome, call.outcome_basis) for call in recorded[3:]] == (
        TOLD if sdk == "2.3" else UNHEARD
    )
    # What the SDK does behind its user's back.
    assert [event.method for event in ended(store)].count("tools/list") == 1
    [*_, connection] = rows(store, "connections")
    # A transport of somebody's own says nothing of itself.
    assert connection.transport == (None if transport == "memory" else transport)
    assert (connection.server_name, connection.end_reason) == ("every", "client_closed")
    # mcp 1.x tells the id of an HTTP session beside its streams.
    is_told = transport == "http" and sdk != "2.3"
    assert (recorded[0].session_basis == "protocol") == is_told
    assert rows(store, "runs")[-1].lost_count == 0


@pytest.mark.parametrize(("sdk", "tap"), [("1.24", "both"), ("1.30", "session"), ("2.3", "both")])
def test_a_recorded_session_sees_its_caller_give_up(stage, sdk, tap):
    alone, _ = stage.play("stdio", tap="none")
    sent, store = stage.play("stdio", tap=tap)

    assert sent == alone
    recorded = calls(store)
    assert len(recorded) == 5
    assert [(call.outcome, call.outcome_basis) for call in recorded[3:]] == (
        TOLD if sdk == "2.3" else WITNESSED
    )
    assert recorded[3].work_ms >= 300
