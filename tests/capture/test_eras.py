"""One server that asks in the middle of its calls, through the real proxy, once per era."""

import asyncio
import json
import sys
import time

import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import ElicitResult, ListRootsResult

import mcplens
from tests.processes import SERVERS, until
from tests.spooled import ended

THINKS_S = 0.25
WORKS_MS = 100
METHODS_OF_A_TASK = {
    "initialize",
    "tools/call",
    "tasks/get",
    "tasks/result",
    "elicitation/create",
}
ERAS = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}


async def think(*_):
    """Answer as a person would, after a while."""
    await asyncio.sleep(THINKS_S)
    return ElicitResult(action="accept", content={"name": "bob"})


async def list_no_folders(*_):
    """Answer as a machine would, only later."""
    await asyncio.sleep(THINKS_S)
    return ListRootsResult(roots=[])


def use(recorded, mode, tool):
    """Call a tool through the proxy, and give the client's word for how it went."""
    command, *arguments = recorded.command(sys.executable, SERVERS / "asking.py")
    parameters = StdioServerParameters(command=command, args=arguments)

    async def session():
        transport = stdio_client(parameters)
        async with Client(
            transport, mode=mode, elicitation_callback=think, list_roots_callback=list_no_folders
        ) as client:
            await client.list_tools()  # Its start is no time of the call.
            return (await client.call_tool(tool)).content[0].text

    return asyncio.run(session())


@pytest.mark.parametrize(("version", "mode"), ERAS.items(), ids=ERAS)
def test_the_time_of_a_person_is_told_from_the_servers_in_both_eras(recorded, version, mode):
    said = use(recorded, mode, "greet")

    [call] = [event for event in ended(recorded.store) if event.is_final]
    assert said == "hi bob"
    assert (call.target, call.outcome, call.protocol_version) == ("greet", "ok", version)
    assert call.duration_ms == pytest.approx(call.wait_ms + call.work_ms)
    assert call.wait_ms >= THINKS_S * 1000
    assert call.work_ms >= WORKS_MS
    con = mcplens.connect(recorded.store)
    [row] = con.sql("select outcome, work_ms, wait_ms, round_count from calls").fetchall()
    assert row == ("ok", call.work_ms, call.wait_ms, 1 if mode == "legacy" else 2)


@pytest.mark.parametrize(("version", "mode"), ERAS.items(), ids=ERAS)
def test_the_time_of_a_machine_that_is_asked_is_work_in_both_eras(recorded, version, mode):
    said = use(recorded, mode, "look_around")

    [call] = [event for event in ended(recorded.store) if event.is_final]
    assert said == "0 folders"
    assert (call.outcome, call.protocol_version, call.wait_ms) == ("ok", version, 0.0)
    assert call.work_ms >= THINKS_S * 1000


def test_the_rounds_of_a_call_stand_on_the_wire_and_in_the_store(recorded):
    use(recorded, "2026-07-28", "greet")

    [first, last] = [event for event in ended(recorded.store) if event.call_id is not None]
    assert (first.round, first.is_final, first.outcome) == (1, False, "input_required")
    assert (last.round, last.is_final, last.outcome) == (2, True, "ok")
    assert last.call_id == first.call_id == first.event_id
    assert last.started_at == first.started_at


def ask_as_a_task(process):
    """Call server-everything's research as a task of 2025-11-25, and answer what it asks."""
    said = {}

    def say(**message):
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        process.stdin.flush()

    def answer_to(key):
        while key not in said:
            message = json.loads(process.stdout.readline())
            if message.get("method") == "elicitation/create":
                time.sleep(THINKS_S)
                content = {"interpretation": "technical"}
                say(id=message["id"], result={"action": "accept", "content": content})
            elif "method" not in message:
                said[message["id"]] = message["result"]
        return said[key]

    client = {
        "protocolVersion": "2025-11-25",
        "capabilities": {"elicitation": {}, "tasks": {"requests": {"elicitation": {"create": {}}}}},
        "clientInfo": {"name": "agent", "version": "1"},
    }
    say(id=0, method="initialize", params=client)
    answer_to(0)
    say(method="notifications/initialized")
    asked = {"topic": "mcp", "ambiguous": True}
    params = {"name": "simulate-research-query", "arguments": asked, "task": {"ttl": 60000}}
    say(id=1, method="tools/call", params=params)
    task = {"taskId": answer_to(1)["task"]["taskId"]}
    say(id=2, method="tasks/get", params=task)
    answer_to(2)
    say(id=3, method="tasks/result", params=task)
    return answer_to(3)


def test_a_task_of_a_real_server_is_one_call_that_waits_for_a_person(recorded, everything_js):
    process = recorded.start("node", everything_js, "stdio")

    result = ask_as_a_task(process)
    until(lambda: len(ended(recorded.store)) == len(METHODS_OF_A_TASK))

    assert "technical" in result["content"][0]["text"]
    events = {event.method: event for event in ended(recorded.store)}
    assert events.keys() == METHODS_OF_A_TASK
    call = events["tools/call"]
    assert (call.outcome, call.outcome_basis, call.is_final) == ("ok", "answer", True)
    assert call.wait_ms >= events["elicitation/create"].duration_ms >= THINKS_S * 1000
    assert call.work_ms > events["tasks/get"].duration_ms
    assert call.duration_ms == pytest.approx(call.wait_ms + call.work_ms)
