import json
import re
from datetime import datetime
from html.parser import HTMLParser

import pytest

from mcplens.errors import StoreError
from mcplens.metrics.connect import connect
from mcplens.reports.html import period, write_report
from mcplens.store.location import create
from mcplens.store.spool import Spool
from tests.builders import NOON, call

HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def page_of(tmp_path):
    """Record rows, write their report, and give its text."""

    def write(rows, **filters):
        store = create(tmp_path / "store")
        spool = Spool(store, run_id="run1")
        spool.write(rows)
        spool.close()
        report = tmp_path / "report.html"
        write_report(connect(store.path, **filters), report, written_at=NOON)
        return report.read_text(encoding="utf-8")

    return write


class Elements(HTMLParser):
    """Collects tags with their attributes, and the text between them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def data_of(page):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1]
    )


def test_the_page_begins_with_the_main_finding(page_of):
    page = page_of([call(outcome="ok"), call(outcome="timeout", target="write_file", at=90)])

    assert "<h1>MCP telemetry, 20 November 2026, 12:00 to 12:01</h1>" in page
    assert (
        "50% of calls failed; files:write_file leads with 1 of 1 failures, timeout. "
        "files:read_file is the slowest of 2 tools: p95 10 ms over only 1 call."
        in re.sub("</?span[^>]*>", "", page)
    )
    assert re.search(r"<b>2</b> tool calls", page)
    assert "Written 20 November 2026, 12:00 by mcplens" in page


def test_the_table_has_the_exact_numbers_of_the_view(page_of, tmp_path):
    page = page_of([call(work_ms=10.0), call(work_ms=20.0), call(work_ms=33.3)])

    [(p50, p95)] = (
        connect(tmp_path / "store").sql("select p50_ms, p95_ms from tool_metrics").fetchall()
    )

    values = {element["value"] for element in Elements(page).all("data")}
    assert {str(p50), str(p95)} <= values


def test_hostile_names_stay_text(page_of):
    page = page_of([call(target=HOSTILE, server_name=HOSTILE, outcome="timeout")])

    elements = Elements(page)
    assert elements.all("img") == []
    assert len(elements.all("script")) == 3
    assert f"{HOSTILE}:{HOSTILE}" in elements.texts
    assert f"{HOSTILE}:{HOSTILE}" in str(data_of(page)["figures"][0]["spec"]["datasets"])


def test_only_the_scripts_that_the_page_names_may_run(page_of):
    page = page_of([call()])

    [policy] = [m["content"] for m in Elements(page).all("meta") if "http-equiv" in m]
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-\S+=' 'sha256-\S+=';", policy)
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert "unsafe-eval" not in policy


def test_an_empty_store_gives_a_page_that_says_what_to_do(page_of):
    page = page_of([])

    assert "No tool has been called yet." in page
    assert "mcplens record -- python server.py" in page
    assert Elements(page).all("script") == [{"type": "application/json", "id": "data"}]
    assert len(page) < 20_000


def test_the_page_says_which_store_and_what_of_it(page_of, tmp_path):
    page = page_of([call(), call(server_name="web")], server="web")

    assert f"Store <code>{tmp_path}/store</code>, only <code>server web</code>." in page
    assert "files:read_file" not in page


def test_what_could_not_be_read_is_said(page_of, tmp_path):
    store = create(tmp_path / "store")
    (store.spool / "stray.jsonl").write_text("{}\n")

    page = page_of([call()])

    assert "Left out:" in page
    assert "stray.jsonl is no spool part" in page


def test_every_figure_has_words_and_a_table(page_of):
    elements = Elements(page_of([call(outcome="timeout")]))

    figures = [div for div in elements.all("div") if div.get("role") == "img"]
    assert [figure["id"] for figure in figures] == ["latency", "outcomes"]
    assert figures[1]["aria-label"].startswith("The only call failed: timeout. One row per tool")
    assert len(elements.all("details")) == 2
    assert elements.all("html") == [{"lang": "en"}]


def test_a_folder_that_is_not_there_is_one_line(page_of, tmp_path):
    page_of([call()])

    with pytest.raises(StoreError, match=r"cannot write .*/nowhere/report\.html \(No such file"):
        write_report(connect(tmp_path / "store"), tmp_path / "nowhere" / "report.html")


def test_a_period_is_said_no_longer_than_needed():
    def at(text):
        return datetime.fromisoformat(text)

    assert period(at("2026-11-16"), at("2026-11-20")) == "16 to 20 November 2026"
    assert period(at("2026-10-30"), at("2026-11-02")) == "30 October to 2 November 2026"
    assert period(at("2025-12-31"), at("2026-01-01")) == "31 December 2025 to 1 January 2026"
    assert period(at("2026-11-20T12:00"), at("2026-11-20T12:00:30")) == "20 November 2026, 12:00"
