import os
import stat
import subprocess
import sys

import pytest

from mcplens.config import config_dir, hash_key

HEX_KEY = "0123456789abcdef" * 2


@pytest.fixture
def settings(tmp_path):
    """An environment whose settings directory does not exist yet."""
    return {"MCPLENS_CONFIG_DIR": str(tmp_path / "deep" / "settings")}


def test_the_directory_is_the_users_own_unless_named(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert config_dir({}).name == "mcplens"
    assert config_dir({"MCPLENS_CONFIG_DIR": "/x/y"}).as_posix() == "/x/y"


def test_the_key_is_made_once_and_only_its_owner_can_read_it(settings):
    first = hash_key(settings)
    second = hash_key(settings)

    assert first == second
    assert (len(first.key), first.trouble) == (32, None)
    [file] = config_dir(settings).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_the_key_is_saved_for_good_before_it_has_its_name(settings, monkeypatch):
    saved = []

    def save(descriptor):
        [draft] = config_dir(settings).iterdir()
        saved.append((draft.name != "hash.key", os.fstat(descriptor).st_size))

    monkeypatch.setattr(os, "fsync", save)
    hash_key(settings)

    assert saved == [(True, 65)]


def test_two_users_have_two_keys(tmp_path):
    keys = [hash_key({"MCPLENS_CONFIG_DIR": str(tmp_path / name)}).key for name in ("a", "b")]

    assert keys[0] != keys[1]


def test_processes_that_start_at_once_agree_on_the_key(settings):
    program = "from mcplens.config import hash_key; print(hash_key().key.hex())"
    environ = {**os.environ, **settings}

    running = [
        subprocess.Popen([sys.executable, "-c", program], env=environ, stdout=subprocess.PIPE)
        for _ in range(8)
    ]
    keys = {process.communicate()[0] for process in running}

    assert len(keys) == 1
    assert len(list(config_dir(settings).iterdir())) == 1


def test_a_key_may_be_given_by_a_variable_and_then_nothing_is_written(settings):
    given = hash_key({**settings, "MCPLENS_HASH_KEY": HEX_KEY})

    assert (given.key.hex(), given.trouble) == (HEX_KEY, None)
    assert not config_dir(settings).exists()


@pytest.mark.parametrize("text", ["xyz", "00", "00" * 65])
def test_a_variable_that_is_no_key_leaves_recording_possible(settings, text):
    given = hash_key({**settings, "MCPLENS_HASH_KEY": text})

    assert len(given.key) == 32
    assert "MCPLENS_HASH_KEY is no key" in given.trouble
    assert text not in given.trouble.split()


def test_a_directory_that_cannot_be_made_leaves_recording_possible(tmp_path):
    (tmp_path / "file").write_text("")
    settings = {"MCPLENS_CONFIG_DIR": str(tmp_path / "file" / "settings")}

    first, second = hash_key(settings), hash_key(settings)

    assert first.trouble.startswith("no lasting hash key: ")
    assert first.key == second.key


@pytest.mark.parametrize("content", [b"", b"not hex", b"\xff\xfe", b"00"])
def test_a_key_file_that_is_none_is_left_alone(settings, content):
    directory = config_dir(settings)
    directory.mkdir(parents=True)
    (directory / "hash.key").write_bytes(content)

    made_do = hash_key(settings)

    assert f"{directory / 'hash.key'} is no key" in made_do.trouble
    assert (directory / "hash.key").read_bytes() == content


def test_a_file_system_without_links_keeps_a_key_too(settings, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)

    first, second = hash_key(settings), hash_key(settings)

    assert first == second
    assert first.trouble is None
    assert len(list(config_dir(settings).iterdir())) == 1
