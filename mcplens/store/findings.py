"""What may be wrong with a store, in the words of a person who has to do something about it."""

from __future__ import annotations

from typing import Final, NamedTuple

REPAIR: Final = "`mcplens store verify --repair`"
"""What puts right what can be."""

KINDS: Final = (
    "manifest",
    "missing",
    "torn",
    "tampered",
    "unreadable",
    "conflict",
    "duplicate",
    "gap",
    "misdated",
    "foreign",
    "newer",
    "retention",
    "bad_lines",
    "quarantined",
    "permissions",
    "leftover",
    "views",
)
"""What may be found, the worst first."""

_NOTES: Final = frozenset(KINDS[KINDS.index("newer") :])
"""What does not change a number, or what cannot be read by design."""

_MENDABLE: Final = frozenset({"manifest", "torn", "tampered", "duplicate", "foreign"})
"""What is wrong and repairing puts right."""

_OUT_OF_SIGHT: Final = frozenset(
    {"missing", "torn", "unreadable", "newer", "bad_lines", "quarantined"}
)
"""What may hold rows that nobody can read as it is."""


class Finding(NamedTuple):
    """One thing that is not as it should be."""

    kind: str
    where: str
    """The file as the manifest names it, the run, or `.` for the store's folder."""
    what: str
    advice: str
    is_wrong: bool
    """Whether rows are missing or counted twice, or may be."""
    is_repaired: bool = False

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Sort the worst first."""
        return not self.is_wrong, KINDS.index(self.kind), self.where

    @property
    def is_mendable(self) -> bool:
        """Whether repairing puts it right."""
        return self.kind in _MENDABLE and not self.is_repaired

    @property
    def is_out_of_sight(self) -> bool:
        """Whether it may hold rows that nobody can read."""
        return self.kind in _OUT_OF_SIGHT and not self.is_repaired


def found(kind: str, where: str, what: str, advice: str) -> Finding:
    """Make a finding; its kind says whether it is wrong."""
    return Finding(kind, where, what, advice, is_wrong=kind not in _NOTES)
