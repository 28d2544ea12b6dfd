"""The mcp SDKs that clients still use, each in an environment of its own.

`python -m tests.sdks` builds them into `.venvs`, beside the project's own environment; tests that
need one say so where it is missing.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
OLD = {"1.24": "1.24.0", "1.30": "1.30.0"}
"""The first and the last of the 1.x line that is recorded; 2.3 is in the project's environment."""
_NEEDED = ("jsonschema-rs", "msgspec", "platformdirs")
"""All that recording needs besides Python, and what checks an outputSchema."""


def python_with(sdk):
    """Say where the interpreter with an SDK is; None where it is not built."""
    if sdk == "2.3":
        return sys.executable
    folder = Path(os.environ.get("MCPLENS_SDKS", ROOT / ".venvs"))
    python = folder / f"mcp-{sdk}" / "bin" / "python"
    return str(python) if (python.parent.parent / "built").exists() else None


def build():
    """Build what is missing; of several who build at once one does it."""
    folder = ROOT / ".venvs"
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for sdk, version in OLD.items():
            if python_with(sdk) is None:
                _build(folder / f"mcp-{sdk}", f"mcp=={version}")


def _build(place, sdk):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]
    pins = [p for p in settings["constraint-dependencies"] if p.split("==")[0] in _NEEDED]
    still = ["--exclude-newer", settings["exclude-newer"]]
    # Somewhere else: the project's own constraints would not let another mcp in.
    with tempfile.TemporaryDirectory() as elsewhere:
        for words in (
            ["venv", "--clear", "--python", sys.executable, place],
            ["pip", "install", "--python", place, *still, sdk, *pins],
        ):
            subprocess.run(["uv", "--quiet", *words], cwd=elsewhere, check=True)
    (place / "built").touch()
