"""What a call waits for: the proxy's round trip, and `record()` inside a process."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from mcplens.capture.doctor.measuring import Measured, added, in_turns, measured
from mcplens.events import SCHEMA_VERSION, Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SIZE: Final = 200
"""Bytes of a message, and of its answer."""
ROUNDS: Final = 100
MESSAGES: Final = 10
"""Messages of one round, of which the median counts."""
WARM_UP: Final = 200
READY_S: Final = 8.0
"""How long a recorder may take to get ready, and a server to answer."""
RECORD_ROUNDS: Final = 40
RECORDS: Final = 200
"""Rows recorded in one round."""
_BREATH_S: Final = 0.0005

_ANSWER_HEAD: Final = b'{"jsonrpc":"2.0","id":'
_ANSWER_REST: Final = b',"result":{"content":[{"type":"text","text":"'
_ID: Final = slice(len(_ANSWER_HEAD), len(_ANSWER_HEAD) + 9)
_SERVER: Final = f"""
import os
while line := os.read(0, 65536):
    answer = {_ANSWER_HEAD!r} + line[{_ID.start}:{_ID.stop}] + {_ANSWER_REST!r}
    os.write(1, answer + b"y" * ({SIZE} - len(answer) - 6) + b'"}}]}}}}\\n')
"""

# As `mcplens record` does it; but nothing may write into the store once we throw it away.
_RECORD: Final = """
import sys
from mcplens.capture.proxy import run_proxy
sys.exit(run_proxy(sys.argv[2:], store=sys.argv[1], seal=False))
"""


class RoundTrips(NamedTuple):
    """What a round trip takes, in µs."""

    bare: Measured
    cat_adds: Measured | None
    """Through `cat` on both sides: what any process in between costs; None without a `cat`."""
    proxy_adds: Measured


def measure_round_trips(folder: Path) -> RoundTrips:
    """Ask the fastest server there is directly, through `cat`, and through the proxy.

    Raises:
        OSError: one of them did not start or did not answer.
    """
    server = [sys.executable, "-c", _SERVER]
    store = folder / "store"
    record = [sys.executable, "-P", "-c", _RECORD, str(store)]
    with ExitStack() as stack:
        pipes = {
            "bare": stack.enter_context(_running(server)),
            "proxy": stack.enter_context(_running([*record, *server])),
        }
        with suppress(FileNotFoundError):
            pipes["cat"] = stack.enter_context(_running(["cat"], server, ["cat"]))
        for pipe in pipes.values():
            pipe.ask(WARM_UP)
        _wait_for_recorder(store)
        times = in_turns(
            {name: lambda pipe=pipe: pipe.ask(MESSAGES) for name, pipe in pipes.items()},  # type: ignore[misc]
            rounds=ROUNDS,
        )
    return RoundTrips(
        bare=measured(times["bare"]),
        cat_adds=added(times["cat"], times["bare"]) if "cat" in times else None,
        proxy_adds=added(times["proxy"], times["bare"]),
    )


def measure_record(folder: Path) -> Measured:
    """Time `record()` with its thread at work behind it, less the loop around it, in µs a row.

    Raises:
        StoreError: the folder cannot be written.
    """
    from mcplens.capture.recorder import Recorder
    from mcplens.store.location import create

    row = example_row()
    with Recorder(create(folder / "store"), observer="client", seal=False) as recorder:

        def record() -> float:
            time.sleep(_BREATH_S)  # Calls come with pauses, in which rows are written.
            begin = time.perf_counter_ns()
            for _ in range(RECORDS):
                recorder.record(row)
            return (time.perf_counter_ns() - begin) / 1000 / RECORDS

        def loop() -> float:
            time.sleep(_BREATH_S)
            begin = time.perf_counter_ns()
            for _ in range(RECORDS):
                pass
            return (time.perf_counter_ns() - begin) / 1000 / RECORDS

        times = in_turns({"record": record, "loop": loop}, rounds=RECORD_ROUNDS)
    return added(times["record"], times["loop"])


def example_row() -> Event:
    """Make a row as recording makes them."""
    return Event(
        run_id="doctor",
        schema_version=SCHEMA_VERSION,
        event_id="doctor-1",
        connection_id="doctor-c1",
        observer="client",
        sequence=1,
        direction="to_server",
        request_id="1",
        call_id="doctor-1",
        round=1,
        is_final=True,
        session_id="doctor-c1",
        session_basis="connection",
        client_name="agent",
        server_name="files",
        transport="stdio",
        protocol_version="2026-07-28",
        method="tools/call",
        target="read_file",
        started_at=datetime(2026, 11, 20),  # noqa: DTZ001  the raw tables are naive UTC
        arguments_hash="0" * 32,
        arguments_shape='{"path":"string(20)"}',
        request_bytes=SIZE,
        outcome="ok",
        outcome_basis="answer",
        duration_ms=1.0,
        work_ms=1.0,
        result_hash="0" * 32,
        response_bytes=SIZE,
        content_kinds=["text"],
    )


class _Pipe:
    """A server behind something, asked one question at a time."""

    def __init__(self, write_to: int, read_from: int) -> None:
        self._write_to = write_to
        self._read_from = read_from
        self._number = 0

    def ask(self, count: int) -> float:
        """Ask so many questions, and give the median round trip in µs."""
        return median(self._ask() for _ in range(count))

    def _ask(self) -> float:
        self._number += 1
        head = f'{{"jsonrpc":"2.0","id":"{self._number:07}","method":"tools/call","params":'
        tail = '{"name":"search","arguments":{"text":"'
        question = (head + tail).ljust(SIZE - 5, "x").encode() + b'"}}}\n'
        begin = time.perf_counter_ns()
        os.write(self._write_to, question)
        missing = SIZE
        while missing:
            if not select.select([self._read_from], [], [], READY_S)[0]:
                raise TimeoutError(f"no answer within {READY_S:g} s")
            chunk = os.read(self._read_from, SIZE)
            if not chunk:
                raise ConnectionError("it ended")
            missing -= len(chunk)
        return (time.perf_counter_ns() - begin) / 1000


@contextmanager
def _running(*commands: Sequence[str]) -> Iterator[_Pipe]:
    """Start commands as a pipeline, and end it."""
    with ExitStack() as stack:
        processes: list[subprocess.Popen[bytes]] = []
        for command in commands:
            process = subprocess.Popen(
                command,
                stdin=processes[-1].stdout if processes else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            stack.callback(_end, process)
            if processes and processes[-1].stdout:
                processes[-1].stdout.close()
            processes.append(process)
        first, last = processes[0].stdin, processes[-1].stdout
        if first is None or last is None:
            raise ValueError("started without pipes")
        yield _Pipe(first.fileno(), last.fileno())
        first.close()
        for process in processes:
            with suppress(subprocess.TimeoutExpired):  # It was measured; now it is made to end.
                process.wait(READY_S)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _wait_for_recorder(store: Path) -> None:
    """Wait until it writes: getting ready, it takes more of the machine than recording."""
    deadline = time.monotonic() + READY_S
    while not any((store / "spool").glob("*-*.jsonl")):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the recorder was not ready within {READY_S:g} s")
        time.sleep(_BREATH_S)
