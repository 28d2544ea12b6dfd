"""Posted events for tests, and a real service to post them to."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from mcplens.capture.ingest.reading import EventReader
from mcplens.capture.privacy import Privacy
from mcplens.config import NO_SETTINGS

NOW = datetime(2026, 11, 20, 14, 0, 0)  # noqa: DTZ001  the raw tables are naive UTC
KEY = b"0123456789abcdef"


def sent(**fields):
    """Build the smallest event that is accepted; None takes a field away."""
    smallest = {
        "timestamp": "2026-11-20T12:00:00Z",
        "tool_name": "search",
        "success": True,
        "latency_ms": 12.5,
    }
    return {name: value for name, value in {**smallest, **fields}.items() if value is not None}


def read(value, *, key=None, keep="shape", settings=NO_SETTINGS):
    """Read what was sent, at two in the afternoon."""
    privacy = Privacy(keep, key=KEY, settings=settings)
    return EventReader(privacy, settings=settings).read(value, key=key, now=NOW)


class Service:
    """A `mcplens serve --ingest` in a process of its own."""

    def __init__(self, store: Path, *options, host="127.0.0.1", environment=()):
        self.store = store
        command = [sys.executable, "-m", "mcplens", "serve", "--store", str(store)]
        self.process = subprocess.Popen(
            [*command, "--ingest", f"{host}:0", *options],
            stderr=subprocess.PIPE,
            env={**os.environ, **dict(environment)},
            text=True,
        )
        self.said = []
        for line in self.process.stderr:
            self.said.append(line)
            if found := re.search(r"taking events at http://(?:\S+):(\d+)/events", line):
                self.port = int(found[1])
                break

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def send(self, body, *, method="POST", path="/events", **headers):
        """Send a request and give the status and the body of its answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = self.connect()
        try:
            connection.request(method, path, data, {"Content-Type": "application/json", **named})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def kill(self):
        self.process.kill()
        return self._gone()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self._gone()

    def _gone(self):
        _, rest = self.process.communicate(timeout=60)
        self.said.append(rest)
        return self.process.returncode
