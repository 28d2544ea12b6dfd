"""A store with a bit of everything that can be sealed, joined, moved or deleted, and its reader."""

import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

from mcplens import connect
from mcplens.metrics.connect import refresh
from mcplens.store.compact import compact
from mcplens.store.layout import Store
from mcplens.store.location import create
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import NOON, call, connection, definition, event, notice, run
from tests.store.looking import write_part

HOUR_S = 3600
DAY_S = 24 * HOUR_S

HOURS = (5, 6, 18)
"""When something happens on each day, UTC."""

DAYS = range(6, 0, -1)
"""So many days ago, the oldest first. None is today, which may become yesterday meanwhile."""

SEALED = ("a", "b", "c", "d")
CLOSED = ("e", "f")

_UNLINKED = {"live", "live-c1", "lost", "lost-c1"}


class Crowd:
    """Sealed, joined, closed and live runs, of six days each; what was replaced is due to go."""

    def __init__(self, path):
        today = datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        self.midnight = today
        self.events = {}
        """Every event by its id."""
        self.store = create(path)
        two_hours_ago = datetime.now(UTC).timestamp() - 2 * HOUR_S
        for number, run_id in enumerate(SEALED, start=1):
            self._write(run_id)
            seal(self.store, clock=lambda: two_hours_ago)
            if number == 2:
                compact(self.store, clock=lambda: two_hours_ago)
        for run_id in CLOSED:
            self._write(run_id)
        # Its recorder died while one request was under way.
        opened = event(run_id="lost", sequence=1, at=self.at(1, 7), outcome=None)
        self._note(opened)
        write_part(self.store, [opened], run_id="lost")

    def before(self, *, days, hour=0):
        """Name the sealed and closed events from before a moment so many days ago."""
        limit = self.midnight - timedelta(days=days) + timedelta(hours=hour)
        return {id_ for id_, one in self.events.items() if one.started_at < limit}

    def age_s(self, *, days, hour=0):
        """Say how long ago that moment is now."""
        limit = self.midnight - timedelta(days=days) + timedelta(hours=hour)
        return (datetime.now(UTC).replace(tzinfo=None) - limit).total_seconds()

    def at(self, days, hour):
        """Say when that is as the builders do."""
        at = self.midnight - timedelta(days=days) + timedelta(hours=hour)
        return (at - NOON).total_seconds()

    def files_of(self, event_ids):
        """Group events by the file they were first sealed into."""
        files = {}
        for id_ in event_ids:
            one = self.events[id_]
            files.setdefault((one.run_id, one.started_at.date()), set()).add(id_)
        return files.values()

    def _write(self, run_id):
        begun = {"run_id": run_id, "at": self.at(6, 1)}
        calls = [
            call(run_id=run_id, sequence=n, at=self.at(*when), work_ms=float(n))
            for n, when in enumerate(((day, hour) for day in DAYS for hour in HOURS), start=1)
        ]
        self._note(*calls)
        ended = self.midnight - timedelta(hours=1)
        rows = [
            run(**begun, ended_at=ended),
            connection(**begun, ended_at=ended),
            definition(**begun),
            *(notice(run_id=run_id, at=self.at(day, 8)) for day in DAYS),
            *calls,
        ]
        write_part(self.store, rows, run_id=run_id)

    def _note(self, *events):
        self.events |= {one.event_id: one for one in events}


class Copy:
    """A copy of a crowded store that may be worked on, with a recorder that is alive in it."""

    def __init__(self, crowd, path, *, archive=None):
        shutil.copytree(crowd.store.path, path)
        self.store = Store(path)
        self.archive = archive
        self.events = dict(crowd.events)
        self.numbers = count(1)
        self.spool = Spool(self.store, run_id="live")
        self.record(at=crowd.at(6, 5))
        self.record(at=crowd.at(1, 5))
        self._readers = {}

    def record(self, *, at):
        """Have the recorder that is alive record one more call."""
        one = call(run_id="live", sequence=next(self.numbers), at=at)
        self.spool.write([one])
        self.events[one.event_id] = one

    def everything(self):
        """Name all events there are, each with when it began and its work."""
        return {id_: (one.started_at, one.work_ms) for id_, one in self.events.items()}

    def remove(self):
        """End the recorder and the readers, and remove what they had."""
        self.spool.abandon()
        for reader in self._readers.values():
            reader.close()
        for one in self._stores():
            shutil.rmtree(one.path)

    def read(self, store=None):
        """Read all of the store, or of its archive, as a reader sees it now."""
        store = store or self.store
        if store.path not in self._readers:
            self._readers[store.path] = connect(store.path)
        refresh(self._readers[store.path])
        return Seen(self._readers[store.path])

    def state(self):
        """Tell one state of the manifests from another."""
        return [one.manifest.stat().st_mtime_ns for one in self._stores()]

    def _stores(self):
        return [one for one in (self.store, self.archive) if one is not None]


class Seen:
    """What a reader of a store sees."""

    def __init__(self, con):
        self.events = {}
        """When each event began, and its work."""
        self.times = Counter()
        """How often each row is there; that a request was open is another than how it ended."""
        self.missing_links = set()
        """Connections and runs that an event is of and that are not there."""
        for name, id_ in {"connections": "connection_id", "runs": "run_id"}.items():
            ids = [found for (found,) in con.sql(f"select {id_} from raw_{name}").fetchall()]
            used = con.sql(f"select distinct {id_} from raw_events").fetchall()
            self.times.update((name, one) for one in ids)
            self.missing_links |= {one for (one,) in used if one not in _UNLINKED} - set(ids)
        for name in ("definitions", "notices"):
            self.times.update((name, *row) for row in con.sql(f"from raw_{name}").fetchall())
        rows = con.sql("select event_id, outcome is null, started_at, work_ms from raw_events")
        for event_id, is_open, *values in rows.fetchall():
            self.events[event_id] = tuple(values)
            self.times["events", event_id, is_open] += 1
        self.set_aside = con.sql("from raw_set_aside").fetchall()

    def count(self, table):
        """Count the rows of a table that are no events."""
        return sum(count for (name, *_), count in self.times.items() if name == table)
