"""Whatever happens to a store, in whatever order: each event that was spooled is read once."""

import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mcplens.events import Event
from mcplens.metrics.connect import connect
from mcplens.store.compact import compact
from mcplens.store.lines import read_lines
from mcplens.store.location import create
from mcplens.store.manifest import load_manifest
from mcplens.store.quarantine import tidy
from mcplens.store.reading import readable_files
from mcplens.store.repair import repair
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from mcplens.store.verify import verify
from tests.builders import event, run
from tests.store.looking import event_ids_in

DAY_S = 86_400
GRACE_S = 3600.0
START_S = 1_763_640_000.0  # 2025-11-20 12:00 UTC


DUCKDB = duckdb.connect()

ACTS = [seal, compact, repair]
"""What may be interrupted by a crash between any two of its steps."""


class CrashError(Exception):
    """The process dies here."""


class Writer:
    """A recorder with a spool of its own."""

    def __init__(self, store, run_id, clock):
        self.run_id = run_id
        self.spool = Spool(store, run_id=run_id, max_bytes=2_000, clock=clock)
        self.sequence = 0
        self.open = []

    def begin(self, outcome, day):
        self.sequence += 1
        values = {"run_id": self.run_id, "sequence": self.sequence, "at": day * DAY_S}
        if outcome is None:
            self.open.append(values)
        return event(**values, outcome=outcome)

    def end_one(self):
        return event(**self.open.pop(), outcome="timeout")


class StoreMachine(RuleBasedStateMachine):
    """The model is what was spooled: how each event ended, or None while it is open."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="mcplens-machine-"))
        self.now = START_S
        self.writers = []
        self.killed = set()
        self.events = {}
        """What must be read: the outcome by event id."""
        self.shaken = set()
        """Events with a row in a file that was damaged: what is read of them may be less."""
        self.run_count = 0
        self.has_looked = False

    def clock(self):
        return self.now

    @initialize()
    def make(self):
        self.store = create(self.folder / "store")

    def teardown(self):
        for writer in self.writers:
            writer.spool.abandon()
        shutil.rmtree(self.folder)

    # What recorders do

    @rule(
        seat=st.integers(0, 2),
        outcomes=st.lists(st.sampled_from(["ok", "ok", "tool_error", None]), max_size=12),
        ended=st.integers(0, 2),
        day=st.integers(0, 1),
    )
    def record(self, seat, outcomes, ended, day):
        if seat >= len(self.writers):
            self.run_count += 1
            writer = Writer(self.store, f"r{self.run_count}", self.clock)
            writer.spool.write([run(run_id=writer.run_id)])
            self.writers.append(writer)
        else:
            writer = self.writers[seat]
        rows = [writer.end_one() for _ in range(min(ended, len(writer.open)))]
        rows += [writer.begin(outcome, day) for outcome in outcomes]
        self.events |= {row.event_id: row.outcome for row in rows}
        writer.spool.write(rows)

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), is_torn=st.booleans())
    def kill(self, data, is_torn):
        writer = data.draw(st.sampled_from(self.writers))
        self.writers.remove(writer)
        self.killed.add(writer.run_id)
        if is_torn:
            with writer.spool.path.open("ab") as tail:
                tail.write(b'{"table":"events","run_id":"' + writer.run_id.encode())
        writer.spool.abandon()

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def close(self, data):
        writer = data.draw(st.sampled_from(self.writers))
        self.writers.remove(writer)
        self.killed.add(writer.run_id)  # What it left open is ended as well.
        writer.spool.close()

    # What is done to the store

    @rule(act=st.sampled_from([*ACTS[:2], tidy]))
    def keep_house(self, act):
        act(self.store) if act is tidy else act(self.store, grace_s=GRACE_S, clock=self.clock)

    @rule()
    def verify(self):
        found = verify(self.store, grace_s=GRACE_S, clock=self.clock).findings
        wrong = {one.kind for one in found if one.is_wrong}
        told = {"torn", "tampered", "gap", "quarantined"} if self.shaken else set()
        assert wrong <= told, found

    @rule()
    def verify_and_repair(self):
        done = repair(self.store, grace_s=GRACE_S, clock=self.clock)
        standing = {one.kind for one in done.findings if one.is_wrong and not one.is_repaired}
        assert standing <= ({"quarantined"} if self.shaken else set()), done.findings

    # A place for `prune` and `archive`: they call theirs with self.clock, and take from self.events
    # what the store then no longer holds; `in_a_crash` takes them as further acts.

    @rule(act=st.sampled_from(ACTS), step=st.integers(1, 12))
    def in_a_crash(self, act, step):
        left = step

        def on_step(_):
            nonlocal left
            left -= 1
            if left == 0:
                raise CrashError

        with suppress(CrashError):
            act(self.store, grace_s=GRACE_S, clock=self.clock, on_step=on_step)

    @rule(hours=st.sampled_from([0.5, 1.1, 30.0]))
    def wait(self, hours):
        self.now += hours * 3600

    # What goes wrong

    @precondition(lambda self: self._live_events())
    @rule(data=st.data(), is_torn=st.booleans())
    def damage_a_file(self, data, is_torn):
        file = data.draw(st.sampled_from(self._live_events()))
        path = self.store.path / file.path
        self.shaken.update(event_id for event_id, _ in events_in(path))
        content = bytearray(path.read_bytes())
        if is_torn:
            content = content[:-50]
        else:
            content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)

    @precondition(lambda self: self.store.manifest.exists())
    @rule()
    def lose_both_manifests(self):
        self.store.manifest.write_bytes(b"{torn")
        self.store.manifest_backup.write_bytes(b"")
        repair(self.store, grace_s=GRACE_S, clock=self.clock)

    # What must be so

    @rule()
    def read_with_duckdb(self):
        try:
            counted = Counter(event_ids_in(self.store, con=DUCKDB))
        except duckdb.Error:
            assert self.shaken  # Damage inside of a page is met when it is read.
            return
        once = {id_ for id_, outcome in self.events.items() if outcome is not None}
        # A row that says a request was open may stand beside the one that ends it.
        assert set(counted) >= once - self.shaken
        assert set(counted) <= set(self.events)
        assert not [id_ for id_, count in counted.items() if count > 2]

    @precondition(lambda self: not self.has_looked)
    @rule()
    def read_with_the_views(self):
        self.has_looked = True  # Making all the views takes as long as everything else.
        con = connect(self.store.path)
        sql = "select event_id, count(*) from stg_events group by event_id"
        try:
            counted = con.sql(sql).fetchall()
        except duckdb.Error:
            assert self.shaken
            return
        certain = set(self.events) - self.shaken
        doubled = [id_ for id_, count in counted if count != 1]
        assert doubled == []
        ended = {id_ for id_, _ in counted}
        assert ended - set(self.events) == set()
        missing = {id_ for id_ in certain if self.events[id_] is not None} - ended
        assert missing == set()

    @invariant()
    def every_event_is_read_once(self):
        if not hasattr(self, "store"):
            return
        outcomes = outcomes_in(self.store)
        for event_id, outcome in self.events.items():
            if event_id in self.shaken:
                continue
            assert event_id in outcomes
            is_ended_for_it = event_id.split("-")[0] in self.killed
            allowed = {outcome, "unanswered"} if outcome is None and is_ended_for_it else {outcome}
            assert outcomes[event_id] in allowed, (event_id, outcomes[event_id], outcome)
        assert set(outcomes) <= set(self.events)

    def _live_events(self):
        # A file that was damaged before has nothing more to lose.
        files = [file for file in load_manifest(self.store)[0].files if file.table == "events"]
        return [file for file in files if events_in(self.store.path / file.path)]


def outcomes_in(store):
    """Read how each event ended, without DuckDB: quick. Fails on an end that is told twice."""
    readable = readable_files(store)
    rows = [row for path in readable.parquet["events"] for row in events_in(Path(path))]
    for tail in readable.tails:
        lines = [line for line in read_lines(Path(tail)) if isinstance(line, Event)]
        rows += [(line.event_id, line.outcome) for line in lines]
    outcomes = {}
    for event_id, outcome in rows:
        assert outcome is None or outcomes.get(event_id) is None, f"{event_id} ended twice"
        outcomes[event_id] = outcome or outcomes.get(event_id)
    return outcomes


def events_in(path):
    try:
        with pq.ParquetFile(path) as opened:
            read = opened.read(["event_id", "outcome"])
    except (OSError, ValueError):
        return []
    return list(zip(read["event_id"].to_pylist(), read["outcome"].to_pylist(), strict=True))


IN_BRIEF = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.timeout(600)
class TestStore(StoreMachine.TestCase):
    settings = IN_BRIEF


@pytest.mark.deep
@pytest.mark.timeout(7200)
class TestStoreAtLength(StoreMachine.TestCase):
    settings = settings(IN_BRIEF, max_examples=600, stateful_step_count=60)
