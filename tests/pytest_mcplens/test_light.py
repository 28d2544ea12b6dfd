"""The plugin is loaded by every run of pytest in its environment, so it must cost nothing."""

import subprocess
import sys

HEAVY = ["duckdb", "pyarrow", "pandas", "altair", "mcp", "scipy", "anyio", "rich", "mcplens.store"]


def loaded_after(code):
    script = f"{code}\nimport sys\nprint('loaded:', *[m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    _, _, loaded = run.stdout.rpartition("loaded:")
    return loaded.split()


def test_importing_it_loads_nothing_heavy():
    assert loaded_after("import mcplens, pytest_mcplens.plugin") == []


def test_a_run_without_its_options_loads_nothing_heavy(tmp_path):
    (tmp_path / "test_other.py").write_text("def test_other(): pass")
    # Plugins of others load what they like.
    alone = ["-p", "no:anyio", "-p", "no:hypothesispytest", "-p", "no:platformdirs"]

    code = f"import pytest; assert pytest.main({[*alone, str(tmp_path)]}) == 0"

    assert loaded_after(code) == []


def test_the_options_are_understood_without_loading_anything_heavy():
    assert loaded_after("import pytest_mcplens.settings") == []
