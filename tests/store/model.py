"""What must be read in a store and in its archive, after whatever happened to them."""

from collections import Counter

from mcplens.store.manifest import load_manifest
from mcplens.store.retention import kept_bytes
from tests.store.standing import events_in, outcomes_in, spooled_in, standing_in


class Model:
    """What was spooled: how each event ended, or None while it is open."""

    def __init__(self, store, archive):
        self.store = store
        self.archive = archive
        self.killed = set()
        """Runs whose recorder is gone: what they left open is ended for them."""
        self.events = {}
        """What must be read: the outcome by event id."""
        self.days = {}
        self.moments = {}
        """From when on each event counts: when it began or was recorded."""
        self.shaken = set()
        """Events with a row in a file that was damaged: what is read of them may be less."""
        self.archived = {}
        """What must be read in the archive."""
        self.deleted = set()
        self.left_open = set()
        """Events that left while they were open: how they end may come after them."""

    # What happened

    def take(self, rows):
        """Expect what was spooled."""
        self.events |= {row.event_id: row.outcome for row in rows}
        self.days |= {row.event_id: row.started_at.date() for row in rows}
        self.moments |= {row.event_id: max(row.started_at, row.recorded_at) for row in rows}

    def shake(self, path):
        """Expect less of the events in a file that is about to be damaged."""
        self.shaken.update(event_id for event_id, _ in events_in(path))

    def let_go(self, wanted, *, moving, is_moved):
        """Expect no more what left. Fails on an event that left and was not to."""
        here, there = outcomes_in(self.store), outcomes_in(self.archive)
        left = {id_: self.events[id_] for id_ in set(self.events) - set(here)}
        assert set(left) <= wanted | moving | self.shaken
        for event_id, outcome in left.items():
            if event_id in there:
                self.archived[event_id] = outcome
            else:
                assert event_id in self.shaken or (event_id in wanted and not is_moved), event_id
                self.deleted.add(event_id)
            if outcome is None:
                self.left_open.add(event_id)
            del self.events[event_id]
        # That it was open was told earlier than how it ended, and may be too old alone.
        self.left_open |= {id_ for id_ in set(self.events) & set(there) if there[id_] is None}

    # What follows from it

    def before(self, limit):
        """Name the events that count from before a limit."""
        return {id_ for id_, moment in self.moments.items() if moment < limit}

    def of_run(self, run_id):
        """Name the events of a run."""
        return {id_ for id_ in self.moments if id_.split("-")[0] == run_id}

    def pruned_gaps(self):
        """Say what verify may find wrong with what left."""
        return {"gap"} if self.deleted or self.archived or self.left_open else set()

    def may_come_back(self):
        """Say whether a file stands whose rows nobody may read."""
        is_moving = load_manifest(self.store)[0].moving is not None
        return is_moving or not standing_in(self.store) <= set(self.events)

    # What must be so

    def check(self):
        """Fail unless each event is read once, in the store or in the archive."""
        here, there = outcomes_in(self.store), outcomes_in(self.archive)
        self._check(here, self.events)
        self._check(there, self.archived)
        is_moving = load_manifest(self.store)[0].moving is not None
        both = {id_ for id_ in set(here) & set(there) - self.shaken if there[id_] or not here[id_]}
        assert is_moving or both == set()
        assert set(here) <= set(self.events) | self.left_open
        assert set(there) - set(self.archived) - self.left_open - self.shaken <= both

    def check_rows(self, event_ids):
        """Fail unless these are the ids of all rows."""
        counted = Counter(event_ids)
        once = {id_ for id_, outcome in self.events.items() if outcome is not None}
        # A row that says a request was open may stand beside the one that ends it.
        assert set(counted) >= once - self.shaken
        assert set(counted) <= set(self.events) | self.left_open
        assert not [id_ for id_, count in counted.items() if count > 2]

    def check_ended(self, counted):
        """Fail unless these are the events that ended, each counted once."""
        certain = set(self.events) - self.shaken
        doubled = [id_ for id_, count in counted.items() if count != 1]
        assert doubled == []
        assert set(counted) <= set(self.events) | self.left_open
        missing = {id_ for id_ in certain if self.events[id_] is not None} - set(counted)
        assert missing == set()

    def check_that_all_left(self, wanted):
        """Fail when something stayed that was to leave."""
        # How a dead run's requests ended may have been recorded later than they began.
        sure = {id_ for id_ in wanted if self.events.get(id_)}
        here = set(outcomes_in(self.store))
        assert sure & here <= spooled_in(self.store) | self.shaken

    def check_that_the_oldest_left(self, before, *, is_done):
        """Fail when a day left before an older one, or when all of the newest left."""
        left = [self.days[id_] for id_ in before - set(self.events) - self.shaken]
        stays = set(self.events) - spooled_in(self.store) - self.shaken
        days = sorted(self.days[id_] for id_ in stays)
        if left and days:
            assert max(left) <= days[0]
            if max(left) == days[0] and is_done:
                assert days[0] == days[-1]

    def check_room(self, limit):
        """Fail when more stayed than there is room for."""
        manifest = load_manifest(self.store)[0]
        if not self.shaken:
            events = [file for file in manifest.files if file.table == "events"]
            assert kept_bytes(self.store, manifest) <= limit or len(events) <= 1

    def _check(self, outcomes, expected):
        for event_id, outcome in expected.items():
            if event_id in self.shaken:
                continue
            assert event_id in outcomes
            is_ended_for_it = event_id.split("-")[0] in self.killed
            allowed = {outcome, "unanswered"} if outcome is None and is_ended_for_it else {outcome}
            if event_id in self.left_open:
                allowed |= {None, "unanswered", "timeout"}
            assert outcomes[event_id] in allowed, (event_id, outcomes[event_id], outcome)
