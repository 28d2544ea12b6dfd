"""Logs of whole JSON-RPC messages: each connection goes through the same correlator as live."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mcplens.capture.correlator import Correlator
    from mcplens.capture.imports.intake import Intake
    from mcplens.capture.imports.wire_rows import Wire
    from mcplens.events import Direction

MAX_OPEN: Final = 256
"""Connections followed at once; the one that was quiet for longest is taken as ended."""


class WireLogs:
    """The connections of one file, told apart by a key."""

    def __init__(self, intake: Intake, format_name: str) -> None:
        self._intake = intake
        self._format = format_name
        self._open: OrderedDict[object, tuple[Correlator, Wire]] = OrderedDict()
        self._last_ns: dict[object, int] = {}

    def message(
        self,
        key: object,
        direction: Direction,
        message: Any,
        *,
        ns: int,
        server_name: str | None = None,
        **facts: Any,
    ) -> None:
        """Take one message of a connection; its facts count when it is the first.

        Its size stays unknown: a log writes a message in its own way.
        """
        if key not in self._open:
            self._open[key] = self._intake.correlator(
                self._format, key, server_name=server_name, spawned_ns=ns, **facts
            )
        self._open.move_to_end(key)
        # A log's clock may be set back, but a call never took less than no time.
        self._last_ns[key] = max(ns, self._last_ns.get(key, ns))
        members = message if isinstance(message, list) else [message]
        for member in members:
            self._open[key][0].message(direction, member, ns=self._last_ns[key])
        while len(self._open) > MAX_OPEN:
            self.end(next(iter(self._open)))

    def end(self, key: object, *, reason: str | None = None, ns: int = 0) -> None:
        """End a connection, if it is open; without a reason, because the log says no more."""
        known = self._open.pop(key, None)
        if known is not None:
            correlator, wire = known
            wire.end(correlator, max(ns, self._last_ns.pop(key)), reason=reason)

    def end_all(self) -> None:
        """End all connections, because the log says no more."""
        for key in list(self._open):
            self.end(key)
