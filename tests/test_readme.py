"""The README's commands run as they stand: block after block, in one folder, on real servers.

Every ```sh, ```console and ```python block from "Five minutes" on is run. In a ```console block the
lines after `$ ` are commands and the others what they print. A block that cannot be run here has
`<!-- not run: reason -->` on the line before it.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.readme import README

TOUR = "## Five minutes"
_BLOCK = re.compile(
    r"(?P<not_run><!-- not run: .+ -->\n)?^```(?P<language>sh|console|python)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    language: str
    text: str

    def command(self):
        if self.language == "python":
            return [sys.executable, "-c", self.text]
        lines = self.text.splitlines()
        if self.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return ["bash", "-euo", "pipefail", "-c", "\n".join(lines)]


def tour_of(text):
    """Cut out the blocks that are to be run, from the tour on."""
    _, _, tour = text.partition(f"\n{TOUR}\n")
    return [
        Block(found["language"], found["text"])
        for found in _BLOCK.finditer(tour)
        if not found["not_run"]
    ]


@pytest.mark.timeout(300)
def test_the_tour_runs_as_it_stands(tmp_path):
    blocks = tour_of(README.read_text())
    beside_python = Path(sys.executable).parent
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        "PATH": f"{beside_python}{os.pathsep}{os.environ['PATH']}",
    }

    assert len(blocks) >= 5
    for block in blocks:
        ran = subprocess.run(
            block.command(),
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert ran.returncode == 0, f"{block.text}\nends with {ran.returncode}:\n{ran.stdout}"


def test_blocks_are_found_in_their_order_and_marked_ones_left_out():
    text = (
        "## Before\n```sh\nno\n```\n"
        "## Five minutes\n"
        "```sh\none\n```\ntext\n"
        "<!-- not run: needs a browser -->\n```sh\nno\n```\n"
        "```json\nno\n```\n"
        "### Deeper\n```console\n$ two\nprinted\n$ three\n```\n"
        "## After\n```python\nfour\n```\n"
    )

    one, two, four = tour_of(text)

    assert one.command()[-1] == "one"
    assert two.command()[-1] == "two\nthree"
    assert four.command()[-1] == "four\n"
