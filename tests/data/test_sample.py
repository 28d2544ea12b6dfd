import subprocess
import sys
from pathlib import Path

from mcplens.metrics.connect import connect, set_aside

DATA = Path(__file__).parents[2] / "data"
SAMPLE = DATA / "sample"


def test_the_sample_is_a_few_days_of_five_servers():
    con = connect(SAMPLE)

    [(calls, servers, tools, lost)] = con.sql(
        "select call_count, server_count, tool_count, lost_count from overview"
    ).fetchall()

    assert (servers, tools, lost) == (5, 16, 3)
    assert 900 < calls < 1100
    assert set_aside(con) == []


def test_the_sample_has_every_kind_of_trouble_and_retries():
    con = connect(SAMPLE)

    endings = {
        ending for (ending,) in con.sql("select distinct ending from outcomes_by_tool").fetchall()
    }
    [(retries,)] = con.sql("select sum(retry_count) from session_metrics").fetchall()

    assert endings >= {"timeout", "cancelled", "disconnected", "unanswered", "unknown_tool"}
    assert endings >= {"rate_limited", "upstream", "auth", "tool_failure", "invalid_arguments"}
    assert retries > 10


def test_the_sample_is_small_and_names_no_secret():
    files = [path for path in SAMPLE.rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)

    commands = connect(SAMPLE).sql("select distinct command from connections").fetchall()

    assert len(content) < 300_000
    assert not any(secret in str(commands) for secret in ("sk-", "secret", "/home"))
    assert not (SAMPLE / ".gitignore").exists()


def test_the_seed_makes_the_same_rows_again(tmp_path):
    again = tmp_path / "sample"

    subprocess.run([sys.executable, DATA / "make_sample.py", again], check=True)

    ours, theirs = connect(SAMPLE), connect(again)
    for query in (
        "select server_name, tool_name, call_count, p95_ms from tool_metrics order by all",
        "select call_id, started_at, arguments_hash, outcome from calls order by all",
        "select connection_id, ended_at, end_reason from connections order by all",
    ):
        assert ours.sql(query).fetchall() == theirs.sql(query).fetchall()
