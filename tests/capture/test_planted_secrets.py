"""Secrets on their way through the real recorder of a real server, looked for in every file."""

import os
import subprocess
import sys
from contextlib import suppress

import anyio
import pytest
from mcp import ClientSession, MCPError, StdioServerParameters, stdio_client

import mcplens
from mcplens.capture.recorder import Recorder
from mcplens.store.compact import compact
from mcplens.store.location import Store, create
from tests.bridge import bridged, converse_over_http
from tests.planted import CONTENTS, NEVER, Planted, converse
from tests.processes import SERVERS
from tests.spooled import calls, ended

TELLING = (sys.executable, SERVERS / "telling.py")
# Of a tool's answer whose contents are kept.
OF_TELL = {"argument_value", "argument_key", "argument_deep", "result_text", "structured_value"} | {
    "structured_key",
    "structured_deep",
}


@pytest.fixture
def record_planted(recorded, tmp_path):
    """Record the telling server, seal what was recorded, and say what is found in the store."""

    def record(*options, settings=None):
        planted = Planted()
        if settings is not None:
            (tmp_path / "mcplens.toml").write_text(settings)
            options = ("--config", str(tmp_path / "mcplens.toml"), *options)
        environ = {**os.environ, **planted.environ}
        command = (*TELLING, *planted.argv)
        converse(recorded.start(*command, options=options, env=environ), planted)
        return found_before_and_after_sealing(planted, recorded.store)

    return record


def found_before_and_after_sealing(planted, store):
    before = planted.found_in(store)
    for part in (store / "spool").glob("*.jsonl"):
        with part.open("ab") as file:
            file.write(b'{"table": "events", "half')  # Goes into quarantine.
    compact(Store(store))
    return before | planted.found_in(store)


@pytest.fixture
def record_planted_over_http(tmp_path):
    """Record the telling server through the HTTP proxy, and say what is found in the store."""

    def record(keep):
        planted = Planted()
        environ = {**os.environ, **planted.environ}
        store = tmp_path / "store"
        answered = {
            "Set-Cookie": planted.response_header,
            "Mcp-Session-Id": planted.protocol_session,
        }
        asked = {"Authorization": f"Bearer {planted.bearer}", "X-Api-Key": planted.request_header}
        asked["Mcp-Session-Id"] = planted.protocol_session
        with bridged((*TELLING, *planted.argv), headers=answered, environ=environ) as port:
            upstream = f"http://127.0.0.1:{port}/mcp?key={planted.url_query}"
            words = ("--store", store, "--keep", keep, "--listen", "127.0.0.1:0", upstream)
            proxy = subprocess.Popen(
                [sys.executable, "-m", "mcplens", "record", *map(str, words)],
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                listening = next(line for line in proxy.stderr if "listening on" in line)
                address = listening.split("listening on ")[1].split()[0]
                url = f"{address}?token={planted.url_query}"
                statuses = converse_over_http(url, planted, headers=asked)
            finally:
                proxy.terminate()
                proxy.communicate(timeout=30)
        assert statuses == [200] * 10 + [202]
        assert len(ended(store)) == 11  # The server asked back once.
        return found_before_and_after_sealing(planted, store)

    return record


@pytest.mark.parametrize("keep", ["none", "shape"])
def test_where_no_contents_are_kept_no_secret_is_in_any_file(record_planted, recorded, keep):
    found = record_planted("--keep", keep)

    assert found == set()
    assert list(recorded.store.rglob("*.parquet"))


def test_where_contents_are_kept_only_contents_are(record_planted):
    found = record_planted("--keep", "full")

    assert found & NEVER == set()
    assert found == CONTENTS


@pytest.mark.parametrize("keep", ["none", "shape", "full"])
def test_nothing_more_leaks_over_http(record_planted_over_http, keep):
    found = record_planted_over_http(keep)

    assert found == (CONTENTS if keep == "full" else set())


async def call_through_the_tap(planted, recorder):
    command, *words = map(str, (*TELLING, *planted.argv))
    server = StdioServerParameters(
        command=command, args=words, env={**os.environ, **planted.environ}
    )
    tapped = mcplens.record(stdio_client(server), recorder=recorder)
    async with tapped as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        await session.list_tools()
        arguments = {"text": planted.argument_value, planted.argument_key: 1}
        await session.call_tool("tell", arguments, progress_callback=_hear)
        await session.call_tool("fail", arguments)
        with suppress(MCPError):
            await session.call_tool("refuse", arguments)


async def _hear(*_):
    pass


@pytest.mark.parametrize("keep", ["none", "shape", "full"])
def test_nothing_more_leaks_from_the_client(tmp_path, keep):
    planted = Planted()
    recorder = Recorder(create(tmp_path), observer="client", keep=keep, seal=False)
    with recorder:
        anyio.run(call_through_the_tap, planted, recorder)

    found = found_before_and_after_sealing(planted, tmp_path)
    assert len(calls(tmp_path)) == 3
    assert found <= CONTENTS if keep == "full" else found == set()
    assert ("result_text" in found) == (keep == "full")


def test_contents_are_kept_of_the_tools_that_were_asked_for(record_planted):
    found = record_planted(settings='[keep]\n"telling:tell" = "full"\n')

    assert found == OF_TELL


def test_a_tool_may_be_left_out_of_what_is_kept(record_planted):
    found = record_planted("--keep", "full", settings='[keep]\n"telling:*" = "none"\n')

    assert found == set()


def test_what_is_asked_for_is_none_whatever_the_file_says(record_planted):
    found = record_planted("--keep", "none", settings='[keep]\n"telling:tell" = "full"\n')

    assert found == set()


def test_redaction_holds_also_where_contents_are_kept(record_planted):
    settings = """
        [redact]
        keys = ["deep"]
        paths = ["$.structuredContent.value", "$.text"]
        patterns = ['resulttext\\w+', 'toolerror\\w+', 'structuredkey\\w+']
    """

    found = record_planted("--keep", "full", settings=settings)

    gone = {"argument_value", "argument_deep", "structured_deep", "structured_value"}
    gone |= {"result_text", "tool_error", "structured_key"}
    assert found == CONTENTS - gone


def test_a_file_in_trouble_keeps_no_contents(record_planted):
    found = record_planted("--keep", "full", settings="[keep]\ndefault = full")

    assert found == set()
