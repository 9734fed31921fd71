"""When each record ends, in the order of last use, bounded."""

from math import inf

from cachetools import LRUCache

from coatcheck_memory.shelves import Shelves

__all__ = ["LONG_AGO", "Ends"]

LONG_AGO = -inf
"""The end of a record that does not exist."""


class Ends(LRUCache[str, float]):
    """The moment at which each record ends; the least recently used record makes room for a new one.

    ``ends[sid]`` counts as a use, ``ends.peek(sid)`` does not. Both give
    :data:`LONG_AGO` for an unknown id. ``last_evicted`` is the end of the
    record that had to make room last.
    """

    def __init__(self, max_sessions: int, shelves: Shelves) -> None:
        super().__init__(max_sessions)
        self._shelves = shelves
        self.last_evicted: float = LONG_AGO

    def __missing__(self, sid: str) -> float:
        return LONG_AGO

    def peek(self, sid: str) -> float:
        """Return when the record ends, without counting it as a use."""
        return super(LRUCache, self).__getitem__(sid)

    def popitem(self) -> tuple[str, float]:
        """Remove the least recently used record, its payload too."""
        sid, ends = super().popitem()
        self._shelves.of(sid).remove(sid, ends)
        self.last_evicted = ends
        return sid, ends

    def sweep(self, now: float, limit: int) -> int:
        """Free ended records, visiting at most ``limit`` that are due; return how many were freed."""
        ended = self._shelves.sweep(now, limit, self.peek)
        for sid in ended:
            if sid in self:  # else its write was interrupted
                del self[sid]
        return len(ended)
