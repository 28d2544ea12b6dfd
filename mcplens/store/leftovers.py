"""What lies about in a store: leftovers, open doors, an old views.sql, a backup of another day."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcplens.events import TABLES
from mcplens.store.files import TEMPORARY, locked, replace_file
from mcplens.store.findings import REPAIR
from mcplens.store.layout import SEED_TAIL, VIEWS_SQL
from mcplens.store.manifest import as_utc, is_backup_stale, load_manifest, save_manifest
from mcplens.store.parts import parse_part

if TYPE_CHECKING:
    from mcplens.store.layout import Store
    from mcplens.store.manifest import Manifest

_OURS: Final = re.compile(
    r"manifest(\.backup)?\.json\.tmp|views\.sql(\.\d+)?\.tmp|\.gitignore\.\d+\.tmp"
    r"|seed\.(parquet|jsonl)\.\d+\.tmp|.+-\d{5,}\.jsonl\.tmp|.+\.reason\.txt\.tmp"
)
"""Names that only mcplens gives while it writes, of what it writes again or wrote elsewhere too."""

_MODE: Final = 0o700
_Told = tuple[str, str, str, str]


def look_around(store: Store, manifest: Manifest, *, grace_s: float, now: float) -> Iterator[_Told]:
    """Say kind, place, what and what to do of everything that lies about."""
    mode = stat.S_IMODE(store.path.stat().st_mode)
    if mode & 0o077:
        what = f"is open to other users (mode {mode:04o})"
        yield "permissions", ".", what, f"{REPAIR} closes it"
    if _is_stale(store.views_sql):
        what = "is not the one of this mcplens"
        yield "views", store.views_sql.name, what, f"{REPAIR} writes it again"
    if is_backup_stale(store):
        what = "does not repeat the manifest"
        yield "leftover", store.manifest_backup.name, what, f"{REPAIR} writes it again"
    limit = as_utc(now) - timedelta(seconds=grace_s)
    late = [file.path for file in manifest.retired if file.retired_at <= limit]
    for name in late:
        if (store.path / name).exists():
            yield "leftover", name, "was replaced long ago", f"{REPAIR} deletes it"
    for path in temporaries(store, before=now - grace_s):
        ours = _is_ours(path)
        advice = f"{REPAIR} deletes it" if ours else "Delete it if nobody needs it"
        yield "leftover", store.relative(path), "was begun and never finished", advice
    for path in sorted(store.spool.glob("*.jsonl")):
        if path.name != SEED_TAIL and parse_part(path) is None:
            what = "is no spool part, so it is not read"
            yield "leftover", store.relative(path), what, "Move it out of the store"


def temporaries(store: Store, *, before: float) -> list[Path]:
    """List what was being written and is not any more."""
    folders = [store.path, store.spool, store.quarantine]
    found = [path for folder in folders for path in folder.glob(f"*{TEMPORARY}")]
    found += [p for table in TABLES for p in (store.path / table).glob(f"*/*{TEMPORARY}")]
    return sorted(path for path in found if _is_older(path, before))


def clear_up(store: Store, *, grace_s: float, now: float) -> None:
    """Close the folder, write what is stale again, and delete what mcplens itself left behind."""
    if stat.S_IMODE(store.path.stat().st_mode) & 0o077:
        store.path.chmod(_MODE)
    with locked(store.lock, wait=True):
        manifest, _ = load_manifest(store)
        if is_backup_stale(store):
            save_manifest(store, manifest)
        if _is_stale(store.views_sql):
            replace_file(store.views_sql, VIEWS_SQL.read_bytes())
        for path in temporaries(store, before=now - grace_s):
            if _is_ours(path):
                path.unlink(missing_ok=True)


def _is_stale(views: Path) -> bool:
    # Who took it out of a store, as of one that is given away, wants it out.
    return VIEWS_SQL.exists() and views.exists() and _content(views) != VIEWS_SQL.read_bytes()


def _is_ours(path: Path) -> bool:
    # A part has its first row only when it has its name.
    is_part = path.name.endswith(f".jsonl{TEMPORARY}")
    return bool(_OURS.fullmatch(path.name)) and not (is_part and path.stat().st_size)


def _is_older(path: Path, limit: float) -> bool:
    try:
        return path.is_file() and path.stat().st_mtime <= limit
    except OSError:
        return False


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
