"""`mcplens import`: what it says, and how it ends."""

import gzip
import json

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


def test_a_file_beside_one_that_is_not_understood_is_imported(mcplens, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_text(json.dumps(CALL))
    (tmp_path / "logs" / "b.txt").write_text("words")

    ran = mcplens("import", str(tmp_path / "logs"))

    assert ran.code == 2
    assert "1 request imported" in ran.err


def test_a_wrong_format_and_a_missing_file_are_one_line_each(mcplens, tmp_path):
    strange = mcplens("import", __file__, "--format", "csv")
    missing = mcplens("import", str(tmp_path / "nothing.log"))

    assert (strange.code, missing.code) == (2, 2)
    assert 'there is no format "csv"' in strange.err
    assert missing.err == f"mcplens: there is no file {tmp_path / 'nothing.log'}\n"
