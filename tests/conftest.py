"""What all tests share: settings of their own, and the real parts that not every machine has."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from tests import sdks

# A slow machine is no finding.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def settings_of_their_own(tmp_path_factory, monkeypatch):
    """Keep the hash key and the stores of tests, and of what they start, away from the user's."""
    home = tmp_path_factory.mktemp("settings")
    monkeypatch.setenv("MCPLENS_CONFIG_DIR", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.delenv("MCPLENS_STORE", raising=False)


@pytest.fixture(scope="session")
def everything_js() -> str:
    """The path of server-everything's index.js."""
    default = ROOT / ".node/node_modules/@modelcontextprotocol/server-everything/dist/index.js"
    path = Path(os.environ.get("MCPLENS_EVERYTHING", default))
    return _real_part(
        "server-everything", str(path) if path.is_file() and shutil.which("node") else None
    )


@pytest.fixture(scope="session")
def python_with():
    """Give the interpreter that has an mcp SDK: 1.24, 1.30 or 2.3."""
    return lambda sdk: _real_part(f"mcp {sdk}", sdks.python_with(sdk))


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of a Chromium that Playwright can drive."""
    return _real_part("Chromium", shutil.which("chromium") or shutil.which("google-chrome"))


def _real_part(name: str, found: str | None) -> str:
    if found is None:
        sentence = f"{name} is not on this machine; .ci/run installs it"
        # In CI a part that is missing is a broken check, not a skipped one.
        if os.environ.get("MCPLENS_SKIP_NOTHING"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found
