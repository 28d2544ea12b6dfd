"""What the fields of a JSON log line mean, whatever the log calls them.

A field's name is read without case and punctuation and with the names of the objects it stands in:
`tool_name`, `toolName`, `tool.name` and `{"tool": {"name": …}}` are one. Objects that only wrap
(`data`, `attributes`, …) are left out of the name; objects that hold contents (`arguments`,
`result`, …) are never looked into.
"""

from __future__ import annotations

import re
from collections import deque
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.imports.times import span_ns, time_ns

if TYPE_CHECKING:
    from collections.abc import Mapping

_WRAPPERS: Final = frozenset(
    {
        *("attributes", "audit", "body", "call", "context", "ctx", "data", "details", "event"),
        *("extra", "fields", "jsonpayload", "labels", "log", "mcp", "meta", "metadata", "payload"),
        *("properties", "props", "record", "toolcall"),
    }
)
_CONTENTS: Final = frozenset(
    {
        *("arguments", "args", "input", "output", "params", "parameters", "request", "response"),
        *("requestbody", "responsebody", "result", "toolarguments", "toolargs", "toolinput"),
        *("tooloutput", "toolresult"),
    }
)
_MAX_DEPTH: Final = 4
_MAX_FIELDS: Final = 300
_MAX_KEY: Final = 100
_PUNCTUATION: Final = re.compile(r"[^0-9a-zµμ]+")

TOOL: Final = (
    "tool", "toolname", "mcptool", "mcptoolname", "genaitoolname", "tooltoolname", "toolid",
)  # fmt: skip
SERVER: Final = (
    "server", "servername", "mcpserver", "mcpservername", "serverid", "service", "servicename",
)  # fmt: skip
SESSION: Final = ("session", "sessionid", "conversationid", "chatid", "agentsessionid")
PROTOCOL_SESSION: Final = ("mcpsessionid", "protocolsessionid")
AGENT: Final = ("agent", "agentid", "agentname", "genaiagentname", "genaiagentid")
USER: Final = ("user", "userid", "username", "useremail", "enduserid")
CLIENT: Final = ("client", "clientname", "mcpclient", "clientinfoname")
CLIENT_VERSION: Final = ("clientversion", "clientinfoversion")
SERVER_VERSION: Final = ("serverversion", "serverinfoversion", "serviceversion")
METHOD: Final = ("method", "mcpmethod", "mcpmethodname", "rpcmethod", "jsonrpcmethod")
REQUEST_ID: Final = ("jsonrpcid", "jsonrpcrequestid", "rpcid", "requestid", "reqid")
STARTED: Final = ("startedat", "starttime", "start", "starttimestamp", "startts", "calledat")
WRITTEN: Final = (
    "timestamp", "time", "ts", "datetime", "date", "endedat", "endtime", "finishedat",
    "completedat", "createdat", "logtime", "asctime", "timeunixnano", "epoch", "t",
)  # fmt: skip
ARGUMENTS: Final = (
    "arguments", "args", "params", "parameters", "input", "toolinput", "toolargs", "toolarguments",
)  # fmt: skip
RESULT: Final = ("result", "output", "response", "tooloutput", "toolresult")
REQUEST_BYTES: Final = ("requestbytes", "requestsize", "inputbytes", "inputsize", "bytesin")
RESPONSE_BYTES: Final = (
    "responsebytes", "responsesize", "outputbytes", "outputsize", "resultbytes", "resultsize",
    "bytesout",
)  # fmt: skip
INPUT_TOKENS: Final = ("inputtokens", "prompttokens", "tokensin", "genaiusageinputtokens")
OUTPUT_TOKENS: Final = (
    "outputtokens", "completiontokens", "tokensout", "genaiusageoutputtokens",
)  # fmt: skip
COST: Final = ("costusd", "usdcost", "costinusd")
HTTP_STATUS: Final = ("httpstatus", "httpstatuscode", "statuscode", "httpresponsestatuscode")
TRACE: Final = ("traceid", "oteltraceid")
SPAN: Final = ("spanid", "otelspanid")

_SPANS: Final = (
    "duration", "durationtime", "latency", "elapsed", "elapsedtime", "executiontime", "exectime",
    "responsetime", "runtime", "took", "calltime", "processingtime", "toolduration", "walltime",
    "executionduration", "roundtrip",
)  # fmt: skip
_UNITS: Final = {
    "ms": ("ms", "msec", "msecs", "millis", "milliseconds", "inms", "inmillis", "inmilliseconds"),
    "s": ("s", "sec", "secs", "seconds", "ins", "inseconds"),
    "us": ("us", "usec", "usecs", "micros", "microseconds", "µs", "μs", "inus", "inmicroseconds"),
    "ns": ("ns", "nsec", "nanos", "nanoseconds", "inns", "innanos", "innanoseconds"),
}
_SPAN_UNIT: Final[dict[str, str | None]] = {
    **dict.fromkeys(_SPANS),
    **{
        name + suffix: unit
        for unit, suffixes in _UNITS.items()
        for suffix in suffixes
        for name in _SPANS
    },
}
_ERRORS: Final = ("error", "err", "exception")
_TIME_UNIT: Final = {"ms": "ms", "millis": "ms", "us": "us", "micros": "us", "ns": "ns", "s": "s"}


def fields_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of a log line under their plain names, what stands further out first."""
    found: dict[str, Any] = {}
    waiting: deque[tuple[str, Mapping[str, Any], int]] = deque([("", record, 0)])
    while waiting and len(found) < _MAX_FIELDS:
        prefix, place, depth = waiting.popleft()
        for key, value in list(place.items())[:_MAX_FIELDS]:
            if not isinstance(key, str) or len(key) > _MAX_KEY:
                continue
            own = _plain(key)
            name = prefix + own
            if isinstance(value, dict) and own not in _CONTENTS:
                if depth < _MAX_DEPTH:
                    inner = prefix if own in _WRAPPERS else name
                    waiting.append((inner, value, depth + 1))
                if name not in _ERRORS:  # An error may be an object of any shape.
                    continue
            found.setdefault(name, value)
    return found


def first(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Give the first field there is of several names; None when there is none."""
    for name in names:
        value = fields.get(name)
        if value is not None and value != "":
            return value
    return None


def text(fields: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """Give the first field of several names that is a text or a number, as text."""
    for name in names:
        if name not in fields:
            continue
        value = fields[name]
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
            return str(value)
    return None


def whole(fields: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """Give the first field of several names that is a count."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62:
            return value
    return None


def duration_ns(fields: Mapping[str, Any], *, unit: str | None) -> tuple[int | None, bool]:
    """Read how long the call took, and whether a number stands there that says no unit."""
    says_no_unit = False
    said = text(fields, ("durationunit", "latencyunit", "timeunit", "unit"))
    bare = said if said in _UNITS else unit
    for name, value in fields.items():
        if name not in _SPAN_UNIT:
            continue
        ns = span_ns(value, unit=_SPAN_UNIT[name] or bare)
        if ns is not None:
            return ns, False
        says_no_unit |= _SPAN_UNIT[name] is None and span_ns(value, unit="ns") is not None
    return None, says_no_unit


def moment_ns(fields: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """Read the first of several points in time; a unit may stand at the end of its name."""
    for name, unit in _with_units(names):
        if name in fields:
            ns = time_ns(fields[name], unit=unit)
            if ns is not None:
                return ns
    return None


@cache
def _with_units(names: tuple[str, ...]) -> tuple[tuple[str, str | None], ...]:
    """List the names that a point in time may have, each with the unit it says."""
    return tuple(
        pair
        for name in names
        for pair in ((name, None), *((name + end, unit) for end, unit in _TIME_UNIT.items()))
    )


@lru_cache(maxsize=4096)
def _plain(key: str) -> str:
    return _PUNCTUATION.sub("", key.lower())
