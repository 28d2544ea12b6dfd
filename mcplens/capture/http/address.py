"""Where to listen, and in front of what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from mcplens.capture.listening import is_loopback, parse_address
from mcplens.capture.names import clean_endpoint
from mcplens.errors import UsageError

_NAMES_OF_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """An address to listen on, and the server behind it."""

    host: str
    port: int
    """0 lets the system choose."""
    upstream: str

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)

    @property
    def host_names(self) -> frozenset[str] | None:
        """The names by which clients may call us; None where any will do."""
        if not self.is_loopback:
            return None
        own = f"[{self.host}]" if ":" in self.host else self.host
        return _NAMES_OF_LOOPBACK | {own}

    @property
    def shown_upstream(self) -> str:
        """The server's address without what may be secret in it."""
        return clean_endpoint(self.upstream) or "the server"


def parse_listening(listen: str, url: str) -> Listening:
    """Read where to listen and in front of what.

    Raises:
        UsageError: one of them cannot be understood.
    """
    host, port = parse_address(listen, example="127.0.0.1:8900")
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_url = False
    if not is_url:
        raise UsageError(f"{clean_endpoint(url)} is no URL of a server, such as https://host/mcp")
    if parts.username or parts.password:
        raise UsageError("the URL names a user; give the client the credential instead")
    return Listening(host=host, port=port, upstream=url)
