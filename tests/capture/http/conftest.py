"""What tests of the HTTP proxy share: the proxy as a process, in front of any server."""

import re
import signal
import socket
import subprocess
import sys

import pytest

from tests.capture.http.wire import Upstream
from tests.processes import until
from tests.spooled import calls, ended


class Proxied:
    """`mcplens record --listen` in front of a URL, with a store of its own."""

    def __init__(self, url, store, *options):
        self.store = store
        words = ["record", "--store", str(store), *options, "--listen", "127.0.0.1:0", url]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mcplens", *words], stderr=subprocess.PIPE
        )
        self.said = []
        self.url = None
        for raw in self.process.stderr:
            line = raw.decode()
            self.said.append(line)
            if found := re.search(r"listening on (http://[\d.]+:(\d+)\S*)", line):
                self.url, self.port = found[1], int(found[2])
                break
        assert self.url, self.said

    def calls(self, count):
        """Wait until so many calls have an end, and give them."""
        until(lambda: len(calls(self.store)) >= count)
        return calls(self.store)

    def stop(self):
        """End it as a person does, and give all ended events."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        return ended(self.store)


@pytest.fixture
def proxied(tmp_path):
    """Start a proxy in front of a URL."""
    started = []

    def start(url, *options):
        started.append(Proxied(url, tmp_path / f"store{len(started)}", *options))
        return started[-1]

    yield start
    for proxy in started:
        proxy.process.kill()
        proxy.process.wait()
        proxy.process.stderr.close()


@pytest.fixture
def upstream():
    """Serve with a function that gets each connection; gives the port."""
    started = []

    def start(serve):
        started.append(Upstream(serve))
        return started[-1].port

    yield start
    for server in started:
        server.close()


@pytest.fixture
def serving():
    """Start a real server that gets a port as its $PORT, and wait until it listens."""
    processes = []

    def start(*command, port=None):
        import os

        if port is None:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
        process = subprocess.Popen(
            command,
            env={**os.environ, "PORT": str(port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        processes.append(process)
        until(lambda: _listens(port))
        return port

    yield start
    for process in processes:
        process.kill()
        process.wait()


def _listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
