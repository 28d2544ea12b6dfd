import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from mcplens.capture.clock import Clock
from mcplens.capture.samples import Sampler, Usage, usage_at_end, usage_of
from tests.processes import until
from tests.spooled import rows

MEGABYTE = 1_000_000
CHILD = "import sys; held = bytearray(60_000_000); print(1, flush=True); sys.stdin.read()"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}])
child.wait()
"""


class Machine:
    """A recorder and a clock that tests turn, and a process that says what it uses."""

    def __init__(self):
        self.now_s = 0.0
        self.usage = Usage(cpu_ms=1.0)
        self.written = []
        self.sources = []
        clock = Clock(monotonic_ns=lambda: int(self.now_s * 1e9), wall_ns=lambda: 0)
        self.recorder = SimpleNamespace(
            run_id="run1", clock=clock, record=self.written.append, detach=self.sources.remove
        )

    def sampler(self):
        sampler = Sampler(
            self.recorder,
            connection_id="run1-c1",
            process_id=1,
            started_ns=0,
            look=lambda _: self.usage,
        )
        self.sources.append(sampler)
        return sampler


def test_a_server_is_looked_at_every_five_seconds_from_the_second_on():
    machine = Machine()
    sampler = machine.sampler()

    for second in range(14):
        machine.now_s = second
        sampler.work()

    assert [row.sampled_at.second for row in machine.written] == [2, 7, 12]
    assert [row.sample_id for row in machine.written] == [
        "run1-c1-s1",
        "run1-c1-s2",
        "run1-c1-s3",
    ]


def test_a_process_that_cannot_be_looked_at_is_left_alone():
    machine = Machine()
    sampler = machine.sampler()
    machine.usage, machine.now_s = None, 3

    sampler.work()

    assert machine.written == []
    assert machine.sources == []


def test_at_the_end_the_system_says_what_was_used_in_all():
    used = SimpleNamespace(ru_utime=1.5, ru_stime=0.25, ru_maxrss=2000, ru_inblock=4, ru_oublock=10)

    linux = usage_at_end(used, platform="linux")
    mac = usage_at_end(used, platform="darwin")

    assert linux == Usage(1750.0, None, 2_048_000, 2048, 5120)
    assert mac == Usage(1750.0, None, 2000, None, None)


@pytest.fixture
def family():
    """A process whose child holds sixty megabytes."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    parent.stdout.readline()
    yield parent
    parent.communicate(timeout=30)


def test_what_its_children_use_counts_for_a_server(family):
    usage = usage_of(family.pid)

    assert usage.memory_bytes > 60 * MEGABYTE
    assert usage.cpu_ms > 0


def test_what_the_system_does_not_tell_is_unknown_and_the_rest_known(family, monkeypatch):
    def refuse(_):
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "io_counters", refuse)

    usage = usage_of(family.pid)

    assert (usage.disk_read_bytes, usage.disk_write_bytes) == (None, None)
    assert usage.memory_bytes > 60 * MEGABYTE


def test_of_a_process_that_is_gone_nothing_is_known(family):
    family.communicate(timeout=30)

    assert usage_of(family.pid) is None


def test_a_recorded_server_has_its_whole_use_in_the_store(recorded):
    work = "held = bytearray(80_000_000); sum(range(3_000_000))"

    recorded.run(sys.executable, "-c", work)

    [sample] = rows(recorded.store, "samples")
    [connection, *_] = rows(recorded.store, "connections")
    assert sample.connection_id == connection.connection_id
    assert sample.cpu_ms > 20
    assert 80 * MEGABYTE < sample.peak_memory_bytes < 300 * MEGABYTE
    assert (sample.disk_read_bytes is None) == (sys.platform != "linux")


def test_a_server_that_runs_on_is_looked_at_meanwhile(recorded):
    server = recorded.start("cat")

    until(lambda: recorded.store.exists() and rows(recorded.store, "samples"))
    server.stdin.close()
    server.wait(30)

    first, last = rows(recorded.store, "samples")
    assert first.memory_bytes > 0
    assert first.peak_memory_bytes is None
    assert last.peak_memory_bytes >= first.memory_bytes / 2
    assert last.sampled_at > first.sampled_at


def test_the_exit_code_is_the_servers_own(recorded):
    assert recorded.run(sys.executable, "-c", "raise SystemExit(7)").returncode == 7
