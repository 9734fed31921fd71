"""The payloads of a table, shelved so that the ended ones are found soon and without a search."""

import heapq
from collections.abc import Callable, Iterator
from itertools import chain

from coatcheck_memory.buckets import Bucket, Buckets

__all__ = ["PARTS", "SECOND", "Shelves"]

PARTS = 16
"""A dict stalls while it grows large, is packed or listed: the ids are spread over so many of each kind."""

SPAN = PARTS * 60.0
SECOND = 1.0


class Shelf:
    """The payloads of some ids, by the moment in which they end, the coarser the farther away it is.

    They are filed by long spans; once its span has begun, by the second; once its
    second has begun, in the order of moments. Thus none but the ended are ever
    visited in vain. The caller remembers the moments.
    """

    __slots__ = ("_current", "_moments", "_seconds", "_spans")

    def __init__(self) -> None:
        self._spans = Buckets(SPAN)
        self._seconds = Buckets(SECOND)
        self._current = Bucket()
        self._moments: list[tuple[float, str]] = []  # a heap, which may name what left the current second

    def get(self, sid: str, ends: float) -> bytes:
        """Return the payload of a record that is here."""
        payload = self._spans.find(sid, ends)
        if payload is None:
            payload = self._seconds.find(sid, ends)
        return self._current.payloads[sid] if payload is None else payload

    def put(self, sid: str, payload: bytes, ends: float, now: float) -> None:
        """Take in the payload of a living record; one that it had before stays until :meth:`leave`."""
        if ends // SPAN > now // SPAN:
            self._spans.put(sid, payload, ends)
        else:
            self._put_near(sid, payload, ends, now)

    def leave(self, sid: str, before: float, ends: float, now: float) -> None:
        """Take a record out of where it was ``before``, unless it was put there again."""
        if before // SPAN == ends // SPAN > now // SPAN or self._spans.remove(sid, before):
            return
        later = ends // SECOND > now // SECOND
        if later and before // SECOND == ends // SECOND:
            return
        if not self._seconds.remove(sid, before) and later:
            self._current.remove(sid)

    def remove(self, sid: str, ends: float) -> None:
        """Take out a record that is here."""
        if not self._spans.remove(sid, ends) and not self._seconds.remove(sid, ends):
            self._current.remove(sid)

    def due(self, now: float) -> bool:
        """Tell whether :meth:`sweep` has anything to do."""
        moments = self._moments
        return bool(moments and moments[0][0] <= now) or self._seconds.begun(now) or self._spans.begun(now)

    def sweep(self, now: float, limit: int, end_of: Callable[[str], float]) -> tuple[list[str], int]:
        """Take ended records out and file others nearer whose time has come, at most ``limit``.

        Return the ids of the ended ones and what is left of ``limit``.
        """
        ended: list[str] = []
        while limit > 0 and self._moments and self._moments[0][0] <= now:
            limit -= 1
            moment, sid = heapq.heappop(self._moments)
            ends = end_of(sid)
            if ends == moment:
                ended.append(sid)
            if ends == moment or ends // SECOND != moment // SECOND:
                self._current.remove(sid)
        for buckets in (self._seconds, self._spans):
            taken = buckets.take(now, limit)
            limit -= len(taken)
            for sid, payload in taken:
                ends = end_of(sid)
                if ends <= now:
                    ended.append(sid)
                elif ends // SPAN <= now // SPAN:  # else left behind by a write that was interrupted
                    self._put_near(sid, payload, ends, now)
        return ended, limit

    def buckets(self) -> Iterator[dict[str, bytes]]:
        """Iterate over all that is here, bucket by bucket."""
        return chain(self._spans, self._seconds, [self._current.payloads])

    def _put_near(self, sid: str, payload: bytes, ends: float, now: float) -> None:
        """File what ends within the span that goes on."""
        if ends // SECOND > now // SECOND:
            self._seconds.put(sid, payload, ends)
        else:
            self._current.payloads[sid] = payload
            heapq.heappush(self._moments, (ends, sid))


class Shelves:
    """The payloads of all ids. Not safe for threads by itself."""

    __slots__ = ("_shelves",)

    def __init__(self) -> None:
        self._shelves = tuple(Shelf() for _ in range(PARTS))

    def of(self, sid: str) -> Shelf:
        """Return the shelf of an id, which is always the same one."""
        return self._shelves[hash(sid) % PARTS]

    def due(self, now: float) -> bool:
        """Tell whether there are ended records, or others to be filed nearer."""
        return any(shelf.due(now) for shelf in self._shelves)

    def sweep(self, now: float, limit: int, end_of: Callable[[str], float]) -> list[str]:
        """Visit at most ``limit`` records that are due; take the ended ones out and return their ids.

        ``end_of`` tells when a record ends.
        """
        ended: list[str] = []
        for shelf in self._shelves:
            found, limit = shelf.sweep(now, limit, end_of)
            ended += found
        return ended

    def ids(self, part: int) -> list[str]:
        """Return the ids on one shelf."""
        return list(chain.from_iterable(self._shelves[part].buckets()))
