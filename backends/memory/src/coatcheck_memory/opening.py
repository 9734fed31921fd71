"""Memory stores by URL: ``memory:`` and ``memory:NAME``."""

from threading import Lock
from urllib.parse import parse_qsl

from coatcheck.errors import ConfigurationError, nearest
from coatcheck_memory.store import AsyncMemoryStore, MemoryStore
from coatcheck_memory.table import MAX_SESSIONS, Table

__all__ = ["open", "open_async"]

_named: dict[str, Table] = {}
_named_lock = Lock()


def open(url: str, *, max_sessions: int = MAX_SESSIONS) -> MemoryStore:  # noqa: A001 (the registry calls it so)
    """Open a blocking store: ``memory:`` has records of its own, ``memory:NAME`` shares them in the process.

    Raises :class:`ConfigurationError` for any other URL, for a ``max_sessions``
    that is no positive integer, and for one that is not what the name was first
    opened with.
    """
    return MemoryStore(table=_table(url, max_sessions))


def open_async(url: str, *, max_sessions: int = MAX_SESSIONS) -> AsyncMemoryStore:
    """Open an async store: see :func:`open`, with which it shares the names."""
    return AsyncMemoryStore(table=_table(url, max_sessions))


def _table(url: str, max_sessions: int) -> Table:
    name = _name(url)
    if not name:
        return Table(max_sessions)
    with _named_lock:
        if name not in _named:
            _named[name] = Table(max_sessions)
        table = _named[name]
    if table.max_sessions != max_sessions:
        raise ConfigurationError(
            f"memory:{name} is already open with max_sessions={table.max_sessions}, not {max_sessions}: "
            "open it with the same number, or under another name"
        )
    return table


def _name(url: str) -> str:
    """Return the name in the URL, which is empty for a table of its own."""
    scheme, _, rest = url.partition(":")
    name, _, query = rest.partition("?")
    # What else stands in the URL may be a password meant for another store: it is not shown.
    if scheme.lower() != "memory" or "/" in name or "#" in rest:
        raise ConfigurationError(
            "a memory store has neither host nor path: write 'memory:' for a store of its own, "
            "or 'memory:NAME' for one that is shared in this process"
        )
    for key, _ in parse_qsl(query, keep_blank_values=True):
        raise ConfigurationError(
            f"a memory URL has no {key!r} here ({nearest(key, ['max_sessions'])}): "
            "give max_sessions to open() as an argument, or open_store() the URL"
        )
    return name
