"""How far a listing has come, without I/O."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from coatcheck.errors import StoreUnavailable
from coatcheck_redis.layout import Command, Layout

__all__ = ["Listing", "groups"]

N = TypeVar("N")
T = TypeVar("T")


class Listing(Generic[N]):
    """Walks over the keys of some servers by SCAN, and gives each key once.

    A cursor means nothing to any server but the one that gave it: after a connection was lost, all is
    looked through once more, since another server may answer now.
    """

    def __init__(self, layout: Layout, nodes: list[N], losses: int) -> None:
        self._layout = layout
        self._nodes = nodes
        self._losses = losses
        self._started_over = False
        self._seen: set[bytes] = set()
        self._rest = list(nodes)
        self._cursor = b"0"

    @property
    def unfinished(self) -> bool:
        return bool(self._rest)

    @property
    def node(self) -> N:
        """The server to ask next."""
        return self._rest[0]

    @property
    def command(self) -> Command:
        """What to ask it."""
        return self._layout.scan(self._cursor)

    def advance(self, reply: tuple[bytes, list[bytes]], losses: int) -> list[bytes]:
        """Take a reply, and return the keys in it that are new."""
        if losses != self._losses:
            self._start_over(losses)
            return []
        cursor, keys = reply
        fresh = [key for key in dict.fromkeys(keys) if key not in self._seen]
        self._seen.update(fresh)
        self._cursor = cursor
        if cursor == b"0":
            self._rest.pop(0)
        return fresh

    def _start_over(self, losses: int) -> None:
        if self._started_over:
            raise StoreUnavailable("connections to Redis were lost twice during one listing: try again")
        self._started_over = True
        self._losses = losses
        self._rest = list(self._nodes)
        self._cursor = b"0"


def groups(items: list[T], size: int) -> Iterator[list[T]]:
    """Split a list into lists of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))
