import shutil
import subprocess
import sys

import msgspec
import pytest

from mcplens.errors import NewerSchemaError, StoreError
from mcplens.store.compact import compact
from mcplens.store.location import open_store
from mcplens.store.manifest import load_manifest
from mcplens.store.reading import readable_files, store_size
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import call
from tests.store.looking import event_ids_in, write_part


@pytest.fixture
def sealed(store):
    """Hold three events in three Parquet files and a fourth in a tail."""
    for sequence in (1, 2, 3):
        write_part(store, [call(sequence=sequence)], run_id=f"w{sequence}")
        seal(store)
    write_part(store, [call(sequence=4)], run_id="w4")
    return store


def reasons_in(store):
    return [aside.reason for aside in readable_files(store).set_aside]


def parquet_in(store, number):
    return store.path / load_manifest(store)[0].files[number].path


def test_a_sound_store_sets_nothing_aside(sealed):
    assert reasons_in(sealed) == []
    assert event_ids_in(sealed) == ["run1-1", "run1-2", "run1-3", "run1-4"]


def test_reading_opens_nothing_for_writing(sealed):
    watch = """
import os, sys
from pathlib import Path
root, tried = sys.argv[1], []

def hook(name, arguments):
    if name == "open" and str(arguments[0]).startswith(root) and arguments[2] & ~os.O_CLOEXEC:
        tried.append((name, arguments))
    if name in {"os.mkdir", "os.rename", "os.remove", "os.link", "os.chmod", "os.truncate"}:
        tried.append((name, arguments))

from mcplens.store.location import open_store
from mcplens.store.reading import readable_files
sys.dont_write_bytecode = True
sys.addaudithook(hook)
found = readable_files(open_store(Path(root)))
print(len(found.tails), len(found.parquet["events"]), tried)
"""
    printed = subprocess.run(
        [sys.executable, "-c", watch, sealed.path], capture_output=True, text=True, check=True
    )

    assert printed.stdout == "2 4 []\n"


def test_a_store_on_a_read_only_disk_is_read(sealed):
    for path in [*sealed.path.rglob("*"), sealed.path]:
        path.chmod(0o555 if path.is_dir() else 0o444)

    ids = event_ids_in(open_store(sealed.path))

    assert ids == ["run1-1", "run1-2", "run1-3", "run1-4"]


def test_a_store_may_be_moved(sealed, tmp_path):
    shutil.move(sealed.path, tmp_path / "elsewhere")

    moved = open_store(tmp_path / "elsewhere")

    assert event_ids_in(moved) == ["run1-1", "run1-2", "run1-3", "run1-4"]


def test_a_torn_parquet_file_is_set_aside_and_the_rest_is_read(sealed):
    torn = parquet_in(sealed, 1)
    whole = torn.stat().st_size
    torn.write_bytes(torn.read_bytes()[:1000])

    [reason] = reasons_in(sealed)
    assert reason == (
        f"{torn} is torn: 1000 bytes where {whole} were written. "
        "Bring it back from a copy of the store"
    )
    assert event_ids_in(sealed) == ["run1-1", "run1-3", "run1-4"]
    assert torn.exists()


@pytest.mark.parametrize("content", [b"", b"PAR", b"PAR1", b"x" * 40_000])
def test_what_is_no_parquet_file_is_set_aside(sealed, content):
    parquet_in(sealed, 1).write_bytes(content)

    assert len(reasons_in(sealed)) == 1
    assert event_ids_in(sealed) == ["run1-1", "run1-3", "run1-4"]


def test_a_parquet_file_that_is_gone_is_named(sealed):
    gone = parquet_in(sealed, 1)
    gone.unlink()

    assert reasons_in(sealed) == [
        f"{gone} cannot be read (No such file or directory). Bring it back from a copy of the store"
    ]
    assert event_ids_in(sealed) == ["run1-1", "run1-3", "run1-4"]


def test_a_parquet_file_of_a_newer_mcplens_is_set_aside(sealed):
    manifest, _ = load_manifest(sealed)
    newer = msgspec.structs.replace(manifest.files[1], schema_version=4)
    files = (manifest.files[0], newer, manifest.files[2])
    sealed.manifest.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, files=files)))

    path = sealed.path / newer.path
    assert reasons_in(sealed) == [
        f"{path} was written by schema 4; this mcplens reads up to 1. Upgrade mcplens to read it"
    ]
    assert event_ids_in(sealed) == ["run1-1", "run1-3", "run1-4"]
    assert compact(sealed).replaced_count == 2


def test_a_foreign_parquet_file_is_set_aside(sealed):
    foreign = sealed.path / "events" / "date=2026-11-20" / "mine.parquet"
    shutil.copy(parquet_in(sealed, 0), foreign)

    assert reasons_in(sealed) == [
        f"{foreign} is not in the manifest, so it is not read. Move it out of the store"
    ]
    assert event_ids_in(sealed) == ["run1-1", "run1-2", "run1-3", "run1-4"]


def test_a_foreign_spool_file_is_set_aside(sealed):
    foreign = sealed.spool / "notes.jsonl"
    foreign.write_text("{}\n")

    assert reasons_in(sealed) == [
        f"{foreign} is no spool part, so it is not read. Move it out of the store"
    ]


def test_a_folder_in_the_place_of_a_part_is_set_aside(sealed):
    (sealed.spool / "w5-00001.jsonl").mkdir()

    [reason] = reasons_in(sealed)

    assert reason.endswith("w5-00001.jsonl cannot be read (Is a directory). Allow reading it")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": "one"}', "\0\0\0\0"])
def test_without_a_sound_manifest_its_backup_is_read(sealed, damage):
    sealed.manifest.write_text(damage)

    [reason] = reasons_in(sealed)
    assert reason.startswith(f"{sealed.manifest} cannot be read (")
    assert reason.endswith("its backup is used")
    assert event_ids_in(sealed) == ["run1-1", "run1-2", "run1-3", "run1-4"]


def test_the_next_sealing_repairs_a_manifest_and_keeps_the_damaged_one(sealed):
    sealed.manifest.write_text("{broken")

    seal(sealed)

    kept = sealed.quarantine / "manifest-3.json"
    assert kept.read_text() == "{broken"
    assert event_ids_in(sealed) == ["run1-1", "run1-2", "run1-3", "run1-4"]
    assert [aside.path for aside in readable_files(sealed).set_aside] == [kept]


def test_a_manifest_that_was_deleted_comes_back(sealed):
    sealed.manifest.unlink()

    seal(open_store(sealed.path))

    assert sealed.manifest.exists()
    assert event_ids_in(sealed) == ["run1-1", "run1-2", "run1-3", "run1-4"]


def test_without_a_manifest_and_a_backup_nothing_is_guessed(sealed):
    sealed.manifest.write_text("{broken")
    sealed.manifest_backup.write_text("{broken")

    with pytest.raises(
        StoreError, match=r"and its backup cannot be read .* no event has been deleted"
    ):
        readable_files(sealed)
    with pytest.raises(StoreError, match="and its backup cannot be read"):
        seal(sealed)


def test_a_manifest_that_points_outside_of_the_store_is_not_believed(sealed):
    manifest, _ = load_manifest(sealed)
    outside = msgspec.structs.replace(manifest.files[0], path="../../victim")
    sealed.manifest.write_bytes(
        msgspec.json.encode(msgspec.structs.replace(manifest, files=(outside,)))
    )

    [reason] = reasons_in(sealed)

    assert "../../victim is not inside the store" in reason


def test_a_manifest_of_a_newer_mcplens_is_refused(sealed):
    sealed.manifest.write_text('{"format": 2}')

    with pytest.raises(NewerSchemaError) as refused:
        readable_files(sealed)

    assert str(refused.value) == (
        f"{sealed.manifest} has format 2; this mcplens reads up to 1. "
        "Upgrade mcplens to read the store"
    )


def test_a_part_that_its_writer_took_back_while_it_was_listed_is_no_trouble(store, monkeypatch):
    spool = Spool(store, run_id="run1")
    really = load_manifest

    def meanwhile(asked):
        spool.close()
        return really(asked)

    monkeypatch.setattr("mcplens.store.reading.load_manifest", meanwhile)

    assert len(readable_files(store).tails) == 1
    assert reasons_in(store) == []


def test_a_part_sealed_while_it_was_listed_is_read_once(store, monkeypatch):
    write_part(store, [call(sequence=1)])
    really = load_manifest

    def meanwhile(asked):
        monkeypatch.undo()
        seal(asked)
        return really(asked)

    monkeypatch.setattr("mcplens.store.reading.load_manifest", meanwhile)

    assert event_ids_in(store) == ["run1-1"]


def test_the_size_of_a_store_is_that_of_its_files(store):
    before = store_size(store)

    (store.spool / "run1-00001.jsonl").write_bytes(b"x" * 500)

    after = store_size(store)
    assert after.file_count == before.file_count + 1
    assert after.size_bytes == before.size_bytes + 500
