"""What the README says of commands, views and options is what they say of themselves."""

from tests.readme import README, TABLES_OF_README, current


def test_every_table_of_the_readme_is_current():
    text = README.read_text()

    assert current(text) == text, "run `uv run poe readme`"


def test_every_table_stands_in_the_readme():
    text = README.read_text()

    for name in TABLES_OF_README:
        assert f"<!-- made: {name} -->" in text
