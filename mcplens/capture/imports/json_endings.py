"""How a call ended, in the words of JSON logs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from mcplens.capture.failures import Failure, failure_of_error, failure_of_result
from mcplens.capture.imports.json_fields import HTTP_STATUS, text, whole
from mcplens.events import ErrorClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcplens.events import Outcome

_MEANINGS: Final[tuple[tuple[str, Outcome, ErrorClass | None], ...]] = (
    ("ok okay success succeeded successful complete completed done finished passed", "ok", None),
    ("error errored failure failed fail exception iserror toolerror", "tool_error", None),
    ("protocolerror rpcerror jsonrpcerror", "protocol_error", None),
    ("timeout timedout deadlineexceeded", "timeout", None),
    ("cancelled canceled cancel aborted", "cancelled", None),
    ("disconnected connectionclosed crash crashed", "disconnected", None),
    ("unanswered noresponse noanswer", "unanswered", None),
    ("denied forbidden unauthorized unauthorised unauthenticated blocked", "tool_error", "auth"),
    ("ratelimited throttled", "tool_error", "rate_limited"),
    ("invalidarguments invalidinput invalidparams", "tool_error", "invalid_arguments"),
    ("unknowntool toolnotfound", "tool_error", "unknown_tool"),
)
_WORDS: Final[dict[str, tuple[Outcome, ErrorClass | None]]] = {
    word: (outcome, error_class)
    for words, outcome, error_class in _MEANINGS
    for word in words.split()
}
_BEGINNINGS: Final = frozenset(
    {
        *("start", "started", "starting", "begin", "began", "begun", "pending", "running"),
        *("inprogress", "queued", "requested"),
    }
)
_SAYS: Final = ("outcome", "status", "state", "resultstatus", "callstatus", "toolstatus")
_PHASE: Final = ("phase", "eventtype", "type", "event", "stage", "action", "kind")
_GOOD: Final = ("success", "ok", "issuccess", "succeeded", "successful", "passed")
_BAD: Final = ("iserror", "failed", "isfailure", "haserror", "error", "errored")
_ERRORS: Final = (
    "error", "errormessage", "err", "exception", "exceptionmessage", "errordetail", "errortext",
    "errormsg", "failurereason",
)  # fmt: skip
_CODES: Final = ("errorcode", "jsonrpcerrorcode", "rpcresponsestatuscode", "code")
_CLASSES: Final = frozenset(get_args(ErrorClass))
_FALSE: Final = frozenset({"false", "no", "0", "none", "null", "n"})
_TRUE: Final = frozenset({"true", "yes", "1", "y"})
_CODE: Final = re.compile(r"-?[0-9]{1,9}")
_HTTP_ERROR: Final = 400
_ERROR_LEVEL: Final = 50
_ERROR_LEVELS: Final = ("error", "critical", "fatal")
_RPC_CODES: Final = range(-32768, -31999)


class LoggedEnding(NamedTuple):
    """What a log line says of how its call ended."""

    outcome: Outcome
    basis: str
    failure: Failure = Failure()


def is_beginning(fields: Mapping[str, Any]) -> bool:
    """Tell whether a line only says that a call began."""
    if any(_plain(fields.get(name)) in _BEGINNINGS for name in _SAYS):
        return True
    phases = (_plain(fields.get(name)) or "" for name in _PHASE)
    return any(phase.endswith(("start", "started", "begin", "began")) for phase in phases)


def says_an_end(fields: Mapping[str, Any]) -> bool:
    """Tell whether a line says anything of how a call ended."""
    if any(_plain(fields.get(name)) in _WORDS for name in _SAYS):
        return True
    return any(name in fields for name in (*_GOOD, *_BAD, *_ERRORS))


def ending_of(fields: Mapping[str, Any], *, target: str | None) -> LoggedEnding:
    """Read how a call ended: by a word, else by a yes or no, else by an error that stands there.

    A line that says none of these leaves it unknown.
    """
    outcome, error_class, basis = _by_word(fields)
    if outcome is None:
        outcome, basis = _by_flag(fields), "log_flag"
    text_of_error, code = _error(fields)
    status = whole(fields, HTTP_STATUS)
    if outcome is None and (text_of_error is not None or code is not None):
        outcome, basis = "tool_error", "log_error"
    if outcome is None and status is not None and status >= _HTTP_ERROR:
        outcome, basis = "protocol_error", "log_status"
    if outcome is None and _is_error_level(fields.get("level")):
        outcome, basis = "tool_error", "log_level"
    if outcome is None and any(name in fields for name in _ERRORS):
        outcome, basis = "ok", "log_no_error"  # It names the error, and there is none.
    if outcome is None:
        return LoggedEnding("unknown", "log")
    if outcome not in ("tool_error", "protocol_error"):
        return LoggedEnding(outcome, basis)
    if outcome == "tool_error" and code in _RPC_CODES:
        outcome = "protocol_error"
    failure = _failure(outcome, text_of_error, code, status, target=target)
    own = error_class or _own_class(fields)
    if own is not None:
        failure = failure._replace(error_class=own, rule="log")
    return LoggedEnding(outcome, basis, failure)


def _by_word(fields: Mapping[str, Any]) -> tuple[Outcome | None, ErrorClass | None, str]:
    for name in (*_SAYS, "result"):
        word = _plain(fields.get(name))
        if word in _WORDS:
            return *_WORDS[word], "log_word"
    return None, None, ""


def _by_flag(fields: Mapping[str, Any]) -> Outcome | None:
    for name in _GOOD:
        value = _truth(fields.get(name))
        if value is not None:
            return "ok" if value else "tool_error"
    for name in _BAD:
        value = _truth(fields.get(name))
        if value is not None:
            return "tool_error" if value else "ok"
    return None


def _error(fields: Mapping[str, Any]) -> tuple[str | None, int | None]:
    message: str | None = None
    for name in _ERRORS:
        value = fields.get(name)
        if isinstance(value, dict):
            value = value.get("message") or value.get("msg") or value.get("detail")
        if isinstance(value, str) and value.strip() and value.strip().lower() not in _FALSE:
            message = value
            break
    codes = [fields.get(name) for name in _CODES]
    error = fields.get("error")
    if isinstance(error, dict):
        codes.insert(0, error.get("code"))
    return message, next((code for code in map(_code, codes) if code), None)


def _code(value: Any) -> int | None:
    if isinstance(value, str) and _CODE.fullmatch(value):
        return int(value)
    is_code = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53
    return value if is_code else None


def _failure(
    outcome: Outcome,
    message: str | None,
    code: int | None,
    status: int | None,
    *,
    target: str | None,
) -> Failure:
    error = {"code": code if code is not None else status, "message": message}
    if outcome == "protocol_error" or code is not None:
        failure = failure_of_error("tools/call", error)
        if failure.error_class is not None or outcome == "protocol_error":
            return failure._replace(code=code)
    content = [] if message is None else [{"type": "text", "text": message}]
    return failure_of_result({"content": content}, target=target)._replace(code=code)


def _is_error_level(level: Any) -> bool:
    # As a number: pino and bunyan mean an error by 50, Python's logging one that is critical.
    is_number = isinstance(level, int) and not isinstance(level, bool)
    return level >= _ERROR_LEVEL if is_number else _plain(level) in _ERROR_LEVELS


def _own_class(fields: Mapping[str, Any]) -> ErrorClass | None:
    said = text(fields, ("errorclass", "errortype", "errorkind", "errorcategory"))
    return said if said in _CLASSES else None  # type: ignore[return-value]


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else None
    if isinstance(value, int):
        return {0: False, 1: True}.get(value)
    return None


def _plain(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > 100:  # noqa: PLR2004
        return None
    return "".join(sign for sign in value.lower() if sign.isalnum())
