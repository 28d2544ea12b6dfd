"""From the spans of one trace to the calls in it: several spans of one call are one.

A client's library, the SDK below it and the server each make a span of the same call. They hang
together as parent and child, with the same method; a server that calls another begins a new call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcplens.capture.names import clean_address, clean_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcplens.capture.otel.spans import Span

_MAX_DEPTH: Final = 200
_MAX_UPSTREAMS: Final = 8
_TARGETS: Final = {"tools/call": "gen_ai.tool.name", "prompts/get": "gen_ai.prompt.name"}


@dataclass(slots=True, kw_only=True)
class SpannedCall:
    """One request, by all spans of it."""

    method: str
    of_client: tuple[Span, ...]
    """From the caller inwards; the last is nearest to the wire."""
    of_server: tuple[Span, ...]
    upstream: str | None = None
    round: int = 1
    """Which sending of the same call by one caller this is, from 1."""
    is_last: bool = True
    first_id: str | None = None
    """The carried id of the first sending, where this is a later one."""

    @property
    def spans(self) -> tuple[Span, ...]:
        """All of them, the server's first: it knows more."""
        return (*self.of_server, *reversed(self.of_client))

    @property
    def wire(self) -> Span | None:
        """The client's span that is nearest to the wire."""
        return self.of_client[-1] if self.of_client else None

    @property
    def answering(self) -> Span | None:
        """The server's span that the client's hangs together with."""
        return self.of_server[0] if self.of_server else None

    @property
    def timed(self) -> Span:
        """The span that the call is timed by: what its caller waited for, as far as known."""
        return self.wire or self.of_server[0]

    @property
    def carried_id(self) -> str:
        """The span that the request named as its parent; the same from either side."""
        if self.wire is not None:
            return self.wire.span_id
        return self.of_server[0].parent_id or self.of_server[0].span_id

    def text(self, *names: str) -> str | None:
        """Give the first of several attributes, of whichever span has it."""
        return next(filter(None, (span.text(*names) for span in self.spans)), None)

    @property
    def target(self) -> str | None:
        """The tool, prompt or resource asked for; at last by the span's name."""
        if self.method == "resources/read":
            return clean_address(self.text("mcp.resource.uri"))
        if self.method not in _TARGETS:
            return None
        said = self.text(_TARGETS[self.method])
        named = (span.name.partition(f"{self.method} ")[2] for span in self.spans)
        return clean_name(said or next(filter(None, named), None))

    @property
    def protocol_version(self) -> str | None:
        """The MCP version that was spoken."""
        return clean_name(self.text("mcp.protocol.version"))


def calls_of(spans: Sequence[Span]) -> Iterator[SpannedCall]:
    """Find the calls among the spans of one trace, in the order they began."""
    by_id = {span.span_id: span for span in spans}
    ordered = sorted(by_id.values(), key=lambda span: (span.started_ns, span.span_id))
    inner: dict[str, list[Span]] = {}
    outermost: list[Span] = []
    for span in ordered:
        if span.method is None:
            continue
        above = _caller_of(span, by_id)
        if above is None:
            outermost.append(span)
        else:
            inner.setdefault(above.span_id, []).append(span)
    upstreams = _upstreams(ordered, by_id)
    for span in outermost:
        rounds = [
            SpannedCall(
                method=span.method or "",
                of_client=tuple(one for one in chain if one.kind != "server"),
                of_server=tuple(one for one in chain if one.kind == "server"),
                upstream=_joined(chain, upstreams),
            )
            for chain in _chains((span,), inner)
        ]
        for number, call in enumerate(rounds, start=1):
            call.round, call.is_last = number, number == len(rounds)
            call.first_id = None if number == 1 else rounds[0].carried_id
            yield call


def _caller_of(span: Span, by_id: dict[str, Span]) -> Span | None:
    """Find the span of the same call that this one is inside of."""
    above = _mcp_above(span, by_id)
    if above is None or (above.kind == "server" and span.kind != "server"):
        return None
    return above if above.method == span.method else None


def _mcp_above(span: Span, by_id: dict[str, Span]) -> Span | None:
    parent_id = span.parent_id
    for _ in range(_MAX_DEPTH):
        parent = by_id.get(parent_id or "")
        if parent is None or parent is span:
            return None
        if parent.method is not None:
            return parent
        parent_id = parent.parent_id
    return None


def _chains(begun: tuple[Span, ...], inner: dict[str, list[Span]]) -> Iterator[tuple[Span, ...]]:
    """Follow a call inwards; where it was sent several times, each is a request of its own."""
    below = inner.get(begun[-1].span_id, [])
    if not below or len(begun) > _MAX_DEPTH:
        yield begun
        return
    for span in below:
        yield from _chains((*begun, span), inner)


def _upstreams(spans: Sequence[Span], by_id: dict[str, Span]) -> dict[str, dict[str, None]]:
    """Name for every span of MCP what was asked for inside of it."""
    found: dict[str, dict[str, None]] = {}
    for span in spans:
        upstream = None if span.method is not None else span.upstream
        above = None if upstream is None else _mcp_above(span, by_id)
        # Between a client and its server there is only transport.
        if upstream is not None and above is not None and above.kind == "server":
            found.setdefault(above.span_id, {})[upstream] = None
    return found


def _joined(chain: tuple[Span, ...], upstreams: dict[str, dict[str, None]]) -> str | None:
    names: dict[str, None] = {}
    for span in chain:
        names |= upstreams.get(span.span_id, {})
    return clean_name(", ".join(list(names)[:_MAX_UPSTREAMS]))
