"""The parts of the spool, and whether anybody still writes to them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcplens.store.files import take_lock

if TYPE_CHECKING:
    from mcplens.store.layout import Store

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


def has_writer(part: Part) -> bool:
    """Say whether a living process still writes to a part.

    Raises:
        OSError: the part is gone or cannot be opened.
    """
    descriptor = os.open(part.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return not take_lock(descriptor)
    finally:
        os.close(descriptor)
