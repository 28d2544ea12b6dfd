"""The manifest: which Parquet files are alive, and which files they replaced.

It is the only thing that decides what a reader sees. Whoever changes it holds the store's lock and
replaces it whole. A reader needs no lock: it lists the spool first and reads the manifest then, so
whatever was sealed in between is dropped from its list of tails.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mcplens.errors import NewerSchemaError, StoreError
from mcplens.store.files import replace_file

if TYPE_CHECKING:
    from mcplens.store.layout import Store

MANIFEST_FORMAT = 1
"""The version of the manifest itself."""

GRACE_S: Final = 3600.0
"""How long replaced files stay, for readers that began before."""


class LiveFile(msgspec.Struct, frozen=True, kw_only=True):
    """A Parquet file that is to be read."""

    table: str
    date: str
    """The day of its rows, UTC, as in its folder's name."""
    path: str
    """Where it is, from the store's folder."""
    row_count: int
    size_bytes: int
    schema_version: int
    """The newest schema_version among its rows."""
    digest: str | None = None
    """BLAKE2b of its bytes, 16 bytes in hex; of a file of before unknown."""
    columns_mark: str | None = None
    """Which columns it has, as `events.columns_mark` says it; of a file of before unknown."""


class QuarantinedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A Parquet file that was found damaged, as it was when it was alive."""

    file: LiveFile
    name: str
    """What it is called in the quarantine; once it is as it was, it can be taken back."""


class RetiredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A spool part or Parquet file whose rows now stand in other files."""

    path: str
    retired_at: datetime
    """When it was replaced, UTC; it is deleted some time later."""


class Unfinished(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A request or connection in Parquet of which no end was sealed yet."""

    run_id: str
    table: str
    id: str
    date: str


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How much a store keeps; None is no limit."""

    age_s: float | None = 400 * 86_400.0
    """How long rows stay after they happened and were recorded, in seconds."""
    size_bytes: int | None = 5_000_000_000
    """What Parquet and spool may take together."""
    archive: str | None = None
    """The store that takes what is too old or too much here, instead of its being deleted."""


class Moving(msgspec.Struct, frozen=True, kw_only=True):
    """Files on their way into an archive, which are here and may be there already."""

    archive: str
    paths: tuple[str, ...]
    digests: tuple[str, ...] = ()
    """Those of the files, in the same order; of a move that an earlier mcplens began unknown."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a store consists of."""

    format: int = MANIFEST_FORMAT
    generation: int = 0
    """Counts the changes."""
    files: tuple[LiveFile, ...] = ()
    retired: tuple[RetiredFile, ...] = ()
    pending: tuple[str, ...] = ()
    """Parquet files being written; leftovers of a crash if nobody holds the lock."""
    unfinished: tuple[Unfinished, ...] = ()
    quarantined: tuple[QuarantinedFile, ...] = ()
    retention: Retention = Retention()
    moving: Moving | None = None
    """What is on its way into an archive; until then nobody joins it with other files."""
    pruned_until: datetime | None = None
    """Of what happened before, UTC, some was let go of: a request that lacks was not lost."""
    taken: tuple[str, ...] = ()
    """Of an archive: digests of files that may still stand in the store they came from."""


def load_manifest(store: Store) -> tuple[Manifest, str | None]:
    """Read the manifest, or its backup; with the backup comes the reason.

    The backup is at most one change behind, and what that change replaced is still there.

    Raises:
        StoreError: neither can be read.
    """
    try:
        return _decode(store, store.manifest.read_bytes()), None
    except NewerSchemaError:
        raise
    except (OSError, msgspec.MsgspecError, UnicodeError) as trouble:
        reason = f"{store.manifest} cannot be read ({trouble}); its backup is used"
    try:
        return _decode(store, store.manifest_backup.read_bytes()), reason
    except (OSError, msgspec.MsgspecError, UnicodeError) as trouble:
        raise StoreError(
            f"{store.manifest} and its backup cannot be read ({trouble}). "
            f"Build them anew with `mcplens store verify --repair --store {store.path}`; "
            "no event has been deleted"
        ) from trouble


def save_manifest(store: Store, manifest: Manifest) -> None:
    """Replace the manifest; only for the holder of the store's lock."""
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    replace_file(store.manifest, content)
    replace_file(store.manifest_backup, content)


def is_backup_stale(store: Store) -> bool:
    """Tell whether the backup does not repeat a manifest that can be read."""
    try:
        content = store.manifest.read_bytes()
    except OSError:
        return False
    try:
        return store.manifest_backup.read_bytes() != content
    except OSError:
        return True


def as_utc(seconds: float) -> datetime:
    """Turn seconds since 1970 into the naive UTC of the raw tables."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


class _Header(msgspec.Struct):
    format: int


def _decode(store: Store, content: bytes) -> Manifest:
    header = msgspec.json.decode(content, type=_Header)
    if header.format > MANIFEST_FORMAT:
        raise NewerSchemaError(
            f"{store.manifest} has format {header.format}; this mcplens reads up to "
            f"{MANIFEST_FORMAT}. Upgrade mcplens to read the store"
        )
    manifest = msgspec.json.decode(content, type=Manifest)
    # What the manifest names is deleted one day: nothing outside of the store.
    names = [
        *(file.path for file in manifest.files),
        *(file.path for file in manifest.retired),
        *manifest.pending,
        *(held.file.path for held in manifest.quarantined),
        *(held.name for held in manifest.quarantined),
    ]
    if outside := [name for name in names if name.startswith("/") or ".." in name.split("/")]:
        raise msgspec.ValidationError(f"{outside[0]} is not inside the store")
    return manifest
