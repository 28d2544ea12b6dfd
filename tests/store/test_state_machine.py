"""Whatever happens to a store, in whatever order: each event that was spooled is read once."""

import shutil
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mcplens.metrics.connect import connect
from mcplens.store.compact import compact
from mcplens.store.housekeeping import keep_house
from mcplens.store.location import create
from mcplens.store.manifest import Retention, load_manifest
from mcplens.store.prune import prune
from mcplens.store.quarantine import tidy
from mcplens.store.repair import repair
from mcplens.store.retention import kept_bytes, make_archive, set_retention
from mcplens.store.seal import seal
from mcplens.store.verify import verify
from mcplens.store.wanted import Wanted
from tests.builders import NOON, run
from tests.store.happening import DAY_S, Attempt, Writer, damage
from tests.store.looking import event_ids_in
from tests.store.model import Model
from tests.store.standing import events_in, moving_in

GRACE_S = 3600.0
NOON_S = 1_795_176_000.0
START_S = 1_795_435_200.0  # 2026-11-23 12:00 UTC: three days after the first events

DUCKDB = duckdb.connect()

STEPS = st.one_of(st.just(0), st.integers(1, 16))
"""At which step the process dies; at none for 0."""

ACTS = [seal, compact, repair]
"""What may be interrupted by a crash between any two of its steps."""


class StoreMachine(RuleBasedStateMachine):
    """What is done to a store, in any order; the model says what must be read after it."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="mcplens-machine-"))
        self.now = START_S
        self.writers = []
        self.run_count = 0
        self.has_looked = False

    def clock(self):
        return self.now

    @initialize()
    def make(self):
        self.store = create(self.folder / "store")
        self.archive = make_archive(self.folder / "archive", of=self.store)
        self.model = Model(self.store, self.archive)
        self._keep_everything()

    def teardown(self):
        for writer in self.writers:
            writer.spool.abandon()
        shutil.rmtree(self.folder)

    # What recorders do

    @rule(
        seat=st.integers(0, 2),
        outcomes=st.lists(st.sampled_from(["ok", "ok", "tool_error", None]), max_size=12),
        ended=st.integers(0, 2),
        day=st.integers(0, 3),
        is_late=st.booleans(),
    )
    def record(self, seat, outcomes, ended, day, is_late):
        if seat >= len(self.writers):
            self.run_count += 1
            writer = Writer(self.store, f"r{self.run_count}", self.clock)
            writer.spool.write([run(run_id=writer.run_id)])
            self.writers.append(writer)
        else:
            writer = self.writers[seat]
        rows = [writer.end_one() for _ in range(min(ended, len(writer.open)))]
        rows += [writer.begin(outcome, day, is_late=is_late) for outcome in outcomes]
        self.model.take(rows)
        writer.spool.write(rows)

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), is_torn=st.booleans())
    def kill(self, data, is_torn):
        writer = data.draw(st.sampled_from(self.writers))
        self.writers.remove(writer)
        self.model.killed.add(writer.run_id)
        if is_torn:
            with writer.spool.path.open("ab") as tail:
                tail.write(b'{"table":"events","run_id":"' + writer.run_id.encode())
        writer.spool.abandon()

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def close(self, data):
        writer = data.draw(st.sampled_from(self.writers))
        self.writers.remove(writer)
        self.model.killed.add(writer.run_id)  # What it left open is ended as well.
        writer.spool.close()

    # What is done to the store

    @rule(act=st.sampled_from([*ACTS[:2], tidy]))
    def keep_house(self, act):
        act(self.store) if act is tidy else act(self.store, grace_s=GRACE_S, clock=self.clock)

    @rule()
    def verify(self):
        found = verify(self.store, grace_s=GRACE_S, clock=self.clock).findings
        wrong = {one.kind for one in found if one.is_wrong}
        told = {"torn", "tampered", "gap", "quarantined"} if self.model.shaken else set()
        assert wrong <= told | self.model.pruned_gaps(), found

    @rule()
    def verify_and_repair(self):
        done = repair(self.store, grace_s=GRACE_S, clock=self.clock)
        standing = {one.kind for one in done.findings if one.is_wrong and not one.is_repaired}
        told = {"quarantined"} if self.model.shaken else set()
        assert standing <= told | self.model.pruned_gaps(), done.findings

    @rule(act=st.sampled_from(ACTS), step=st.integers(1, 12))
    def in_a_crash(self, act, step):
        with Attempt(step) as attempt:
            act(self.store, grace_s=GRACE_S, clock=self.clock, on_step=attempt.on_step)

    # What leaves it

    @rule(
        day=st.integers(0, 5),
        minutes=st.sampled_from([0, 5, 20]),
        is_moved=st.booleans(),
        step=STEPS,
    )
    def prune_by_age(self, day, minutes, is_moved, step):
        limit = NOON + timedelta(days=day, minutes=minutes)
        with self.letting_go(self.model.before(limit), is_moved=is_moved, step=step) as attempt:
            self._prune(Wanted(limit=limit), is_moved=is_moved, attempt=attempt)

    @precondition(lambda self: self.run_count)
    @rule(data=st.data(), is_moved=st.booleans(), step=STEPS)
    def prune_by_run(self, data, is_moved, step):
        run_id = f"r{data.draw(st.integers(1, self.run_count))}"
        wanted = Wanted(run_ids=frozenset({run_id}))
        with self.letting_go(self.model.of_run(run_id), is_moved=is_moved, step=step) as attempt:
            self._prune(wanted, is_moved=is_moved, attempt=attempt)

    @rule(share=st.sampled_from([0.2, 0.5, 0.9]), is_moved=st.booleans(), step=STEPS)
    def prune_by_size(self, share, is_moved, step):
        limit = int(kept_bytes(self.store, load_manifest(self.store)[0]) * share)
        with self.letting_go_of_days(is_moved=is_moved, step=step, limit=limit) as attempt:
            self._prune(Wanted(size_bytes=limit), is_moved=is_moved, attempt=attempt)

    @rule(days=st.sampled_from([0.25, 1.0, 3.0]), is_moved=st.booleans())
    def keep_house_by_age(self, days, is_moved):
        archive = str(self.archive.path) if is_moved else None
        keeping = Retention(age_s=days * DAY_S, size_bytes=None, archive=archive)
        set_retention(self.store, keeping)
        going = self.model.before(NOON + timedelta(seconds=self.now - NOON_S - days * DAY_S))
        with self.letting_go(going, is_moved=is_moved, is_exact=days < 2):
            keep_house(self.store, at_least=2, clock=self.clock)
        self._keep_everything()

    @rule(share=st.sampled_from([0.2, 0.5, 0.9]), is_moved=st.booleans())
    def keep_house_by_size(self, share, is_moved):
        limit = int(kept_bytes(self.store, load_manifest(self.store)[0]) * share) or 1
        archive = str(self.archive.path) if is_moved else None
        set_retention(self.store, Retention(age_s=None, size_bytes=limit, archive=archive))
        # It is sealed first, which makes it smaller: nobody knows how much then has to leave.
        with self.letting_go_of_days(is_moved=is_moved, limit=limit):
            keep_house(self.store, at_least=2, clock=self.clock)
        self._keep_everything()

    @rule()
    def compact_the_archive(self):
        compact(self.archive, grace_s=GRACE_S, clock=self.clock)

    @rule()
    def verify_the_archive(self):
        found = verify(self.archive, grace_s=GRACE_S, clock=self.clock).findings
        wrong = {one.kind for one in found if one.is_wrong}
        damage = {"torn", "tampered"} if self.model.shaken else set()
        assert wrong <= damage | {"gap"}, found

    @contextmanager
    def letting_go(self, wanted, *, is_moved, step=0, is_exact=True):
        """Let these events leave, perhaps until a crash; no other may, and all have to."""
        moving = moving_in(self.store)
        with Attempt(step) as attempt:
            yield attempt
        self.model.let_go(wanted, moving=moving, is_moved=is_moved)
        if is_exact and attempt.is_done:
            self.model.check_that_all_left(wanted)

    @contextmanager
    def letting_go_of_days(self, *, is_moved, limit, step=0):
        """Let the oldest days leave, and of the newest never all."""
        before = set(self.model.events)
        had_moving = load_manifest(self.store)[0].moving is not None
        with self.letting_go(before, is_moved=is_moved, step=step, is_exact=False) as attempt:
            yield attempt
        if not had_moving:
            self.model.check_that_the_oldest_left(before, is_done=attempt.is_done)
        if attempt.is_done:
            self.model.check_room(limit)

    def _prune(self, wanted, *, is_moved, attempt):
        archive = self.archive.path if is_moved else None
        seal(self.store, grace_s=GRACE_S, clock=self.clock)  # As the command does.
        prune(self.store, wanted, archive=archive, clock=self.clock, on_step=attempt.on_step)

    def _keep_everything(self):
        set_retention(self.store, Retention(age_s=None, size_bytes=None))

    @rule(hours=st.sampled_from([0.5, 1.1, 30.0]))
    def wait(self, hours):
        self.now += hours * 3600

    # What goes wrong

    @precondition(lambda self: self._live_events())
    @rule(data=st.data(), is_torn=st.booleans())
    def damage_a_file(self, data, is_torn):
        file = data.draw(st.sampled_from(self._live_events()))
        path = self.store.path / file.path
        self.model.shake(path)
        damage(path, is_torn=is_torn)

    # What left and is not deleted yet would come back: then only the manifest tells.
    @precondition(lambda self: self.store.manifest.exists() and not self.model.may_come_back())
    @rule()
    def lose_both_manifests(self):
        self.store.manifest.write_bytes(b"{torn")
        self.store.manifest_backup.write_bytes(b"")
        repair(self.store, grace_s=GRACE_S, clock=self.clock)
        self._keep_everything()

    # What must be so

    @rule()
    def read_with_duckdb(self):
        try:
            event_ids = event_ids_in(self.store, con=DUCKDB)
        except duckdb.Error:
            assert self.model.shaken  # Damage inside of a page is met when it is read.
            return
        self.model.check_rows(event_ids)

    @precondition(lambda self: not self.has_looked)
    @rule()
    def read_with_the_views(self):
        self.has_looked = True  # Making all the views takes as long as everything else.
        con = connect(self.store.path)
        sql = "select event_id, count(*) from stg_events group by event_id"
        try:
            counted = con.sql(sql).fetchall()
        except duckdb.Error:
            assert self.model.shaken
            return
        self.model.check_ended(dict(counted))

    @invariant()
    def every_event_is_read_once(self):
        if hasattr(self, "model"):
            self.model.check()

    def _live_events(self):
        # A file that was damaged before has nothing more to lose.
        files = [file for file in load_manifest(self.store)[0].files if file.table == "events"]
        return [file for file in files if events_in(self.store.path / file.path)]


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
