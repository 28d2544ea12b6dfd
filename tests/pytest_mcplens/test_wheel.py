"""The plugin as people install it: from the wheel, whose asserts pytest rewrites too."""

import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PLAIN = ROOT / "tests" / "servers" / "plain.py"

pytest_plugins = ["pytester"]

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv builds the wheel, and is not here"),
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build the wheel and unpack it where it goes before the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(["uv", "build", "--wheel", "--out-dir", folder, ROOT], check=True, timeout=100)
    [wheel] = folder.glob("*.whl")
    site = folder / "site"
    zipfile.ZipFile(wheel).extractall(site)
    return site


def test_the_gate_works_from_the_wheel(installed, pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(installed))
    pytester.makepyfile(
        f"""
        import mcplens, pytest_mcplens

        def test_echo(mcp_server):
            assert mcplens.__file__.startswith({str(installed)!r})
            assert pytest_mcplens.__file__.startswith({str(installed)!r})
            for _ in range(59):
                assert mcp_server.call("echo", text="x").text == "x"
        """
    )

    result = pytester.runpytest_subprocess(
        "-W",
        "error",
        f"--mcp-target={shlex.join([sys.executable, str(PLAIN)])}",
        "--mcp-record=calls",
        "--mcp-budget=p95=5s success=95%",
    )

    assert result.ret == 0
    result.stdout.fnmatch_lines(["✓  plain:echo  59 calls *"])
