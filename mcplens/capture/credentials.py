"""With which credential a request came: a keyed fingerprint, and never the credential."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcplens.capture.privacy import Privacy


def fingerprint(authorization: str | None, privacy: Privacy) -> str | None:
    """Name a credential by a hash of its secret part, the same for every observer.

    None without a credential, and where no hashes are kept.
    """
    if not authorization or privacy.keep == "none":
        return None
    scheme, _, secret = authorization.strip().partition(" ")
    data = f"credential\0{secret.strip() or scheme}".encode("utf-8", "surrogatepass")
    return privacy.hash(data)
