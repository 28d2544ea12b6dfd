"""The two who speak on a connection, and what each of them asked and has no end yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcplens.capture.requests import OpenRequests
from mcplens.capture.tasks import Tasks

if TYPE_CHECKING:
    from mcplens.capture.finishing import Finishing
    from mcplens.capture.judging import Judging
    from mcplens.capture.requests import OpenRequest


class Asker:
    """One of the two: its requests, and the tasks that some of them were answered with."""

    __slots__ = ("_finishing", "requests", "tasks")

    def __init__(self, *, finishing: Finishing, judging: Judging) -> None:
        self._finishing = finishing
        self.requests = OpenRequests()
        self.tasks = Tasks(requests=self.requests, finishing=finishing, judging=judging)

    def calls(self) -> list[OpenRequest]:
        """List the calls that are under way."""
        return [*self.requests.calls(), *self.tasks.calls()]

    def take_exchange(self, exchange: str) -> list[OpenRequest]:
        """Follow nothing of an HTTP exchange any more, and give what was open in it."""
        requests = self.requests.in_exchange(exchange)
        for request in requests:
            self.requests.take(request.key, fate="given_up")
        return requests

    def tick(self, ns: int, *, opened_before_ns: int) -> None:
        """Write as opened, once each, what has been open for long."""
        for request in self.requests.opened_before(opened_before_ns):
            self._finishing.opened(request)
        if self.tasks:
            self.tasks.tick(ns, opened_before_ns=opened_before_ns)

    def close(self, reason: str, ns: int) -> None:
        """End all that is open, because the connection ended."""
        for request in self.requests.take_all():
            self._finishing.closed(request, reason, ns, since_ns=request.started_ns)
        self.tasks.close(reason, ns)
