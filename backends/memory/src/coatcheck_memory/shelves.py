"""The payloads of a table, shelved so that the ended ones are found soon and without a search."""

from collections.abc import Callable, Iterator
from itertools import chain
from math import inf

from coatcheck_memory.buckets import Buckets

__all__ = ["Shelves"]

MINUTE = 60.0
SECOND = 1.0

PARTS = 16
"""A dict stalls while it grows large: records that end within one second are spread over so many."""


class Shelves:
    """Payloads by the minute in which they end and, once that minute has begun, by the second.

    Seconds alone would need a bucket for nearly every session that lives for
    days; minutes alone would keep ended sessions for up to a minute. The caller
    remembers when each record ends. Not safe for threads by itself.
    """

    def __init__(self) -> None:
        self._minutes = Buckets(MINUTE)
        self._seconds = tuple(Buckets(SECOND) for _ in range(PARTS))
        self._idle_until = -inf

    def get(self, sid: str, ends: float) -> bytes:
        """Return the payload of a record that is shelved."""
        payload = self._minutes.find(sid, ends)
        return self._seconds_of(sid).get(sid, ends) if payload is None else payload

    def put(self, sid: str, payload: bytes, ends: float, now: float) -> None:
        """Shelve the payload of a living record; one that it had before stays until :meth:`leave`."""
        shelf = self._minutes if ends // MINUTE > now // MINUTE else self._seconds_of(sid)
        shelf.put(sid, payload, ends)

    def leave(self, sid: str, before: float, ends: float, now: float) -> None:
        """Take a record out of where it was ``before``, unless it was put there again."""
        if before // MINUTE == ends // MINUTE > now // MINUTE:
            return
        if not self._minutes.remove(sid, before) and before // SECOND != ends // SECOND:
            self._seconds_of(sid).remove(sid, before)

    def remove(self, sid: str, ends: float) -> None:
        """Take out a record that is shelved."""
        if not self._minutes.remove(sid, ends):
            self._seconds_of(sid).remove(sid, ends)

    def sweep(self, now: float, limit: int, end_of: Callable[[str], float]) -> list[str]:
        """Take ended records out and return their ids; move those of the begun minute to their seconds.

        At most ``limit`` records are taken or moved. ``end_of`` tells when a record ends.
        """
        if now < self._idle_until:
            return []
        ended: list[str] = []
        for sid, payload in self._take_due(now, limit):
            ends = end_of(sid)
            if ends <= now:
                ended.append(sid)
            else:
                self._seconds_of(sid).put(sid, payload, ends)
        return ended

    def over(self, now: float) -> Iterator[dict[str, bytes]]:
        """Iterate over the buckets of which all records have ended."""
        return chain(self._minutes.over(now), *(part.over(now) for part in self._seconds))

    def current(self, now: float) -> Iterator[str]:
        """Iterate over the ids of records that have ended or end within this minute or second."""
        return chain(self._minutes.current(now), *(part.current(now) for part in self._seconds))

    def _seconds_of(self, sid: str) -> Buckets:
        return self._seconds[hash(sid) % PARTS]

    def _take_due(self, now: float, limit: int) -> list[tuple[str, bytes]]:
        """Take records out of the seconds that are over and out of the minutes that have begun."""
        due: list[tuple[str, bytes]] = []
        for part in self._seconds:
            due += part.take(now - SECOND, limit - len(due))
        due += self._minutes.take(now, limit - len(due))
        if not due and not self._minutes.begun(now):
            # Nothing becomes due before the next second begins.
            self._idle_until = (now // SECOND + 1) * SECOND
        return due
