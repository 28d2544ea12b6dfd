"""Make `data/sample`: three days of invented agents at work, recorded by the real code.

What is drawn from the seed is said in MCP messages; they go through the correlator, the spool and
the sealer, as they would from a wire.

    python data/make_sample.py [FOLDER]
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from world import (
    DAYS,
    INCIDENT,
    INCIDENT_SERVER,
    JOBS,
    MISHAPS,
    PATIENCE_MS,
    SERVERS,
    SESSIONS_A_DAY,
    START,
    WORKING_HOURS,
    Server,
    Tool,
)

from mcplens import __version__
from mcplens.capture.clock import Clock
from mcplens.capture.correlator import Correlator
from mcplens.capture.identity import ConnectionFacts
from mcplens.capture.privacy import Privacy
from mcplens.events import SCHEMA_VERSION, Event, Row, Run
from mcplens.store.location import create
from mcplens.store.seal import seal
from mcplens.store.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcplens.store.layout import Store

SEED: Final = 2026
MS: Final = 1_000_000
SECOND: Final = 1000 * MS
HASH_KEY: Final = b"the key of the sample is public"
RECORDED_AFTER: Final = 50 * MS
START_NS: Final = int(START.timestamp()) * SECOND

WORDS: Final = {
    "rate_limited": "HTTP 429 Too Many Requests",
    "upstream": "HTTP 502 Bad Gateway",
    "auth": "HTTP 401 Unauthorized",
    "tool_failure": "the file or relation does not exist",
}
"""What a server says of each kind of trouble."""
REFUSED_MS: Final = {"invalid_arguments": (1, 4), "rate_limited": (30, 90), "auth": (30, 90)}
"""How long a server takes to say no, from and to."""
WORTH_ANOTHER_TRY: Final = {"rate_limited", "upstream", "timeout"}
LATE_SHARE: Final = 0.4
"""Of timed out calls, those that the server answers all the same."""
CANCELLED_SHARE: Final = 0.02
CANCELLED_FROM_MS: Final = 1500
"""People cancel now and then what they have to wait for."""


class Wire:
    """One connection of an agent to a server, and the recorder in between."""

    def __init__(self, server: Server, *, agent: str, label: str, rng: Random, now: int) -> None:
        self.server = server
        self.is_up = True
        self._now = now
        self.rows: list[Row] = []
        self._rng = rng
        self._label = label
        self._run_id = f"{rng.getrandbits(48):012x}"
        self._clock = Clock(monotonic_ns=lambda: 0, wall_ns=lambda: START_NS)
        self._ids = count(1)
        self._began = now
        self._run(now)
        self._correlator = Correlator(
            run_id=self._run_id,
            connection=ConnectionFacts(
                connection_id=f"{self._run_id}-c1",
                observer="proxy",
                transport="stdio",
                command=server.command,
                spawned_ns=now,
                client_process_id=agent,
            ),
            privacy=Privacy(key=HASH_KEY),
            clock=self._clock,
            next_sequence=count(1).__next__,
            emit=self._record,
        )
        self._greet(now)

    def ask(self, method: str, params: dict[str, Any], now: int) -> int:
        """Send a request and give its id."""
        number = next(self._ids)
        self.send(now, {"id": number, "method": method, "params": params})
        return number

    def send(self, now: int, message: dict[str, Any]) -> None:
        """Let the client say something."""
        self._now = now
        self._correlator.message("to_server", {"jsonrpc": "2.0", **message}, ns=now)

    def answer(self, now: int, message: dict[str, Any], size: int | None = None) -> None:
        """Let the server say something."""
        self._now = now
        self._correlator.message("to_client", {"jsonrpc": "2.0", **message}, ns=now, size=size)

    def lose(self, lost: int, now: int) -> None:
        """Let the recorder miss messages."""
        self._now = now
        self._correlator.lost(lost, now)

    def end(self, now: int, *, reason: str = "client_closed", exit_code: int = 0) -> None:
        """Close the connection; the first end counts."""
        if self.is_up:
            self.is_up = False
            self._now = now
            self._correlator.ended(reason, now, exit_code)
            self._run(now, is_end=True)

    def spool(self, store: Store) -> None:
        """Write what was recorded, as the recorder does."""
        spool = Spool(store, run_id=self._run_id, clock=lambda: START_NS / SECOND)
        spool.write(self.rows)
        spool.close()

    def _greet(self, now: int) -> None:
        hello = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "example-agent", "version": "3.2.0"},
        }
        number = self.ask("initialize", hello, now + 5 * MS)
        server = {"name": self.server.name, "version": self.server.version}
        result = {**hello, "serverInfo": server}
        del result["clientInfo"]
        self.answer(now + self._rng.randint(180, 900) * MS, {"id": number, "result": result})
        self.send(now + 901 * MS, {"method": "notifications/initialized"})
        number = self.ask("tools/list", {}, now + 902 * MS)
        tools = [definition(tool) for tool in self.server.tools]
        self.answer(now + 906 * MS, {"id": number, "result": {"tools": tools}})

    def _run(self, now: int, *, is_end: bool = False) -> None:
        run = Run(
            run_id=self._run_id,
            schema_version=SCHEMA_VERSION,
            label=self._label,
            observer="proxy",
            keep="shape",
            mcplens_version=__version__,
            started_at=self._clock.utc(self._began),
        )
        if is_end:
            run.ended_at = self._clock.utc(now)
            run.event_count = sum(isinstance(row, Event) for row in self.rows)
            run.lost_count = sum(getattr(row, "lost_before", None) or 0 for row in self.rows)
            run.recorder_cpu_ms = round(20 + 0.06 * len(self.rows) + self._rng.random() * 4, 3)
        self._record(run)

    def _record(self, row: Row) -> None:
        row.recorded_at = self._clock.utc(self._now + RECORDED_AFTER)
        self.rows.append(row)


class Session:
    """One agent on one job, with a connection to every server it needs."""

    def __init__(self, job: str, *, rng: Random, now: int) -> None:
        self._rng = rng
        self._job = job
        self.now = now
        names = dict.fromkeys(tool.partition(":")[0] for tool, _ in JOBS[job])
        agent, label = f"{rng.getrandbits(128):032x}", f"main@{rng.getrandbits(28):07x}"
        self.wires = {
            server.name: Wire(server, agent=agent, label=label, rng=rng, now=now)
            for server in SERVERS
            if server.name in names
        }
        self.now += 2 * SECOND

    def work(self) -> None:
        """Do the whole job, a call after the other."""
        for place, about in JOBS[self._job]:
            server, _, name = place.partition(":")
            [tool] = (tool for tool in self.wires[server].server.tools if tool.name == name)
            for _ in range(max(1, round(self._rng.gauss(about, about / 4)))):
                self.try_call(self.wires[server], tool)
                self.now += int(self._rng.lognormvariate(0.6, 0.7) * SECOND)

    def try_call(self, wire: Wire, tool: Tool) -> None:
        """Make a call, again if that may help, and with better arguments if they were wrong."""
        arguments = {name: self._value(kind) for name, kind in tool.arguments.items()}
        for attempt in range(3):
            if not wire.is_up:
                return
            trouble = self.call(wire, self._today(wire, tool), arguments)
            if trouble == "invalid_arguments":
                # What was wrong is put right, so this is no retry of the same call.
                arguments = {name: self._value(kind) for name, kind in tool.arguments.items()}
            elif trouble not in WORTH_ANOTHER_TRY:
                return
            self.now += int(2**attempt * self._rng.uniform(0.8, 1.4) * SECOND)

    def call(self, wire: Wire, tool: Tool, arguments: dict[str, Any]) -> str | None:
        """Make one call and say what trouble there was."""
        trouble = self._trouble(tool)
        number = wire.ask("tools/call", {"name": tool.name, "arguments": arguments}, self.now)
        taken = tool.median_ms * self._rng.lognormvariate(0, tool.spread)
        if trouble in REFUSED_MS:
            taken = self._rng.uniform(*REFUSED_MS[trouble])
        if taken > PATIENCE_MS:
            self._give_up(wire, number, "timed out after 10.0s", PATIENCE_MS)
            if self._rng.random() < LATE_SHARE:
                wire.answer(self.now - 700 * MS, {"id": number, **self._reply(tool, None)})
            return "timeout"
        if taken > CANCELLED_FROM_MS and self._rng.random() < CANCELLED_SHARE:
            self._give_up(wire, number, "caller cancelled", taken / 2)
            return "cancelled"
        self.now += int(taken * MS)
        wire.answer(
            self.now, {"id": number, **self._reply(tool, trouble)}, self._size(tool, trouble)
        )
        return trouble

    def meet(self, mishap: str | None) -> None:
        """End the job with a crash, a kill, a tool that does not exist, or a loss."""
        if mishap == "crash":
            wire = self.wires["browser"]
            wire.ask("tools/call", {"name": "navigate", "arguments": {}}, self.now)
            wire.end(self.now + 2 * SECOND, reason="server_exited", exit_code=-11)
        elif mishap == "kill":
            wire = self.wires["search"]
            wire.ask("tools/call", {"name": "fetch_url", "arguments": {}}, self.now)
        elif mishap == "confusion":
            wire = self.wires["files"]
            number = wire.ask("tools/call", {"name": "edit_file", "arguments": {}}, self.now)
            error = {"code": -32602, "message": "Unknown tool: edit_file"}
            wire.answer(self.now + 3 * MS, {"id": number, "error": error})
        elif mishap == "loss":
            wire = self.wires["files"]
            wire.lose(3, self.now)
            self.try_call(wire, wire.server.tools[0])
        self.now += 3 * SECOND

    def end(self) -> None:
        """Close what is open."""
        for wire in self.wires.values():
            wire.end(self.now)

    def _give_up(self, wire: Wire, number: int, why: str, after_ms: float) -> None:
        self.now += int(after_ms * MS)
        cancel = {"requestId": number, "reason": why}
        wire.send(self.now, {"method": "notifications/cancelled", "params": cancel})
        self.now += SECOND

    def _today(self, wire: Wire, tool: Tool) -> Tool:
        when = START + timedelta(microseconds=self.now / 1000)
        if wire.server.name != INCIDENT_SERVER or not INCIDENT[0] <= when < INCIDENT[1]:
            return tool
        return replace(
            tool, median_ms=tool.median_ms * 6, troubles={**tool.troubles, "upstream": 0.3}
        )

    def _trouble(self, tool: Tool) -> str | None:
        drawn = self._rng.random()
        for trouble, share in tool.troubles.items():
            drawn -= share
            if drawn < 0:
                return trouble
        return None

    def _reply(self, tool: Tool, trouble: str | None) -> dict[str, Any]:
        if trouble == "invalid_arguments":
            words = "Input validation error: a required property is missing"
            return {"error": {"code": -32602, "message": words}}
        words = WORDS[trouble] if trouble else f"{self._rng.getrandbits(32):x}"
        content = [{"type": "text", "text": words}]
        if tool.name == "take_screenshot":
            content = [{"type": "image", "data": words, "mimeType": "image/png"}]
        return {"result": {"content": content, "isError": trouble is not None}}

    def _size(self, tool: Tool, trouble: str | None) -> int:
        about = 180 if trouble else tool.reply_bytes
        return round(about * self._rng.lognormvariate(0, 0.3))

    def _value(self, kind: str) -> str | int:
        return self._rng.randint(1, 50) if kind == "integer" else f"{self._rng.getrandbits(24):x}"


def definition(tool: Tool) -> dict[str, Any]:
    """Advertise a tool as its server does."""
    return {
        "name": tool.name,
        "description": tool.name.replace("_", " ").capitalize() + ".",
        "inputSchema": {
            "type": "object",
            "properties": {name: {"type": kind} for name, kind in tool.arguments.items()},
            "required": list(tool.arguments),
        },
        "annotations": {"readOnlyHint": tool.is_read_only},
    }


def sessions(rng: Random) -> Iterator[Session]:
    """Let the agents work through the days."""
    jobs = sorted(JOBS)
    first, last = WORKING_HOURS
    for day in range(DAYS):
        for nth in range(SESSIONS_A_DAY):
            hour = 24 * day + first + (last - first) * (nth + rng.random()) / SESSIONS_A_DAY
            session = Session(jobs[nth % len(jobs)], rng=rng, now=int(hour * 3600) * SECOND)
            session.work()
            session.meet(MISHAPS.get((day, nth)))
            session.end()
            yield session


def make(folder: Path) -> None:
    """Write the sample store."""
    shutil.rmtree(folder, ignore_errors=True)
    store = create(folder)
    for session in sessions(Random(SEED)):
        for wire in session.wires.values():
            wire.spool(store)
    later = iter(range(int(START.timestamp()) + 10 * 86_400, 2**60, 7200)).__next__
    seal(store, clock=later)
    seal(store, clock=later)
    # A store's own ignore file would keep the sample out of git, and the rest says nothing new.
    for name in (".gitignore", ".lock", "manifest.backup.json", "views.sql"):
        (folder / name).unlink(missing_ok=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "sample")
