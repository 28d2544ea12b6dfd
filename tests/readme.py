"""The README's tables, made from what the code says of itself.

`python -m tests.readme` writes them into README.md; a test compares them with what stands there.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

import mcplens
from mcplens.capture.imports.registry import FORMATS
from mcplens.cli.group import cli
from mcplens.events import TABLES
from mcplens.metrics.catalogue import view_catalogue
from mcplens.store.location import create
from pytest_mcplens.options import OPTIONS
from tests.matrix.table import COLUMNS, EXPECTED, ROWS

README = Path(__file__).parent.parent / "README.md"
_BLOCK = re.compile(r"(<!-- made: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def current(text: str) -> str:
    """Put every made table of a README in its current form."""
    return _BLOCK.sub(lambda found: found[1] + TABLES_OF_README[found["name"]]() + found[3], text)


def _commands() -> str:
    with click.Context(cli) as context:
        rows = [
            (f"`mcplens {name}`", command.get_short_help_str(limit=200))
            for name in cli.list_commands(context)
            if (command := cli.get_command(context, name)) is not None
        ]
    return _table(("command", "what it does"), rows)


def _views() -> str:
    with tempfile.TemporaryDirectory() as folder, mcplens.connect(create(Path(folder)).path) as con:
        rows = [
            (f"`{view.name}`", view.comment)
            for view in view_catalogue(con)
            if view.layer == "marts"
        ]
    return _table(("view", "what it answers"), rows)


def _raw_tables() -> str:
    rows = [(f"`{name}`", str(row.__doc__).splitlines()[0]) for name, row in TABLES.items()]
    return _table(("raw table", "one row is"), rows)


def _options() -> str:
    rows = [
        (
            f"`{option.flag}={option.value}`" if option.value else f"`{option.flag}`",
            option.help.replace("%%", "%"),
            option.default or "–",
        )
        for option in OPTIONS
    ]
    return _table(("option", "what it says", "without it"), rows)


def _formats() -> str:
    rows = [(f"`{one.name}`", one.title, one.gives, one.checked) for one in FORMATS.values()]
    return _table(("`--format`", "what it is", "what it knows", "tried on"), rows)


def _matrix() -> str:
    rows = [
        (words, *(EXPECTED[column][tool] for column in COLUMNS)) for tool, words in ROWS.items()
    ]
    return _table(("the call ends with", *COLUMNS), rows)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


TABLES_OF_README: dict[str, Callable[[], str]] = {
    "commands": _commands,
    "views": _views,
    "raw_tables": _raw_tables,
    "options": _options,
    "formats": _formats,
    "matrix": _matrix,
}

if __name__ == "__main__":
    README.write_text(current(README.read_text()))
