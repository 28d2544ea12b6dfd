"""A notebook as JupyterLab shows it when it is only reopened, without a network."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser import Tab, chromium

pytestmark = pytest.mark.browser

OWN_FOLDERS = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)


@pytest.fixture
def lab(tmp_path):
    """Start a JupyterLab with settings of its own; give its folder and its address."""
    folder = tmp_path / "lab"
    folder.mkdir()
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"),
        *(f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=test"),
    ]
    own = {name: str(tmp_path / name.lower()) for name in OWN_FOLDERS}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **own}
    ) as server:
        try:
            yield folder, address_in(server.stderr)
        finally:
            server.terminate()
            try:
                server.communicate(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()  # It may wait for ever for a kernel that is ending too.


def address_in(log):
    lines = []
    for line in log:
        lines.append(line)
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            return found[0]
    raise AssertionError("".join(lines))


@pytest.mark.timeout(300)
def test_a_reopened_notebook_draws_its_charts_offline(lab, sample_run, chromium_path):
    folder, address = lab
    # No cell is run again: what is shown is what was saved.
    nbformat.write(sample_run, folder / "tool_report.ipynb")

    with chromium(chromium_path) as browser:
        tab = Tab(browser, reachable=address, viewport={"width": 1280, "height": 3000})
        tab.page.goto(f"{address}lab/tree/tool_report.ipynb?token=test")
        charts = tab.page.locator(".jp-RenderedVegaCommon5")

        # A chart holds several drawings: whether there are two charts only their number tells.
        expect(charts).to_have_count(2, timeout=60_000)
        for number in range(2):
            drawn = charts.nth(number).locator("canvas, svg").first
            expect(drawn).to_be_visible(timeout=60_000)
        too_wide = charts.evaluate_all("all => all.map(one => one.scrollWidth > one.clientWidth)")

    assert too_wide == [False, False]
    assert [url for url in tab.requested if not url.startswith(address)] == []
