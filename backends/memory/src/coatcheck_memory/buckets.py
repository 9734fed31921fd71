"""Payloads filed by the span of time in which they end."""

import heapq
from collections.abc import Iterator

__all__ = ["Bucket", "Buckets"]

SPARSE = 4
"""A bucket is packed when it once held more than this many times as many records as now."""

STALE = 64
"""How many more spans than twice the buckets the heap may name before it is built anew."""


class Bucket:
    """The payloads of the records that end within one span."""

    # The garbage collector passes over a plain dict of str and bytes, but visits every entry of a subclass.
    __slots__ = ("_peak", "payloads")

    def __init__(self) -> None:
        self.payloads: dict[str, bytes] = {}
        self._peak = 0

    def remove(self, sid: str) -> bool:
        """Take a payload out; False if it is not here."""
        self._peak = max(self._peak, len(self.payloads))
        found = self.payloads.pop(sid, None) is not None
        if len(self.payloads) * SPARSE < self._peak:
            # A dict keeps the room of what left it, and renewed sessions leave their bucket all the time.
            self.payloads = dict(self.payloads)
            self._peak = len(self.payloads)
        return found


class Buckets:
    """Payloads, each found by its id and the moment at which it ends.

    Those that end within the same ``width`` seconds share a bucket. The caller remembers the
    moments. Not safe for threads by itself.
    """

    def __init__(self, width: float) -> None:
        self._width = width
        self._buckets: dict[float, Bucket] = {}  # by the number of the span
        self._spans: list[float] = []  # a heap, which may still name spans whose bucket is gone

    def find(self, sid: str, ends: float) -> bytes | None:
        """Return the payload, or None if it is not filed here."""
        bucket = self._buckets.get(ends // self._width)
        return None if bucket is None else bucket.payloads.get(sid)

    def put(self, sid: str, payload: bytes, ends: float) -> None:
        """File a payload; it takes the place of the one with the same id in the same span."""
        span = ends // self._width
        bucket = self._buckets.get(span)
        if bucket is None:
            bucket = self._buckets[span] = Bucket()
            heapq.heappush(self._spans, span)
        bucket.payloads[sid] = payload

    def remove(self, sid: str, ends: float) -> bool:
        """Take a payload out; False if it is not filed here."""
        span = ends // self._width
        bucket = self._buckets.get(span)
        if bucket is None:
            return False
        found = bucket.remove(sid)
        if not bucket.payloads:
            del self._buckets[span]
            self._forget_stale_spans()
        return found

    def begun(self, moment: float) -> bool:
        """Tell whether there may be records in spans that have begun at a moment."""
        return bool(self._spans) and self._spans[0] <= moment // self._width

    def take(self, moment: float, limit: int) -> list[tuple[str, bytes]]:
        """Take records out of the spans that have begun at a moment, in at most ``limit`` steps."""
        taken: list[tuple[str, bytes]] = []
        for _ in range(limit):
            if not self.begun(moment):
                break
            bucket = self._buckets.get(self._spans[0])
            if bucket is not None:
                taken.append(bucket.payloads.popitem())
            if bucket is None or not bucket.payloads:
                self._buckets.pop(heapq.heappop(self._spans), None)
        return taken

    def __iter__(self) -> Iterator[dict[str, bytes]]:
        """Iterate over the payloads, bucket by bucket."""
        return (bucket.payloads for bucket in self._buckets.values())

    def _forget_stale_spans(self) -> None:
        if len(self._spans) > 2 * len(self._buckets) + STALE:
            self._spans = list(self._buckets)
            heapq.heapify(self._spans)
