"""Coatcheck: server-side sessions for Python web applications.

The data of a visitor's session stays on the server, in a store of your choice; the
browser carries only a signed session id. The middleware is in ``coatcheck.asgi``
and ``coatcheck.wsgi``.
"""

from coatcheck.bridge import ThreadedStore
from coatcheck.cookie import Cookie, CookieOptions
from coatcheck.errors import (
    BackendNotFound,
    CoatcheckError,
    ConfigurationError,
    NotSerializable,
    SessionClosed,
    SessionConflict,
    SessionDestroyed,
    SessionError,
    SessionTooLarge,
    StoreError,
    StoreUnavailable,
    UnsupportedOperation,
)
from coatcheck.registry import open_async_store, open_store, register
from coatcheck.session import AsyncSession, Session, load_session, load_session_async
from coatcheck.store import AsyncStore, Replaced, Store, Supports

__all__ = [
    "AsyncSession",
    "AsyncStore",
    "BackendNotFound",
    "CoatcheckError",
    "ConfigurationError",
    "Cookie",
    "CookieOptions",
    "NotSerializable",
    "Replaced",
    "Session",
    "SessionClosed",
    "SessionConflict",
    "SessionDestroyed",
    "SessionError",
    "SessionTooLarge",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "Supports",
    "ThreadedStore",
    "UnsupportedOperation",
    "load_session",
    "load_session_async",
    "open_async_store",
    "open_store",
    "register",
]
