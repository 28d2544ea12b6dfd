"""How much a store keeps, and what follows from it for who writes and who reads.

Light to import: recorders and readers ask it. What goes is found in `leaving`, and goes in `prune`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from mcplens.errors import StoreError
from mcplens.store.files import cause, locked
from mcplens.store.layout import NO_DATE
from mcplens.store.location import create, is_store, open_store
from mcplens.store.manifest import Manifest, Retention, as_utc, load_manifest, save_manifest
from mcplens.store.parts import standing_parts
from mcplens.units import format_bytes, format_rate, format_span

if TYPE_CHECKING:
    from mcplens.store.layout import Store
    from mcplens.store.manifest import LiveFile

PART_AGE_S: Final = 600.0
"""How old a spool part may become where the store keeps an hour or more."""

HAPPENINGS: Final = ("events", "notices", "samples")
"""The tables whose rows leave by their own age; those of the others stay while these need them."""

UNLIMITED: Final = Retention(age_s=None, size_bytes=None)
"""What an archive keeps."""

SHORT_S: Final = 2 * 86_400.0
"""A store that keeps less than this keeps it to the moment; others may keep rows a day longer."""

_HOUR_S: Final = 3600.0
_SHORTEST_GRACE_S: Final = 60.0


class _Head(msgspec.Struct):
    retention: Retention = Retention()


def part_age_s(store: Store) -> float:
    """Say after how long a writer is to close a part, so that a short window empties itself."""
    try:
        age_s = msgspec.json.decode(store.manifest.read_bytes(), type=_Head).retention.age_s
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return PART_AGE_S
    return PART_AGE_S if age_s is None or age_s >= _HOUR_S else min(PART_AGE_S, age_s / 5)


def cutoff(manifest: Manifest, now: datetime) -> datetime | None:
    """Say from when on rows are shown, naive UTC; None where none that are past it wait for long.

    A row counts from the later of its table's time and its `recorded_at`.
    """
    age_s = manifest.retention.age_s
    return None if age_s is None or age_s >= SHORT_S else now - timedelta(seconds=age_s)


def believed_now(manifest: Manifest, *, now: float) -> float:
    """Say up to when a store ages by itself: to the end of the last day before today's recordings.

    So a clock that is ahead empties nothing the moment someone records by it. A short window is
    kept to the moment.
    """
    age_s = manifest.retention.age_s
    if age_s is None or age_s < SHORT_S:
        return now
    today = as_utc(now).date().isoformat()
    days = [file.date for file in manifest.files if file.table in HAPPENINGS and file.date < today]
    if not days:
        return min(now, 0.0)  # All there is is of today.
    begun = datetime.fromisoformat(max(days)).replace(tzinfo=UTC)
    return min(now, (begun + timedelta(days=1)).timestamp())


def grace_s(retention: Retention) -> float:
    """Say how long files stay that nobody is to read any more: an hour, or a shorter window."""
    if retention.age_s is None:
        return _HOUR_S
    return min(_HOUR_S, max(_SHORTEST_GRACE_S, retention.age_s))


def words(retention: Retention) -> str:
    """Say what a store keeps."""
    limits = [
        *([format_span(retention.age_s)] if retention.age_s is not None else []),
        *([f"at most {format_bytes(retention.size_bytes)}"] if retention.size_bytes else []),
    ]
    return f"keeps {' and '.join(limits) or 'everything'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a store is to keep, and what it does."""

    retention: Retention
    size_bytes: int
    """What Parquet and spool take."""
    first_date: str | None
    """The oldest day something of it happened on, UTC."""

    @property
    def words(self) -> str:
        """Say what it is to keep."""
        return words(self.retention)

    @property
    def grace(self) -> str:
        """Say how long files stay that it let go of."""
        return format_span(grace_s(self.retention))

    @property
    def sentence(self) -> str:
        """Say what it is to keep, and what of it is taken."""
        taken = format_bytes(self.size_bytes)
        limit = self.retention.size_bytes
        share = f" ({format_rate(self.size_bytes / limit)})" if limit else ""
        return f"The store {self.words}; {taken}{share} is taken."


def kept(store: Store) -> Kept:
    """Look up what a store is to keep, and what it does.

    Raises:
        StoreError: the manifest cannot be read.
    """
    manifest, _ = load_manifest(store)
    return Kept(
        retention=manifest.retention,
        size_bytes=kept_bytes(store, manifest),
        first_date=first_date(manifest.files),
    )


def first_date(files: Iterable[LiveFile]) -> str | None:
    """Name the oldest day that something happened on."""
    days = [file.date for file in files if file.table in HAPPENINGS and file.date != NO_DATE]
    return min(days, default=None)


def kept_bytes(store: Store, manifest: Manifest) -> int:
    """Add up what a store keeps: Parquet files that are read, and the spool."""
    spooled = 0
    for part in standing_parts(store, manifest):
        try:
            spooled += part.path.stat().st_size
        except FileNotFoundError:
            continue
    return spooled + sum(file.size_bytes for file in manifest.files)


def set_retention(store: Store, retention: Retention) -> None:
    """Write into a store what it is to keep.

    Raises:
        StoreError: the store cannot be written, or its archive is of no use.
    """
    # One that was set before is never made anew: its disk may only be away.
    if retention.archive not in {None, load_manifest(store)[0].retention.archive}:
        make_archive(Path(str(retention.archive)), of=store)
    _change(store, retention=retention)


def make_archive(path: Path, *, of: Store) -> Store:
    """Make a store that keeps everything, or take one that does.

    Raises:
        StoreError: it is the store itself, or does not keep everything, or cannot be made.
    """
    inside = path.resolve()
    if inside == of.path.resolve() or of.path.resolve() in inside.parents:
        raise StoreError(f"{path} is in the store itself. Name a folder beside it as its archive")
    is_new = not is_store(path)
    archive = create(path)
    if is_new:
        _change(archive, retention=UNLIMITED)
    return open_archive(path)


def open_archive(path: Path) -> Store:
    """Open an archive that was made before; never made anew, since its disk may only be away.

    Raises:
        StoreError: it is not there, or does not keep everything.
    """
    try:
        archive = open_store(path)
    except StoreError as trouble:
        raise StoreError(
            f"the archive {path} is not there, so nothing is moved or deleted. Bring it back, or "
            "go without: mcplens store retention --no-archive"
        ) from trouble
    kept = load_manifest(archive)[0].retention
    if (kept.age_s, kept.size_bytes) != (None, None):
        raise StoreError(
            f"{path} {words(kept)}, and an archive has to keep everything. Name another, or: "
            f"mcplens store retention --age forever --size unlimited --store {path}"
        )
    return archive


def _change(store: Store, *, retention: Retention) -> None:
    from mcplens.store.commit import begin  # heavy, and only who sets it needs it

    try:
        with locked(store.lock, wait=True):
            manifest = begin(store)
            moving = manifest.moving
            if (
                moving
                and moving.archive != retention.archive
                and not is_store(Path(moving.archive))
            ):
                moving = None  # It will not arrive there any more.
            save_manifest(
                store,
                msgspec.structs.replace(
                    manifest,
                    generation=manifest.generation + 1,
                    retention=retention,
                    moving=moving,
                ),
            )
    except OSError as trouble:
        raise StoreError(
            f"cannot write {store.path} ({cause(trouble)}). Allow writing there"
        ) from trouble
