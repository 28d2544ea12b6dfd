"""Processes for tests: commands through `mcplens record`, and waiting for what they do."""

import subprocess
import sys
import time
from pathlib import Path

SERVERS = Path(__file__).parent / "servers"


def until(condition):
    """Wait for something to happen."""
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to that")
        time.sleep(0.005)


class Recorded:
    """Starts commands through `mcplens record`, into one store."""

    def __init__(self, store):
        self.store = store
        self._processes = []

    def command(self, *command, options=()):
        """Write the command that stands in for `command`."""
        record = [sys.executable, "-m", "mcplens", "record", "--store", str(self.store)]
        return [*record, *options, "--", *map(str, command)]

    def start(self, *command, options=(), **settings):
        """Start it in a session of its own, as clients do, and see to its end."""
        process = subprocess.Popen(
            self.command(*command, options=options),
            start_new_session=True,
            **{
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **settings,
            },
        )
        self._processes.append(process)
        return process

    def run(self, *command, words=b"", options=(), **settings):
        """Run it to its end, with `words` for the server."""
        process = self.start(*command, options=options, **settings)
        out, err = process.communicate(words, timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def end_all(self):
        """Leave nothing behind."""
        for process in self._processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
