import os
import subprocess
import sys

import pytest

from mcplens.config import find_settings, read_settings, settings_for_recorder
from mcplens.errors import ConfigError


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder to stand in, another further up, the user's own, and an environment."""
    (tmp_path / "up" / "here").mkdir(parents=True)
    (tmp_path / "user").mkdir()
    monkeypatch.chdir(tmp_path / "up" / "here")
    return tmp_path, {"MCPLENS_CONFIG_DIR": str(tmp_path / "user")}


def test_the_nearest_file_counts(places):
    root, environ = places
    found = [find_settings(environ=environ)]
    for place in ("user", "up", "up/here"):
        (root / place / "mcplens.toml").write_text("")
        found.append(find_settings(environ=environ))
    found.append(find_settings(environ={**environ, "MCPLENS_CONFIG": "/x.toml"}))
    found.append(find_settings("/y.toml", environ={**environ, "MCPLENS_CONFIG": "/x.toml"}))

    assert [None if path is None else str(path) for path in found] == [
        None,
        f"{root}/user/mcplens.toml",
        f"{root}/up/mcplens.toml",
        f"{root}/up/here/mcplens.toml",
        "/x.toml",
        "/y.toml",
    ]


def test_a_folder_of_that_name_is_no_file(places):
    root, environ = places
    (root / "up" / "here" / "mcplens.toml").mkdir()

    assert find_settings(environ=environ) is None


def test_without_a_file_nothing_is_set(places):
    _, environ = places

    assert read_settings(environ=environ).path is None


def test_a_file_that_is_named_and_not_there_is_told(places):
    with pytest.raises(ConfigError, match=r"^cannot read gone\.toml: No such file or directory$"):
        read_settings("gone.toml")


def test_endless_files_are_not_read(places):
    with pytest.raises(ConfigError, match="larger than 1000 KB"):
        read_settings("/dev/zero")


@pytest.mark.parametrize("words", ["[keep", '[keep]\ndefault = "full"\nx = 1'])
def test_a_recorder_with_a_file_in_trouble_keeps_nothing_and_knows_why(places, words):
    root, environ = places
    (root / "up" / "mcplens.toml").write_text(words)

    settings = settings_for_recorder(environ=environ)

    assert settings.keep == "none"
    assert settings.trouble.startswith(f"{root}/up/mcplens.toml")


def test_a_folder_that_is_gone_has_no_file(places):
    root, environ = places
    (root / "up" / "here").rmdir()

    assert read_settings(environ=environ).path is None
    assert settings_for_recorder(environ=environ).trouble is None


def test_no_reader_is_loaded_where_there_is_no_file(places):
    _, environ = places
    program = (
        "import sys; from mcplens.config import settings_for_recorder; settings_for_recorder();"
        "print(*[m for m in ('tomllib', 're2', 'mcplens.config.reading') if m in sys.modules])"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout == "\n"
