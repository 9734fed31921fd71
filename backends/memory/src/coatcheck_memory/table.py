"""The records of memory stores: bounded, expiring, safe for threads."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from threading import Lock
from typing import NamedTuple

from coatcheck.errors import ConfigurationError
from coatcheck.store import Replaced
from coatcheck_memory.recency import LONG_AGO, Ends
from coatcheck_memory.shelves import PARTS, SECOND, Shelves

__all__ = ["BATCH", "MAX_SESSIONS", "Clock", "Table"]

MAX_SESSIONS = 100_000
"""How many sessions a table holds unless it is told otherwise."""

SWEEP = 64
"""How many records one operation frees at most because they have ended, so that none stalls."""

BATCH = 256
"""How many records a long operation visits before it lets other threads or tasks run."""

END_OF_TIME = sys.float_info.max
"""A moment at which every record has ended."""

Clock = Callable[[], float]
"""Seconds, never going back."""

logger: logging.Logger = logging.getLogger("coatcheck")


class Swept(NamedTuple):
    """What one step of a sweep came to."""

    freed: int
    """How many ended records it freed."""

    living: int | None
    """How many records live, or None if some that have ended may be left."""


class Table:
    """Keep records for a time, at most ``max_sessions`` of them, for any number of stores and threads.

    A new record beyond the bound evicts the least recently used one; the first
    time that this ends a living session is logged. Every operation on a record
    also frees some of the expired ones; whether it has done so is never visible.

    Raises :class:`ConfigurationError` unless ``max_sessions`` is a positive integer.
    """

    def __init__(self, max_sessions: int = MAX_SESSIONS, clock: Clock = time.monotonic) -> None:
        if type(max_sessions) is not int or max_sessions < 1:
            raise ConfigurationError(f"max_sessions must be a positive integer, not {max_sessions!r}")
        self.max_sessions = max_sessions
        self._clock = clock
        self._lock = Lock()
        self._shelves = Shelves()
        self._ends = Ends(max_sessions, self._shelves)
        self._idle_until = LONG_AGO
        self._eviction_logged = False

    def get(self, sid: str) -> bytes | None:
        """Return the payload, or None where nothing lives."""
        with self._lock:
            now = self._begin(sid)
            ends = self._ends[sid]
            return self._shelves.of(sid).get(sid, ends) if ends > now else None

    def set(self, sid: str, payload: bytes, ttl: float) -> None:
        """Create or overwrite; ``ttl <= 0`` leaves nothing. Raises TypeError unless it is given bytes."""
        content = _own(payload)
        with self._lock:
            now = self._begin(sid)
            self._write(sid, content, self._ends.peek(sid), now, ttl)
            lost_living = self._first_living_eviction(now)
        if lost_living:
            logger.warning(
                "the memory store holds max_sessions=%d and drops living sessions, the least recently used "
                "first: raise max_sessions, shorten their lifetime, or use a store with a server (said once)",
                self.max_sessions,
            )

    def destroy(self, sid: str) -> bool:
        """End the record; True if it was alive."""
        with self._lock:
            now = self._begin(sid)
            ends = self._ends.peek(sid)
            self._forget(sid, ends)
            return ends > now

    def touch(self, sid: str, ttl: float, slack: float) -> bool:
        """Set the time left to ``ttl`` unless it is at most ``slack`` less; False where nothing lives."""
        with self._lock:
            now = self._begin(sid)
            ends = self._ends[sid]
            if ends <= now:
                return False
            if not ttl - slack <= ends - now <= ttl:
                self._write(sid, self._shelves.of(sid).get(sid, ends), ends, now, ttl)
            return True

    def get_and_touch(self, sid: str, ttl: float, slack: float) -> bytes | None:
        """Return the payload; set the time left to ``ttl`` where less than ``ttl - slack`` is left."""
        with self._lock:
            now = self._begin(sid)
            ends = self._ends[sid]
            if ends <= now:
                return None
            payload = self._shelves.of(sid).get(sid, ends)
            if ends - now < ttl - slack:
                self._write(sid, payload, ends, now, ttl)
            return payload

    def replace(self, sid: str, payload: bytes, ttl: float, expected: bytes | None) -> Replaced:
        """Overwrite a living record, with ``expected`` only if it holds exactly those bytes."""
        content = _own(payload)
        wanted = None if expected is None else _own(expected)
        with self._lock:
            now = self._begin(sid)
            ends = self._ends[sid]
            if ends <= now:
                return Replaced(written=False)
            current = self._shelves.of(sid).get(sid, ends)
            if wanted is not None and current != wanted:
                return Replaced(written=False, current=current)
            self._write(sid, content, ends, now, ttl)
            return Replaced(written=True)

    def peek(self, sid: str) -> bytes | None:
        """Return the payload, or None where nothing lives, without counting it as a use."""
        with self._lock:
            ends = self._ends.peek(sid)
            return self._shelves.of(sid).get(sid, ends) if ends > self._clock() else None

    def listings(self) -> Iterator[list[str]]:
        """Iterate over the ids of all records, also of ended ones, some at a time, in any order."""
        for part in range(PARTS):
            with self._lock:
                sids = self._shelves.ids(part)
            yield sids

    def snapshot(self) -> list[str]:
        """Return the ids of all records, in any order, also of those that have ended."""
        return list(chain.from_iterable(self.listings()))

    def length(self) -> int:
        """Count the living records once the ended ones are freed, some at a time."""
        while (living := self.sweep().living) is None:
            pass
        return living

    def sweep(self) -> Swept:
        """Free some of the records that have ended; count the living once none of those is left."""
        with self._lock:
            now = self._clock()
            freed = self._ends.sweep(now, BATCH)
            return Swept(freed, None if self._shelves.due(now) else len(self._ends))

    def clear(self) -> Iterator[None]:
        """Remove every record; iterating over what is returned frees their room, some at a time."""
        shelves = Shelves()
        ends = Ends(self.max_sessions, shelves)
        with self._lock:
            removed = self._ends, self._shelves
            self._ends, self._shelves = ends, shelves
        return _freeing(*removed)

    def _begin(self, sid: object) -> float:
        """Check the id, free some of the expired records, return the time."""
        if not isinstance(sid, str):
            raise TypeError(f"a session id is a str, not {type(sid).__name__}")
        now = self._clock()
        if now >= self._idle_until:
            self._ends.sweep(now, SWEEP)
            if not self._shelves.due(now):
                # To look once a second is enough: it is never visible.
                self._idle_until = (now // SECOND + 1) * SECOND
        return now

    def _write(self, sid: str, payload: bytes, before: float, now: float, ttl: float) -> None:
        """Put the record, which ended ``before``, to its new place, or remove it where no time is left."""
        if ttl <= 0:
            self._forget(sid, before)
            return
        ends = now + ttl
        # In this order an interruption leaves the old record or the new one.
        shelf = self._shelves.of(sid)
        shelf.put(sid, payload, ends, now)
        self._ends[sid] = ends
        if before > LONG_AGO:
            shelf.leave(sid, before, ends, now)

    def _forget(self, sid: str, ends: float) -> None:
        if ends > LONG_AGO:
            del self._ends[sid]
            self._shelves.of(sid).remove(sid, ends)

    def _first_living_eviction(self, now: float) -> bool:
        if self._eviction_logged or self._ends.last_evicted <= now:
            return False
        self._eviction_logged = True
        return True


def _freeing(ends: Ends, shelves: Shelves) -> Iterator[None]:
    while shelves.due(END_OF_TIME):
        ends.sweep(END_OF_TIME, BATCH)
        yield


def _own(payload: bytes) -> bytes:
    """Return bytes that nobody else can change."""
    return payload if type(payload) is bytes else bytes(memoryview(payload))
