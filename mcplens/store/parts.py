"""The parts of the spool, and whether anybody still writes to them."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from mcplens.store.files import take_lock

if TYPE_CHECKING:
    from mcplens.store.layout import Store
    from mcplens.store.manifest import Manifest

_NAME = re.compile(r"(?P<run_id>.+)-(?P<number>\d{5,})\.jsonl")


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One spool file of one writer."""

    run_id: str
    number: int
    path: Path


def part_path(store: Store, run_id: str, number: int) -> Path:
    """Name a spool part."""
    return store.spool / f"{run_id}-{number:05d}.jsonl"


def parse_part(path: Path) -> Part | None:
    """Recognise a spool part by its name."""
    match = _NAME.fullmatch(path.name)
    return match and Part(match["run_id"], int(match["number"]), path)


def list_parts(store: Store) -> list[Part]:
    """List the spool parts that stand in the folder, in the order they were written."""
    return sorted(part for path in store.spool.glob("*.jsonl") if (part := parse_part(path)))


def standing_parts(store: Store, manifest: Manifest) -> list[Part]:
    """List the spool parts whose rows are not in Parquet yet."""
    retired = {file.path for file in manifest.retired}
    return [part for part in list_parts(store) if store.relative(part.path) not in retired]


def closed_parts(store: Store, manifest: Manifest, *, besides: Collection[Path] = ()) -> list[Part]:
    """List the parts to be sealed, of every run up to the first that has to stay.

    The order matters: the end of a request is in the same part as its beginning, or in a later one.
    """
    closed = []
    runs = groupby(standing_parts(store, manifest), key=lambda part: part.run_id)
    for _, parts in runs:
        for part in parts:
            if part.path in besides or has_writer(part):
                break
            closed.append(part)
    return closed


def has_writer(part: Part) -> bool:
    """Say whether a living process still writes to a part."""
    try:
        descriptor = os.open(part.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # Whoever reads it next will say why it cannot be.
        return False
    try:
        # Shared: whoever else asks at the same moment must not be taken for a writer.
        return not take_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)
