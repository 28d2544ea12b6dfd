"""Looking through a store for whatever is not as it should be; nothing is changed.

No lock is taken: who seals or joins meanwhile leaves everything in its place for an hour.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mcplens.errors import NewerSchemaError, StoreError
from mcplens.events import SCHEMA_VERSION
from mcplens.store.damage import examine, newer_reason
from mcplens.store.duplicates import batches_of_part, find_doubles
from mcplens.store.files import cause
from mcplens.store.findings import REPAIR, Finding, found
from mcplens.store.layout import REASON
from mcplens.store.leftovers import look_around
from mcplens.store.lines import BadLine, newest_schema
from mcplens.store.manifest import GRACE_S, Manifest, load_manifest
from mcplens.store.parts import Part, has_writer, list_parts
from mcplens.store.reading import foreign_parquet, newer_schema
from mcplens.store.tally import Gap, Tally

if TYPE_CHECKING:
    import pyarrow as pa

    from mcplens.store.duplicates import Double
    from mcplens.store.layout import Store
    from mcplens.store.manifest import LiveFile

_SHOWN = 5
"""Ids and stretches that are written out; of the others the number."""

OnProgress = Callable[[int, int], None]
"""Takes how many bytes are done, and how many there are in all."""


@dataclass(slots=True, kw_only=True)
class Verified:
    """What was found in a store."""

    findings: list[Finding] = field(default_factory=list)
    """The worst first."""
    file_count: int = 0
    part_count: int = 0
    row_count: int = 0
    doubles: list[Double] = field(default_factory=list)
    doubtful: set[Path] = field(default_factory=set)
    """Parquet files whose bytes are not those that were written."""

    @property
    def is_fine(self) -> bool:
        """Whether nothing is wrong that stands."""
        return not any(found.is_wrong and not found.is_repaired for found in self.findings)


def verify(
    store: Store,
    *,
    grace_s: float = GRACE_S,
    clock: Callable[[], float] = time.time,
    on_progress: OnProgress = lambda *_: None,
) -> Verified:
    """Read all of a store once, and what stands there twice once more.

    Raises:
        NewerSchemaError: the manifest is of a later mcplens.
    """
    # In this order, as every reader: what is sealed in between is retired in the manifest.
    spooled = list_parts(store)
    try:
        manifest, trouble = load_manifest(store)
    except NewerSchemaError:
        raise
    except StoreError as error:
        what = str(error).partition(". ")[0]
        lost = found("manifest", store.manifest.name, what, f"{REPAIR} builds it anew")
        return Verified(findings=[lost])
    retired = {file.path for file in manifest.retired}
    parts = [part for part in spooled if store.relative(part.path) not in retired]
    work = _Work(store=store, manifest=manifest, parts=parts, on_progress=on_progress)
    if trouble:
        advice = f"{REPAIR} writes it again, and so does whoever seals next"
        work.note("manifest", store.manifest.name, trouble, advice)
    work.read_files()
    work.read_parts()
    work.look_for_doubles()
    work.look_for_gaps()
    for path in foreign_parquet(store, manifest):
        work.note(
            "foreign", store.relative(path), "is not in the manifest", f"{REPAIR} moves it away"
        )
    work.look_into_quarantine()
    for kind, where, what, advice in look_around(store, manifest, grace_s=grace_s, now=clock()):
        work.note(kind, where, what, advice)
    work.result.row_count = work.tally.row_count
    work.result.findings.sort(key=lambda one: one.rank)
    return work.result


@dataclass(slots=True, kw_only=True)
class _Work:
    store: Store
    manifest: Manifest
    parts: list[Part]
    on_progress: OnProgress
    result: Verified = field(default_factory=Verified)
    tally: Tally = field(default_factory=Tally)
    out_of_sight: int = 0
    """Events in files that are known and that cannot be read."""
    done: int = 0

    def note(self, kind: str, where: str, what: str, advice: str) -> None:
        self.result.findings.append(found(kind, where, what, advice))

    def read_files(self) -> None:
        for file in self.manifest.files:
            self._read_file(file)
            self._done(file.size_bytes)
        self.result.file_count = len(self.manifest.files)

    def read_parts(self) -> None:
        for part in self.parts:
            try:
                size = part.path.stat().st_size
                self._read_part(part)
            except FileNotFoundError:
                continue  # Its writer closed it empty.
            except OSError as trouble:
                self._unreadable(self.store.relative(part.path), cause(trouble))
                continue
            self._done(size)
        self.result.part_count = len(self.parts)

    def look_for_doubles(self) -> None:
        doubled = self.tally.doubled()
        doubles = find_doubles(self.store, self.manifest, self.parts, doubled)
        self.result.doubles = doubles
        groups: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
        for double in doubles:
            places = " and ".join(sorted({copy.path for copy in double.copies}))
            groups[double.table, places, double.is_exact].append(double.id)
        for (table, places, is_exact), ids in groups.items():
            listed = _listed(sorted(ids))
            if is_exact:
                advice = f"{REPAIR} keeps one of each"
                self.note("duplicate", places, f"{table} that stand twice: {listed}", advice)
            else:
                what = f"{table} that are told twice and differently: {listed}"
                self.note("conflict", places, what, "Both are kept: nobody can tell which is right")

    def look_for_gaps(self) -> None:
        room = self.out_of_sight + self._quarantined_count()
        for gap in self.tally.gaps(pruned_until=self.manifest.pruned_until):
            more = gap.missing_count - gap.lost_count
            if more <= room:
                room -= more  # They may well be where nobody can read them, which is told.
                continue
            self.note("gap", gap.run_id, _lacking(gap), "Look for its files in a copy of the store")

    def look_into_quarantine(self) -> None:
        held = {one.name: one.file for one in self.manifest.quarantined}
        folder = self.store.quarantine
        explained = {path.name.removesuffix(REASON) for path in folder.glob(f"*{REASON}")}
        missed = {name for name in held if (folder / name).exists()}
        for name in sorted(explained | missed):
            path = folder / f"{name}{REASON}"
            try:
                reason = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
            except OSError as trouble:
                reason = f"its reason cannot be read ({cause(trouble)})"
            file = held.get(name)
            rows = f"{file.row_count} rows of {file.table}: " if file else ""
            where = self.store.relative(path.with_name(name))
            # Rows that are nowhere else: that is wrong until a person gives them up.
            advice = "Delete it when you have seen it"
            told = found("quarantined", where, rows + reason, advice)
            self.result.findings.append(told._replace(is_wrong=name in missed))

    def _quarantined_count(self) -> int:
        """Count the events that lie in the quarantine, and the lines, which may have been some."""
        held = (one.file for one in self.manifest.quarantined)
        events = sum(file.row_count for file in held if file.table == "events")
        return events + sum(map(_line_count, self.store.quarantine.glob("*.jsonl")))

    def _read_file(self, file: LiveFile) -> None:
        def on_batch(batch: pa.RecordBatch) -> None:
            self.tally.take(file.table, batch)

        damage = examine(self.store, file, on_batch=on_batch)
        if damage is None:
            return
        if file.table == "events" and damage.kind not in {"tampered", "misdated"}:
            self.out_of_sight += file.row_count
        if damage.is_in_the_bytes:
            self.result.doubtful.add(self.store.path / file.path)
        if damage.kind == "newer":
            self.note("newer", file.path, newer_reason(self.store, file), "It stays where it is")
        elif damage.kind == "unreadable":
            advice = "See that it can be read, and verify again"
            self.note("unreadable", file.path, damage.what, advice)
        elif damage.kind == "missing":
            self.note("missing", file.path, damage.what, "Bring it back from a copy of the store")
        elif damage.kind == "misdated":
            self.note("misdated", file.path, damage.what, "They are read, but not pruned by date")
        else:
            advice = f"Bring it back from a copy of the store, or {REPAIR} moves it away"
            self.note(damage.kind, file.path, damage.what, advice)

    def _read_part(self, part: Part) -> None:
        where = self.store.relative(part.path)
        if (version := newest_schema(part.path)) > SCHEMA_VERSION:
            self.out_of_sight += _line_count(part.path)
            what = newer_schema(part.path, version)
            self.note("newer", where, what, "It stays where it is")
            return
        bad: Counter[bool] = Counter()
        for read in batches_of_part(part.path):
            if isinstance(read, BadLine):
                bad[read.is_torn] += 1
                self.tally.lost_line(part.run_id)
            else:
                self.tally.take(*read)
        if bad[False]:
            what = f"has {bad[False]} lines that are no rows; the others are read"
            self.note("bad_lines", where, what, "They are quarantined when the part is sealed")
        if bad[True] and not _may_have_writer(part):
            what = "ends in half a line, as a killed recorder leaves it"
            self.note("bad_lines", where, what, "Nothing to do: it was never acknowledged")

    def _unreadable(self, where: str, why: str) -> None:
        self.note("unreadable", where, f"cannot be read ({why})", "Allow reading it")

    def _done(self, size: int) -> None:
        self.done += size
        files = sum(file.size_bytes for file in self.manifest.files)
        self.on_progress(self.done, files + sum(_size(part.path) for part in self.parts))


def _may_have_writer(part: Part) -> bool:
    try:
        return has_writer(part)
    except OSError:
        return True  # A file system without locks cannot tell.


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _line_count(path: Path) -> int:
    try:
        with path.open("rb") as lines:
            return sum(1 for _ in lines)
    except OSError:
        return 0


def _listed(ids: list[str]) -> str:
    more = len(ids) - _SHOWN
    return ", ".join(ids[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _lacking(gap: Gap) -> str:
    stretches = [f"{a}" if a == b else f"{a} to {b}" for a, b in gap.missing]
    told = f"; it says it lost {gap.lost_count}" if gap.lost_count else ""
    return f"lacks {gap.missing_count} requests: {_listed(stretches)}{told}"
