"""Whether the mcplens that runs here will still be there when a client starts it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# What uvx and `uv run --with` build lies in one of these in uv's cache; pipx run has its own.
_PASSING: Final = frozenset({"archive-v0", "builds-v0", "environments-v2"})


def is_throw_away(prefix: Path | None = None, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether this Python lies in a cache, from where it is removed sooner or later."""
    place = (prefix or Path(sys.prefix)).resolve()
    uv_cache = environment.get("UV_CACHE_DIR")
    if uv_cache and place.is_relative_to(Path(uv_cache).resolve()):
        return True
    if _PASSING.intersection(place.parts):
        return True
    return "pipx" in place.parts and ".cache" in place.parts


def is_temporary(prefix: Path | None = None) -> bool:
    """Tell whether this Python lies among the temporary files."""
    place = (prefix or Path(sys.prefix)).resolve()
    return place.is_relative_to(Path(tempfile.gettempdir()).resolve())


def recorder_command(*, store: Path, config: Path | None, keep: str | None) -> list[str]:
    """Give the words that start the recorder from anywhere: all paths are absolute.

    Desktop clients start servers in `/` with hardly a PATH, and with the entry's own variables:
    those for the server's Python must not reach ours, so it is told to ignore them.
    """
    words = [
        sys.executable,
        "-E",
        "-P",
        "-m",
        "mcplens",
        "record",
        "--store",
        str(store.absolute()),
    ]
    if config is not None:
        words += ["--config", str(config.absolute())]
    if keep is not None:
        words += ["--keep", keep]
    return words
