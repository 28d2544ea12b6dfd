"""What is recorded: the raw tables, column by column, and the words that stand in them.

One class is one table and one object is one row. The spool writes these objects as JSON lines
(the field `table` says which), Parquet takes its schema from them, and the raw views take their
columns and comments. Unknown is None, never a guess. Times are naive UTC with microseconds.
This module does no I/O and imports nothing of mcplens.
"""

from __future__ import annotations

import hashlib
import types
import typing
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, Literal

import msgspec

SCHEMA_VERSION: Final = 1
"""Written into every row; a reader refuses what is newer than its own."""

Observer = Literal["proxy", "client", "server", "import"]
Direction = Literal["to_server", "to_client"]
Outcome = Literal[
    "ok",
    "tool_error",
    "protocol_error",
    "timeout",
    "disconnected",
    "cancelled",
    "unanswered",
    "unknown",
    "input_required",
]
ErrorClass = Literal[
    "invalid_arguments",
    "unknown_tool",
    "tool_failure",
    "schema_violation",
    "malformed_result",
    "soft_error",
    "auth",
    "rate_limited",
    "upstream",
    "internal",
]
NoticeKind = Literal[
    "not_json",
    "not_jsonrpc",
    "batch",
    "incomplete_line",
    "oversized_line",
    "unknown_id",
    "duplicate_answer",
    "late_answer",
    "reused_id",
    "log_message",
    "list_changed",
    "notification",
    "lost",
    "recorder_trouble",
]

CALL_METHODS: Final = frozenset({"tools/call", "prompts/get", "resources/read"})
"""The methods whose requests are calls: one thing asked for."""


def says(description: str) -> msgspec.Meta:
    """Describe a column in the words its view repeats."""
    return msgspec.Meta(description=description)


class SideEffect(msgspec.Struct, frozen=True, kw_only=True):
    """Something a call changed outside of itself."""

    kind: str
    target: str | None = None
    detail: str | None = None


class Row(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False, tag_field="table"):
    """What every table's rows have in common."""

    run_id: Annotated[str, says("The recording this row belongs to.")]
    recorded_at: Annotated[
        datetime | None, says("When the recorder wrote the row into its spool, UTC.")
    ] = None
    schema_version: Annotated[
        int, says("The version of these tables that the row was written by.")
    ]  # No default: a default would be left out of the spool.


class Event(Row, tag="events"):
    """One JSON-RPC request and how it ended, as one observer saw it.

    A row without an outcome says that the request was still open when it was written; a later row
    with the same event_id says how it ended.
    """

    # Who called what?
    event_id: Annotated[str, says("The request; run and sequence together.")]
    connection_id: Annotated[str, says("The connection it travelled on.")]
    observer: Annotated[
        Observer, says("Where the recorder stood: proxy, client, server or import.")
    ]
    sequence: Annotated[int, says("Counts the requests of a run from 1; a gap is a lost event.")]
    direction: Annotated[
        Direction, says("to_server when the client asked, to_client when the server did.")
    ]
    request_id: Annotated[
        str | None, says('The JSON-RPC id as JSON text, so that 7 and "7" differ.')
    ] = None
    call_id: Annotated[str | None, says("The call that this request is a round of.")] = None
    round: Annotated[int | None, says("Which round of its call this is, from 1.")] = None
    is_final: Annotated[
        bool | None, says("Whether this is the last round, which carries the call's totals.")
    ] = None
    attempt: Annotated[
        int | None, says("Which try of the same call by the agent this is, from 1.")
    ] = None
    retry_of: Annotated[str | None, says("The failed call that this one repeats.")] = None
    session_id: Annotated[str | None, says("The calls that belong together for the user.")] = None
    session_basis: Annotated[
        str | None,
        says("How the session is known: handle, protocol, trace, client_process or connection."),
    ] = None
    client_name: Annotated[str | None, says("What the client calls itself.")] = None
    client_version: Annotated[str | None, says("The client's version by its own word.")] = None
    agent_id: Annotated[str | None, says("The agent on whose behalf the client called.")] = None
    user_id: Annotated[str | None, says("The user on whose behalf the client called.")] = None
    server_name: Annotated[str | None, says("The server.")] = None
    server_basis: Annotated[
        str | None, says("How the server's name is known: option, handshake, command or log.")
    ] = None
    server_version: Annotated[str | None, says("The server's version by its own word.")] = None
    transport: Annotated[str | None, says("stdio, http, sse or memory.")] = None
    http_status: Annotated[int | None, says("The HTTP status of the answer.")] = None
    protocol_version: Annotated[
        str | None, says("The MCP version that was spoken, such as 2026-07-28.")
    ] = None
    method: Annotated[str | None, says("The JSON-RPC method, such as tools/call.")] = None
    target: Annotated[
        str | None, says("The tool, prompt or resource asked for; of a URI never the query string.")
    ] = None
    definition_hash: Annotated[
        str | None, says("The definition of the target that was in force.")
    ] = None
    trace_id: Annotated[str | None, says("The W3C trace the request carried.")] = None
    span_id: Annotated[str | None, says("The W3C parent span the request carried.")] = None
    test_id: Annotated[str | None, says("The test that made the call.")] = None
    is_warmup: Annotated[
        bool | None, says("Whether the call only warmed the server up; budgets leave it out.")
    ] = None
    started_at: Annotated[
        datetime | None,
        says("When the request was seen, UTC; of a last round, when the first was."),
    ] = None
    arguments: Annotated[
        str | None, says("The arguments as JSON text; only where keeping contents was asked for.")
    ] = None
    arguments_hash: Annotated[
        str | None, says("Keyed hash of the arguments: equal arguments, equal hash.")
    ] = None
    arguments_shape: Annotated[
        str | None,
        says("The arguments' declared keys with types and sizes in place of values, as JSON text."),
    ] = None
    request_bytes: Annotated[int | None, says("Size of the request message, in bytes.")] = None

    # With what credentials?
    credential_mode: Annotated[
        str | None, says("Whose credential the call used: user, service, none.")
    ] = None
    credential_id: Annotated[str | None, says("Keyed fingerprint of the credential.")] = None
    credential_scope: Annotated[str | None, says("What the credential allows.")] = None
    upstream: Annotated[str | None, says("The system behind the tool that did the work.")] = None

    # What happened?
    outcome: Annotated[Outcome | None, says("How it ended; NULL while nothing has ended it.")] = (
        None
    )
    outcome_basis: Annotated[str | None, says("How the outcome is known.")] = None
    error_class: Annotated[ErrorClass | None, says("Why it failed.")] = None
    error_rule: Annotated[str | None, says("The rule that decided on the error class.")] = None
    error_code: Annotated[int | None, says("The JSON-RPC error code.")] = None
    error_message: Annotated[
        str | None, says("The error's text as a template, without values.")
    ] = None
    error_origin: Annotated[
        str | None, says("Where the error came from: server, client, transport or observer.")
    ] = None
    duration_ms: Annotated[
        float | None,
        says("Request seen to answer seen, in ms; of a last round, from the first request on."),
    ] = None
    wait_ms: Annotated[
        float | None, says("The part of the duration spent on a person or a model, in ms.")
    ] = None
    work_ms: Annotated[float | None, says("The rest of the duration, in ms.")] = None
    duration_bin: Annotated[
        int | None, says("Logarithmic bin of work_ms for summaries with at most 1 % error.")
    ] = None
    first_progress_ms: Annotated[
        float | None, says("Request seen to first progress seen, in ms.")
    ] = None
    progress_count: Annotated[int | None, says("Progress notifications seen.")] = None
    result: Annotated[
        str | None, says("The result as JSON text; only where keeping contents was asked for.")
    ] = None
    result_hash: Annotated[str | None, says("Keyed hash of the result.")] = None
    response_bytes: Annotated[int | None, says("Size of the answer message, in bytes.")] = None
    content_kinds: Annotated[
        list[str] | None, says("The kinds of content in the result, each once.")
    ] = None
    is_structured: Annotated[bool | None, says("Whether the result had structured content.")] = None
    is_schema_valid: Annotated[
        bool | None, says("Whether the structured content is what outputSchema says.")
    ] = None
    is_read_only: Annotated[bool | None, says("The tool's readOnlyHint.")] = None
    is_idempotent: Annotated[bool | None, says("The tool's idempotentHint.")] = None
    is_destructive: Annotated[bool | None, says("The tool's destructiveHint.")] = None

    # What is left behind?
    side_effects: Annotated[
        list[SideEffect] | None, says("What the call changed outside of itself.")
    ] = None
    reversibility: Annotated[str | None, says("no_effect, reversible or permanent.")] = None
    cost_usd: Annotated[float | None, says("What the call cost, in US dollars.")] = None
    input_tokens: Annotated[int | None, says("Tokens a model read for the call.")] = None
    output_tokens: Annotated[int | None, says("Tokens a model wrote for the call.")] = None
    checkpoint: Annotated[str | None, says("How far the work had come, in the tool's words.")] = (
        None
    )
    note_basis: Annotated[
        str | None, says("Where the notes came from: tool, result, configuration or log.")
    ] = None

    # About the recorder itself
    lost_before: Annotated[
        int | None, says("Messages or events lost since the row before this one.")
    ] = None


class Connection(Row, tag="connections"):
    """One connection between a client and a server; the newest row of a connection counts."""

    connection_id: Annotated[str, says("The connection.")]
    observer: Annotated[
        Observer, says("Where the recorder stood: proxy, client, server or import.")
    ]
    transport: Annotated[str | None, says("stdio, http, sse or memory.")] = None
    command: Annotated[str | None, says("The server's command after redaction.")] = None
    address: Annotated[
        str | None, says("The server's address without query string or credentials.")
    ] = None
    spawned_at: Annotated[
        datetime | None, says("When the server was started or the connection opened, UTC.")
    ] = None
    first_answered_at: Annotated[
        datetime | None, says("When the server's first answer was seen, UTC.")
    ] = None
    ended_at: Annotated[datetime | None, says("When the connection ended, UTC.")] = None
    end_reason: Annotated[
        str | None,
        says("Who ended it: client_closed, server_exited, signal, recorder_died or log_ended."),
    ] = None
    exit_code: Annotated[
        int | None, says("The server's exit code; a negative number is a signal.")
    ] = None
    client_name: Annotated[str | None, says("What the client calls itself.")] = None
    client_version: Annotated[str | None, says("The client's version by its own word.")] = None
    server_name: Annotated[str | None, says("The server.")] = None
    server_basis: Annotated[
        str | None, says("How the server's name is known: option, handshake, command or log.")
    ] = None
    server_version: Annotated[str | None, says("The server's version by its own word.")] = None
    protocol_version: Annotated[
        str | None, says("The MCP version that was spoken, such as 2026-07-28.")
    ] = None
    client_process_id: Annotated[
        str | None, says("Keyed hash of the process that the client is; NULL where unknown.")
    ] = None
    shadowed_by: Annotated[
        str | None, says("The connection that recorded the same traffic from further out.")
    ] = None
    first_request_at: Annotated[
        datetime | None, says("When the client's first request was seen, UTC.")
    ] = None
    opening_hash: Annotated[
        str | None,
        says("How many of the first three requests came, and keyed hashes of what they were."),
    ] = None


class Run(Row, tag="runs"):
    """One recording by one recorder; the newest row of a run counts."""

    label: Annotated[str | None, says("The run's label.")] = None
    observer: Annotated[Observer | None, says("Where the recorder stood.")] = None
    keep: Annotated[str | None, says("What of contents was kept: none, shape or full.")] = None
    mcplens_version: Annotated[str | None, says("The mcplens that recorded.")] = None
    started_at: Annotated[datetime | None, says("When recording began, UTC.")] = None
    ended_at: Annotated[
        datetime | None, says("When recording ended, UTC; NULL while it goes on or if it died.")
    ] = None
    event_count: Annotated[int | None, says("Events recorded.")] = None
    lost_count: Annotated[int | None, says("Messages and events the recorder had to drop.")] = None
    recorder_cpu_ms: Annotated[
        float | None,
        says("CPU time recording used, in ms: of a proxy or service all, else its own thread's."),
    ] = None


class Definition(Row, tag="definitions"):
    """A tool, prompt or resource as a server advertised it on one connection."""

    definition_hash: Annotated[str, says("Hash of the definition's canonical JSON.")]
    connection_id: Annotated[str, says("The connection it was seen on.")]
    server_name: Annotated[str | None, says("The server.")] = None
    kind: Annotated[str | None, says("tool, prompt, resource or resource_template.")] = None
    name: Annotated[str | None, says("Its name; of a resource its URI without query string.")] = (
        None
    )
    definition: Annotated[str | None, says("As JSON text; of a resource what --keep allows.")] = (
        None
    )
    definition_bytes: Annotated[int | None, says("Size of the definition's JSON, in bytes.")] = None
    is_read_only: Annotated[bool | None, says("The tool's readOnlyHint.")] = None
    is_idempotent: Annotated[bool | None, says("The tool's idempotentHint.")] = None
    is_destructive: Annotated[bool | None, says("The tool's destructiveHint.")] = None
    seen_at: Annotated[datetime | None, says("When it was seen first on the connection, UTC.")] = (
        None
    )


class Notice(Row, tag="notices"):
    """Something seen on the wire, or met by the recorder, that is no request."""

    notice_id: Annotated[str, says("The notice.")]
    connection_id: Annotated[str | None, says("The connection it was seen on.")] = None
    noticed_at: Annotated[datetime | None, says("When it was seen, UTC.")] = None
    kind: Annotated[NoticeKind | None, says("What it was, such as not_json or late_answer.")] = None
    direction: Annotated[
        Direction | None, says("to_server when the client sent it, to_client when the server did.")
    ] = None
    method: Annotated[str | None, says("The JSON-RPC method, if it had one.")] = None
    request_id: Annotated[str | None, says("The JSON-RPC id as JSON text, if it had one.")] = None
    detail: Annotated[str | None, says("One line that says more, without contents.")] = None
    size_bytes: Annotated[int | None, says("Its size on the wire, in bytes.")] = None
    lost_count: Annotated[int | None, says("How many messages or events were lost.")] = None


class Sample(Row, tag="samples"):
    """What a server that mcplens started, with its children, was using at one moment."""

    sample_id: Annotated[str, says("The sample.")]
    connection_id: Annotated[str | None, says("The connection of the process.")] = None
    sampled_at: Annotated[datetime | None, says("When it was read, UTC.")] = None
    cpu_ms: Annotated[float | None, says("CPU time used since the process began, in ms.")] = None
    memory_bytes: Annotated[
        int | None, says("Resident memory in bytes, what is shared counted each time.")
    ] = None
    peak_memory_bytes: Annotated[
        int | None, says("The most that the largest of its processes ever held; known at its end.")
    ] = None
    disk_read_bytes: Annotated[int | None, says("Read from disk since it began, in bytes.")] = None
    disk_write_bytes: Annotated[int | None, says("Written to disk since it began, in bytes.")] = (
        None
    )


AnyRow = Event | Connection | Run | Definition | Notice | Sample

TABLES: Final[dict[str, type[Row]]] = {
    "events": Event,
    "connections": Connection,
    "runs": Run,
    "definitions": Definition,
    "notices": Notice,
    "samples": Sample,
}
"""The raw tables by name, in the order people meet them."""

SORTED_BY: Final[dict[str, str]] = {
    "events": "started_at",
    "connections": "spawned_at",
    "runs": "started_at",
    "definitions": "seen_at",
    "notices": "noticed_at",
    "samples": "sampled_at",
}
"""The time each table is sorted by, and dated by in the store's folders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a raw table."""

    name: str
    type: str
    """Its DuckDB type."""
    comment: str


_TYPES: Final[dict[object, str]] = {
    str: "VARCHAR",
    int: "BIGINT",
    float: "DOUBLE",
    bool: "BOOLEAN",
    datetime: "TIMESTAMP",
}


@cache
def columns(table: str) -> tuple[Column, ...]:
    """List a raw table's columns in the order they are written."""
    hints = typing.get_type_hints(TABLES[table], include_extras=True)
    # Fields of the base class come first in the class, but a table begins with its own id.
    own = [f.name for f in msgspec.structs.fields(TABLES[table])]
    shared = [f.name for f in msgspec.structs.fields(Row)]
    names = [n for n in own if n not in shared]
    first = ["run_id"] if table == "runs" else [names.pop(0), "run_id"]
    return tuple(_column(n, hints[n]) for n in [*first, *names, "recorded_at", "schema_version"])


@cache
def columns_mark(names: tuple[str, ...]) -> str:
    """Tell sets of columns apart in a few letters, whatever their order."""
    return hashlib.blake2b(" ".join(sorted(names)).encode(), digest_size=4).hexdigest()


def _column(name: str, hint: Any) -> Column:
    description = next(m.description for m in hint.__metadata__ if isinstance(m, msgspec.Meta))
    return Column(name=name, type=_duckdb_type(hint.__origin__), comment=description or "")


def _duckdb_type(hint: Any) -> str:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        [hint] = [part for part in typing.get_args(hint) if part is not types.NoneType]
    if typing.get_origin(hint) is Literal:
        return "VARCHAR"
    if typing.get_origin(hint) is list:
        [item] = typing.get_args(hint)
        return f"{_duckdb_type(item)}[]"
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        parts = ", ".join(
            f"{field.name} {_duckdb_type(field.type)}" for field in msgspec.structs.fields(hint)
        )
        return f"STRUCT({parts})"
    return _TYPES[hint]
