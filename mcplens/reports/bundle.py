"""Vega, Vega-Lite and Vega-Embed as one script, to be written into a page.

Bundling takes seconds, so the script is kept in the user's cache. The cache only saves time: a
page is written without it as well.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

VEGALITE: Final = "6.4"
SNIPPET: Final = "window.vegaEmbed = vegaEmbed;"
LAST_WORDS: Final = "\n// whole"


def vega_script(cache: Path | None = None) -> str:
    """Give the script that puts `vegaEmbed` on the page's window.

    Args:
        cache: The folder it is kept in; the user's cache if not said.
    """
    import vl_convert

    kept = (cache or _user_cache()) / f"vega-lite-{VEGALITE}-{version('vl-convert-python')}.js"
    with suppress(OSError, UnicodeDecodeError):
        script = kept.read_text(encoding="utf-8")
        # A machine that lost power may have kept the name and not the content.
        if script.endswith(LAST_WORDS):
            return script
    script = vl_convert.javascript_bundle(SNIPPET, vl_version=VEGALITE) + LAST_WORDS
    with suppress(OSError):
        _keep(script, kept)
    return script


def _user_cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("mcplens", appauthor=False))


def _keep(script: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Under its final name only when it is whole: two reports may be written at once.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False
    ) as part:
        part.write(script)
    Path(part.name).replace(path)
