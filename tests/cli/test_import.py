"""`mcplens import`: what it says, and how it ends."""

import gzip
import io
import json
import os

CALL = {"timestamp": "2026-11-18T09:00:00Z", "tool": "search", "success": True, "latency_ms": 5}


def test_an_import_says_what_came_in_and_what_to_type_next(mcplens, tmp_path):
    log = tmp_path / "calls.log"
    log.write_text(json.dumps(CALL) + "\noops\n" + json.dumps({"msg": "hello"}) + "\n")

    ran = mcplens("import", str(log))

    assert ran.code == 0
    assert "structured JSON log, 1 request imported, 1 about other things" in ran.err
    assert f"left out: {log}:2: no JSON" in ran.err
    assert "mcplens tools --run" in ran.err


def test_what_was_imported_is_read_like_any_recording(mcplens, tmp_path):
    log = tmp_path / "calls.log.gz"
    log.write_bytes(gzip.compress(b"\n".join([json.dumps(CALL).encode()] * 3)))

    mcplens("import", str(log), "--server", "books", "--label", "november")
    ran = mcplens("show", "tool_metrics", "--run", "november", "--format", "json")

    [tool] = json.loads(ran.out)
    assert (tool["server_name"], tool["tool_name"], tool["call_count"]) == ("books", "search", 3)


def test_a_file_that_nothing_understands_ends_with_2_and_one_line(mcplens, tmp_path):
    poem = tmp_path / "poem.txt"
    poem.write_text("Roses are red\n")

    ran = mcplens("import", str(poem))

    assert ran.code == 2
    assert f"{poem} looks like text that is no JSON. Known are: " in ran.err
    assert len(ran.err.splitlines()) == 1


def test_of_a_folder_what_is_understood_is_imported(mcplens, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_text(json.dumps(CALL))
    (tmp_path / "logs" / "b.txt").write_text("words")

    ran = mcplens("import", str(tmp_path / "logs"))

    assert ran.code == 0
    assert "1 request imported" in ran.err
    assert "1 file that no format knows left out" in ran.err


def test_the_rows_of_a_store_in_the_folder_are_no_log(mcplens, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.log").write_text(json.dumps(CALL))
    store = ("--store", str(logs / ".mcplens"))

    mcplens("import", str(logs), *store)
    again = mcplens("import", str(logs), *store)
    ran = mcplens("show", "calls", *store, "--format", "json")

    assert "0 requests imported, 1 already in the store" in again.err
    assert ".mcplens" not in again.err
    assert len(json.loads(ran.out)) == 1


def test_a_file_that_could_not_be_read_to_its_end_ends_with_2(mcplens, tmp_path):
    lines = [json.dumps(CALL | {"session": os.urandom(400).hex()}) for _ in range(500)]
    log = tmp_path / "calls.log.gz"
    log.write_bytes(gzip.compress("\n".join(lines).encode())[:-10])

    ran = mcplens("import", str(log))

    assert ran.code == 2
    assert "stopped: " in ran.err


def test_a_wrong_format_and_a_missing_file_are_one_line_each(mcplens, tmp_path):
    strange = mcplens("import", __file__, "--format", "csv")
    missing = mcplens("import", str(tmp_path / "nothing.log"))

    assert (strange.code, missing.code) == (2, 2)
    assert 'there is no format "csv"' in strange.err
    assert missing.err == f"mcplens: there is no file {tmp_path / 'nothing.log'}\n"


def test_bare_it_lists_what_lies_on_this_machine_and_how_to_import_it(
    mcplens, tmp_path, monkeypatch
):
    for name in ("CLAUDE_CONFIG_DIR", "MCPSNOOP_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    empty = mcplens("import", store_option=False)
    folder = tmp_path / ".claude" / "projects" / "-home-ann"
    folder.mkdir(parents=True)
    (folder / "one.jsonl").write_text("{}\n")
    os.utime(folder / "one.jsonl", (1_795_000_000, 1_795_000_000))

    ran = mcplens("import", store_option=False)

    assert "Nothing found to import. Looked in:" in empty.err
    assert (
        "Claude Code's transcripts: 1 file, 3 B, last written 2026-11-18 11:06 UTC, "
        "in ~/.claude/projects"
    ) in ran.out.replace("\n", " ")
    assert f"mcplens import {tmp_path}/.claude/projects" in ran.err
    assert ran.code == 0


def test_bare_it_asks_before_it_imports(mcplens, tmp_path, monkeypatch):
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "s.jsonl").write_text(
        json.dumps({"session_id": "s", "direction": "meta", "ts": "2026-11-18T09:00:00Z"})
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MCPSNOOP_HOME", str(tmp_path))
    monkeypatch.setattr("mcplens.cli.import_._is_interactive", lambda: True)
    asked = []
    answers = iter([False, True])
    monkeypatch.setattr("click.confirm", lambda text, **_: asked.append(text) or next(answers))

    no, yes = mcplens("import"), mcplens("import")

    assert asked == ["Import mcpsnoop's sessions?"] * 2
    assert "imported" not in no.err
    assert "mcpsnoop session, 0 requests imported" in yes.err
