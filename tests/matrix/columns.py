"""Each observer at work: the same calls, and what it recorded of them."""

import os
import subprocess
import sys
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

from tests.processes import until
from tests.sdks import ROOT
from tests.spooled import calls, rows

HERE = Path(__file__).parent
WIRE_SERVER = [sys.executable, HERE / "wire_server.py"]
RECORD = [sys.executable, "-m", "mcplens", "record"]


class Stage:
    """Runs the matrix's client before an observer, in a folder of its own."""

    def __init__(self, folder, python_with):
        self.folder = folder
        self.store = folder / "store"
        self._python_with = python_with
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def play(self, column):
        """Make the calls, and give what was recorded of each tool's."""
        PLAYS[column](self)
        recorded = defaultdict(list)
        for call in calls(self.store):
            recorded[call.target].append(call)
        assert not any(run.lost_count for run in rows(self.store, "runs"))
        return recorded

    def call(self, *words, sdk="2.3"):
        """Let a client make the calls."""
        command = [self._python_with(sdk), HERE / "client.py", *words]
        with (self.folder / "stderr").open("ab") as stderr:
            subprocess.run(
                list(map(str, command)),
                env=self._environment,
                stderr=stderr,
                timeout=90,
                check=True,
            )

    @contextmanager
    def running(self, *command, until_says):
        """Run a server until the calls are made; gives the last word of the line it says."""
        said = self.folder / f"said-{len(list(self.folder.iterdir()))}"
        with said.open("wb") as file:
            process = subprocess.Popen(
                list(map(str, command)), env=self._environment, stdout=file, stderr=file
            )
        try:
            until(lambda: any(until_says in line for line in _whole_lines(said)))
            [line] = [line for line in _whole_lines(said) if until_says in line]
            yield line
        finally:
            process.terminate()
            process.wait(30)


def _whole_lines(file):
    *lines, _ = file.read_text().split("\n")
    return lines


def stdio_proxy(stage):
    stage.call("--", *RECORD, "--store", stage.store, "--", *WIRE_SERVER)


def http_proxy(stage):
    with stage.running(*WIRE_SERVER, "--http", until_says="port ") as line:
        url = f"http://127.0.0.1:{line.split()[-1]}/mcp"
        record = [*RECORD, "--store", stage.store, "--listen", "127.0.0.1:0", url]
        with stage.running(*record, until_says="listening on ") as listening:
            stage.call("--url", listening.split("listening on ")[1].split()[0])


def client(sdk):
    def play(stage):
        stage.call("--store", stage.store, "--", *WIRE_SERVER, sdk=sdk)

    return play


def server_on(kind, *words):
    def play(stage):
        stage.call(*words, "--", sys.executable, HERE / "sdk_server.py", kind, stage.store)

    return play


def otlp_import(stage):
    files = [stage.folder / "client.json", stage.folder / "server.json"]
    server = [sys.executable, HERE / "sdk_server.py", "spans", files[1]]
    stage.call("--spans", files[0], "--", *server)
    command = [sys.executable, "-m", "mcplens", "import", "--store", stage.store, *files]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=60)


PLAYS = {
    "stdio proxy": stdio_proxy,
    "HTTP proxy": http_proxy,
    "client, mcp 1.24": client("1.24"),
    "client, mcp 1.30": client("1.30"),
    "client, mcp 2.3": client("2.3"),
    "server, mcp 2.3": server_on("mcp"),
    # On connections of the new era, fastmcp cannot ask within a call.
    "server, fastmcp": server_on("fastmcp", "--era", "legacy"),
    "OTLP import": otlp_import,
}
