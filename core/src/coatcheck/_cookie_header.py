"""Reading the Cookie header of a request, however hostile it is."""

import re
from collections.abc import Iterator
from urllib.parse import unquote, unquote_to_bytes

__all__ = ["cookie_values", "path_matches"]

_MALFORMED_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def cookie_values(header: str, name: str) -> Iterator[str]:
    """Iterate over the values that a Cookie header gives for a name, percent-decoded, in their order."""
    for part in header.split(";"):
        key, equals, value = part.partition("=")
        if equals and key.strip(" \t") == name:
            yield _decode(value.strip(" \t"))


def path_matches(request_path: str, cookie_path: str) -> bool:
    """Tell whether a browser sends a cookie of ``cookie_path`` to ``request_path`` (RFC 6265, 5.1.4).

    Servers hand out the request's path decoded; the cookie's is still encoded.
    """
    if "%" in cookie_path:
        cookie_path = unquote(cookie_path)
    if cookie_path == "/" or request_path == cookie_path:
        return True
    return request_path.startswith(cookie_path if cookie_path.endswith("/") else f"{cookie_path}/")


def _decode(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if "%" not in value:
        return value
    # What a signed id has in it, at a tenth of the cost of decoding everything.
    usual = value.replace("%3A", ":").replace("%2B", "+").replace("%2F", "/")
    if "%" not in usual:
        return usual
    if _MALFORMED_ESCAPE.search(value):
        return value
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        return value
