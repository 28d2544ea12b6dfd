"""Where a user's settings lie, and the key that hashes are made with."""

from __future__ import annotations
