"""The signature of session ids: Node's ``cookie-signature``, byte for byte.

A signed id is ``s:`` + id + ``.`` + base64 of HMAC-SHA256(secret, id) without
padding. Percent-encoding is the cookie's matter, not the signature's.
"""

import hmac
from base64 import b64encode
from collections.abc import Sequence

__all__ = ["Signer"]

_PREFIX = "s:"
_SIGNATURE_LENGTH = 43


class Signer:
    """Signs with the first secret and verifies with all, so that secrets can be rotated."""

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Sequence[str | bytes]) -> None:
        self._secrets = tuple(s.encode() if isinstance(s, str) else bytes(s) for s in secrets)

    def sign(self, sid: str) -> str:
        """Return the signed form of an id, signed with the first secret."""
        return f"{_PREFIX}{sid}.{_signature(self._secrets[0], sid)}"

    def unsign(self, value: str) -> str | None:
        """Return the id of a signed value, or None unless one of the secrets verifies it."""
        if not value.startswith(_PREFIX):
            return None
        sid, dot, signature = value[len(_PREFIX) :].rpartition(".")
        if not dot or len(signature) != _SIGNATURE_LENGTH or not signature.isascii():
            return None
        for secret in self._secrets:
            if hmac.compare_digest(_signature(secret, sid), signature):
                return sid
        return None


def _signature(secret: bytes, sid: str) -> str:
    digest = hmac.digest(secret, sid.encode("utf-8", "surrogatepass"), "sha256")
    return b64encode(digest).rstrip(b"=").decode("ascii")
