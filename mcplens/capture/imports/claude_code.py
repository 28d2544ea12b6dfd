"""Transcripts of Claude Code: one JSON object per line, calls and results in separate lines.

Written after published transcripts (read, not run): an `assistant` line holds blocks of type
`tool_use` (`id`, `name`, `input`), a later `user` line the `tool_result` with its `tool_use_id` and
perhaps `is_error`. Tools of MCP servers are named `mcp__SERVER__TOOL`; all others are left out. The
time between both lines holds the wait for the user's permission as well, which no line tells: so it
is a duration without `work_ms`, and no latency. A transcript that goes on in another file repeats
its lines; a call is told by its id and counts once.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcplens.capture.failures import Failure, failure_of_result
from mcplens.capture.imports.configured import Told
from mcplens.capture.imports.format import Format
from mcplens.capture.imports.times import naive_utc, time_ns
from mcplens.capture.imports.wire_rows import LOG_ENDED
from mcplens.capture.names import clean_name
from mcplens.capture.wire import NotJsonError

if TYPE_CHECKING:
    from mcplens.capture.imports.intake import Intake
    from mcplens.capture.imports.source import Head, Source

_NAME: Final = re.compile(r"mcp__(?P<server>.+?)__(?P<tool>.+)", re.DOTALL)
_MAX_OPEN: Final = 10_000
_REFUSED: Final = re.compile(
    r"The user doesn't want to (?:proceed|take this action)|Request interrupted by user"
    r"|tool use was rejected",
    re.IGNORECASE,
)
_TIMED_OUT: Final = re.compile(r"^(?:MCP error -32001|.{0,80}\btimed out\b)", re.IGNORECASE)


class _Use(NamedTuple):
    server: str | None
    tool: str | None
    arguments: Any
    ns: int | None
    line: Mapping[str, Any]


def confidence(head: Head) -> float:
    """Say whether lines are those of a transcript."""
    return 1.0 if any(_is_line(value) for value in head.values) else 0.0


def read(source: Source, intake: Intake) -> None:
    """Give all calls of MCP tools in a transcript to the intake."""
    waiting: OrderedDict[str, _Use] = OrderedDict()
    for number, value in source.values():
        if isinstance(value, NotJsonError) or not isinstance(value, dict):
            intake.bad(number, str(value) if isinstance(value, NotJsonError) else "no JSON object")
            continue
        has_any = False
        for block in _blocks(value):
            has_any |= _take_use(block, value, waiting, intake) or _take_result(
                block, value, waiting, intake
            )
        if not has_any:
            intake.other()
    for name, use in waiting.items():
        if intake.is_growing:
            intake.counts.still_open += 1
        else:
            _give(name, use, None, None, intake)


def _take_use(
    block: Mapping[str, Any],
    line: Mapping[str, Any],
    waiting: OrderedDict[str, _Use],
    intake: Intake,
) -> bool:
    name, said = block.get("id"), block.get("name")
    if block.get("type") != "tool_use" or not isinstance(name, str) or not isinstance(said, str):
        return False
    found = _NAME.fullmatch(said)
    if found is None:
        return False
    if name not in waiting:
        waiting[name] = _Use(
            server=clean_name(found["server"]),
            tool=clean_name(found["tool"]),
            arguments=block.get("input"),
            ns=time_ns(line.get("timestamp")),
            line=line,
        )
    if len(waiting) > _MAX_OPEN:
        oldest, use = waiting.popitem(last=False)
        _give(oldest, use, None, None, intake)
    return True


def _take_result(
    block: Mapping[str, Any],
    line: Mapping[str, Any],
    waiting: OrderedDict[str, _Use],
    intake: Intake,
) -> bool:
    name = block.get("tool_use_id")
    if block.get("type") != "tool_result" or not isinstance(name, str):
        return False
    use = waiting.pop(name, None)
    if use is None:
        return False
    _give(name, use, block, time_ns(line.get("timestamp")), intake)
    return True


def _give(
    name: str, use: _Use, block: Mapping[str, Any] | None, ended: int | None, intake: Intake
) -> None:
    said = use.line.get("sessionId")
    session = said if isinstance(said, str) and said else None
    privacy = intake.privacy_of(use.server, use.tool)
    kept = privacy.arguments({} if use.arguments is None else use.arguments, declared=None)
    kept_result = None if block is None else privacy.result(_result(block))
    duration_ms = None
    if use.ns is not None and ended is not None and ended >= use.ns:
        duration_ms = (ended - use.ns) / 1e6
    outcome, basis, failure = _ending(block, target=use.tool)
    intake.event(
        "claude-code",
        name,
        connection=("claude-code", session, use.server),
        target=use.tool,
        server_name=use.server,
        server_basis="log",
        client_name="claude-code",
        client_version=clean_name(use.line.get("version")),
        agent_id=clean_name(use.line.get("agentId")),
        session_id=session,
        session_basis="handle" if session is not None else "connection",
        started_at=None if use.ns is None else naive_utc(use.ns),
        duration_ms=duration_ms,
        arguments=kept.text,
        arguments_hash=kept.digest,
        arguments_shape=kept.shape,
        result=None if kept_result is None else kept_result.text,
        result_hash=None if kept_result is None else kept_result.digest,
        told=Told({} if block is None else _result(block), failure.text),
        outcome=outcome,
        outcome_basis=basis,
        error_class=failure.error_class,
        error_rule=failure.rule,
        error_code=failure.code,
        error_message=privacy.error_text(failure.text),
    )


def _ending(block: Mapping[str, Any] | None, *, target: str | None) -> tuple[Any, str, Failure]:
    if block is None:
        return "unanswered", LOG_ENDED, Failure()
    if block.get("is_error") is not True:
        return "ok", "log", Failure()
    failure = failure_of_result(_result(block), target=target)
    text = failure.text or ""
    if _REFUSED.search(text):
        return "cancelled", "log", Failure()
    if _TIMED_OUT.search(text):
        return "timeout", "log", Failure(text=failure.text)
    return "tool_error", "log", failure


def _result(block: Mapping[str, Any]) -> dict[str, Any]:
    content = block.get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    return {"content": content if isinstance(content, list) else []}


def _blocks(line: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    message = line.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    return [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []


def _is_line(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("sessionId"), str)
        and isinstance(value.get("type"), str)
        and ("message" in value or "uuid" in value or "parentUuid" in value)
    )


CLAUDE_CODE: Final = Format(
    name="claude-code",
    title="Claude Code transcript",
    gives="tool, server, session, outcome, time; a duration that holds waits for permission too",
    checked="written after published transcripts; none was run",
    confidence=confidence,
    read=read,
)
