import stat
import subprocess
import sys

import pytest

from mcplens.errors import StoreError
from mcplens.store.layout import SEED_TAIL
from mcplens.store.location import create, locate, open_store
from mcplens.store.reading import readable_files
from tests.store.looking import rows_in, write_part

PUBLIC = {".gitignore", "views.sql", "seed.parquet"}


def test_a_store_named_on_the_command_line_comes_first(tmp_path):
    environment = {"MCPLENS_STORE": str(tmp_path / "other")}

    found = locate(tmp_path / "mine", folder=tmp_path, environment=environment)

    assert found == tmp_path / "mine"


def test_the_environment_comes_before_a_folder_upward(tmp_path):
    (tmp_path / ".mcplens").mkdir()

    found = locate(folder=tmp_path, environment={"MCPLENS_STORE": str(tmp_path / "other")})

    assert found == tmp_path / "other"


def test_the_nearest_folder_upward_comes_before_the_users_own(tmp_path):
    (tmp_path / ".mcplens").mkdir()
    (tmp_path / "a" / ".mcplens").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)

    found = locate(folder=tmp_path / "a" / "b" / "c", environment={"MCPLENS_STORE": ""})

    assert found == tmp_path / "a" / ".mcplens"


def test_without_any_of_these_it_is_one_per_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    found = locate(folder=tmp_path, environment={})

    assert found == tmp_path / "data" / "mcplens" / "store"


def test_a_folder_that_is_gone_is_told_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    for named in (None, "store"):
        with pytest.raises(StoreError, match="Name a whole path with --store"):
            locate(named, environment={})
    assert locate(tmp_path / "store", environment={}) == tmp_path / "store"


def test_a_home_of_nobody_is_told_in_one_line():
    with pytest.raises(StoreError, match="Name a whole path with --store"):
        locate("~nobody-of-this-name/store", environment={})


def test_a_new_store_is_private_and_stays_out_of_git(tmp_path):
    store = create(tmp_path / "deep" / "store")

    assert stat.S_IMODE(store.path.stat().st_mode) == 0o700
    assert (store.path / ".gitignore").read_text() == "*\n"
    assert (store.spool / SEED_TAIL).read_bytes() == b""


def test_every_file_of_a_store_is_its_owners_alone(store):
    from mcplens.store.seal import seal
    from tests.builders import call

    write_part(store, [call()])
    seal(store)

    modes = {
        stat.S_IMODE(path.stat().st_mode) & 0o077
        for path in store.path.rglob("*")
        if path.is_file() and path.stat().st_size and path.name not in PUBLIC
    }

    assert modes == {0}


@pytest.mark.parametrize(
    "table", ["events", "connections", "runs", "definitions", "notices", "samples"]
)
def test_an_empty_store_has_every_table(store, table):
    assert rows_in(store, table) == []


def test_a_store_can_be_made_again_and_keeps_what_it_has(store):
    manifest = store.manifest.read_bytes()

    assert create(store.path) == store
    assert store.manifest.read_bytes() == manifest


def test_many_processes_may_make_one_store_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from mcplens.store.location import create;"
        "sys.stdin.read(); create(Path(sys.argv[1]))"
    )
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path / "store"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]

    errors = [maker.communicate()[1] for maker in makers]

    assert errors == [b"", b"", b"", b""]
    assert readable_files(open_store(tmp_path / "store")).set_aside == []
    assert list((tmp_path / "store").rglob("*.tmp")) == []


def test_a_maker_that_was_killed_half_way_is_no_obstacle(tmp_path):
    half = tmp_path / "store"
    half.mkdir()
    (half / ".lock").touch()
    (half / "spool").mkdir()

    create(half)

    assert open_store(half).path == half


def test_no_store_there_says_how_to_get_one(tmp_path):
    with pytest.raises(StoreError) as refused:
        open_store(tmp_path / "none")

    assert str(refused.value) == (
        f"there is no store at {tmp_path}/none. "
        "Record into one with `mcplens record -- COMMAND`, or name another with --store"
    )


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "file").write_text("mine")

    with pytest.raises(StoreError, match="is a file, and a store is a folder"):
        open_store(tmp_path / "file")
    with pytest.raises(StoreError, match="is a file, and a store is a folder"):
        create(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_an_empty_folder_is_no_store_yet(tmp_path):
    with pytest.raises(StoreError, match="is an empty folder, not a store yet"):
        open_store(tmp_path)

    assert create(tmp_path / "made").path == tmp_path / "made"


def test_a_folder_of_other_things_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")

    with pytest.raises(StoreError, match="is a folder, but no store"):
        open_store(tmp_path)
    with pytest.raises(StoreError, match="holds other things than a store"):
        create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")

    with pytest.raises(
        StoreError, match=r"cannot make a store at .*/file/store \(Not a directory\)"
    ):
        create(tmp_path / "file" / "store")


def test_what_records_loads_nothing_heavy():
    code = (
        "import sys, mcplens.store.location, mcplens.store.spool, mcplens.store.reading;"
        "print(sorted({'pyarrow', 'duckdb', 'pandas', 'platformdirs', 'numpy'} & set(sys.modules)))"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert printed.stdout == "[]\n"


def test_the_seeds_are_those_of_the_tables_as_they_are():
    import pyarrow.parquet as pq

    from mcplens.events import TABLES
    from mcplens.store.arrow import schema
    from mcplens.store.layout import SEEDS, seed_path

    outdated = [
        table for table in TABLES if pq.read_schema(seed_path(SEEDS, table)) != schema(table)
    ]

    assert outdated == [], "run python -m mcplens.store.make_seeds"
