"""Headers from one hop to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multidict import CIMultiDict

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def passed_on(
    raw_headers: Iterable[tuple[bytes, bytes]], *, besides: Iterable[str] = ()
) -> CIMultiDict[str]:
    """Take over headers as they are, without those that belong to a single hop."""
    found: list[tuple[str, str]] = []
    own = {*_HOP_BY_HOP, *besides}
    for raw_name, raw_value in raw_headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("utf-8", "surrogateescape")
        if name.lower() == "connection":
            own |= {word.strip().lower() for word in value.split(",")}
        found.append((name, value))
    return CIMultiDict((name, value) for name, value in found if name.lower() not in own)


def spelled_alike(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """Spell the name of a header that comes twice as it was at first; aiohttp would keep one."""
    names: dict[str, str] = {}
    return CIMultiDict(
        (names.setdefault(name.lower(), name), value) for name, value in headers.items()
    )


def name_of(host: str | None) -> str:
    """Give the host without its port."""
    name = host or ""
    return name.rpartition(":")[0] if name.rpartition(":")[2].isdigit() else name
