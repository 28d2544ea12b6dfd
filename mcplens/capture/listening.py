"""HOST:PORT, as people say where to listen."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, NamedTuple

from mcplens.errors import UsageError

LOOPBACK: Final = "127.0.0.1"
_HOST_PORT: Final = re.compile(r"(?:(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*):)?([0-9]{1,5})")
_MAX_PORT: Final = 65_535


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int
    """0 lets the system choose."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """Write it as people type it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def parse_address(text: str, *, example: str) -> Address:
    """Read HOST:PORT, where an IPv6 address stands in brackets; without a host it is loopback.

    Raises:
        UsageError: it is none.
    """
    match = _HOST_PORT.fullmatch(text)
    host = match[1] or LOOPBACK if match else ""
    if match is None or int(match[2]) > _MAX_PORT or not _can_be_asked_for(host):
        raise UsageError(f'"{text[:200]}" is no HOST:PORT. Write one such as {example}')
    return Address(host.strip("[]"), int(match[2]))


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine, as only this machine can reach it."""
    if host.lower() in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _can_be_asked_for(host: str) -> bool:
    try:
        host.encode("idna")  # As whoever looks it up will write it.
    except UnicodeError:
        return False
    return True
