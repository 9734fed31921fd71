"""Every error that Coatcheck raises, in one tree.

Each also inherits the builtin exception that a caller would guess::

    CoatcheckError
    ├── ConfigurationError            ValueError           an option, a URL or a combination is wrong
    │   └── BackendNotFound           LookupError          no installed package serves the URL's scheme
    ├── UnsupportedOperation          NotImplementedError  the store does not offer this operation
    ├── StoreError                    RuntimeError         the store refused, or failed on, an operation
    │   └── StoreUnavailable          ConnectionError      unreachable, frozen, read-only, full or loading
    └── SessionError
        ├── NotSerializable           TypeError, ValueError  JSON cannot carry a value faithfully
        ├── SessionTooLarge           ValueError           the payload exceeds ``max_size``
        ├── SessionConflict           RuntimeError         another request changed the session meanwhile
        ├── SessionDestroyed          LookupError          the session was ended
        └── SessionClosed             RuntimeError         too late: the response has been sent

A message says what was wrong, with which value, and what to do. It never shows
a secret, a session id or the contents of a session.
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "BackendNotFound",
    "CoatcheckError",
    "ConfigurationError",
    "NotSerializable",
    "SessionClosed",
    "SessionConflict",
    "SessionDestroyed",
    "SessionError",
    "SessionTooLarge",
    "StoreError",
    "StoreUnavailable",
    "UnsupportedOperation",
    "nearest",
]


class CoatcheckError(Exception):
    """The root of all errors of Coatcheck."""


class ConfigurationError(CoatcheckError, ValueError):
    """An option, a URL or a combination of them is wrong."""


class BackendNotFound(ConfigurationError, LookupError):
    """No installed package serves the scheme of a store URL."""

    # LookupError is for people; KeyError would show the message as a repr.


class UnsupportedOperation(CoatcheckError, NotImplementedError):
    """The store does not offer this optional operation."""


class StoreError(CoatcheckError, RuntimeError):
    """The store refused an operation or failed on it."""


class StoreUnavailable(StoreError, ConnectionError):
    """The store is unreachable, frozen, read-only, full or loading; the outcome of a write is unknown."""


class SessionError(CoatcheckError):
    """The root of the errors about one session."""


class NotSerializable(SessionError, TypeError, ValueError):
    """JSON cannot carry a value of the session faithfully; nothing was written."""


class SessionTooLarge(SessionError, ValueError):
    """The session's payload exceeds ``max_size``; nothing was written."""


class SessionConflict(SessionError, RuntimeError):
    """Another request changed the session meanwhile, and the change could not be merged."""


class SessionDestroyed(SessionError, LookupError):
    """The session was ended, by this request or by another one."""


class SessionClosed(SessionError, RuntimeError):
    """The response, or its head, has been sent: the session can no longer be changed this way."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest of ``known``, or all of them, for an error's text."""
    names = sorted(known)
    matches = get_close_matches(name, names, n=1)
    if matches:
        return f"did you mean {matches[0]!r}?"
    return f"known: {', '.join(names)}" if names else "there are none"
