"""The records of memory stores: bounded, expiring, safe for threads."""

import logging
import time
from collections.abc import Callable
from itertools import chain
from threading import Lock

from coatcheck.errors import ConfigurationError
from coatcheck.store import Replaced
from coatcheck_memory.recency import LONG_AGO, Ends
from coatcheck_memory.shelves import Shelves

__all__ = ["MAX_SESSIONS", "Clock", "Table"]

MAX_SESSIONS = 100_000
"""How many sessions a table holds unless it is told otherwise."""

SWEEP = 64
"""How many records one operation frees at most because they have ended, so that none stalls."""

Clock = Callable[[], float]
"""Seconds, never going back."""

logger: logging.Logger = logging.getLogger("coatcheck")


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
        self._eviction_logged = False

    def get(self, sid: str) -> bytes | None:
        """Return the payload, or None where nothing lives."""
        with self._lock:
            now = self._begin(sid)
            ends = self._ends[sid]
            return self._shelves.get(sid, ends) if ends > now else None

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
                self._write(sid, self._shelves.get(sid, ends), ends, now, ttl)
            return True

    def get_and_touch(self, sid: str, ttl: float, slack: float) -> bytes | None:
        """Return the payload; set the time left to ``ttl`` where less than ``ttl - slack`` is left."""
        with self._lock:
            now = self._begin(sid)
            ends = self._ends[sid]
            if ends <= now:
                return None
            payload = self._shelves.get(sid, ends)
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
            current = self._shelves.get(sid, ends)
            if wanted is not None and current != wanted:
                return Replaced(written=False, current=current)
            self._write(sid, content, ends, now, ttl)
            return Replaced(written=True)

    def peek(self, sid: str) -> bytes | None:
        """Return the payload, or None where nothing lives, without counting it as a use."""
        with self._lock:
            ends = self._ends.peek(sid)
            return self._shelves.get(sid, ends) if ends > self._clock() else None

    def snapshot(self) -> list[str]:
        """Return the ids of all records, in any order, also of those that have ended."""
        with self._lock:
            return list(self._ends)

    def length(self) -> int:
        """Count the living records, without visiting them."""
        with self._lock:
            now = self._clock()
            over = sum(len(bucket) for bucket in self._shelves.over(now))
            return len(self._ends) - over - len(self._ended_lately(now))

    def expired(self) -> list[str]:
        """Return the ids of the records that have ended and are not freed yet."""
        with self._lock:
            now = self._clock()
            return [*chain.from_iterable(self._shelves.over(now)), *self._ended_lately(now)]

    def free(self, sids: list[str]) -> int:
        """Free those of the records that have ended and return how many they were."""
        with self._lock:
            now = self._clock()
            return sum(self._forget(sid, ends) for sid in sids if (ends := self._ends.peek(sid)) <= now)

    def clear(self) -> None:
        """Remove every record."""
        with self._lock:
            # Held until the lock is released: to free a million records takes a while.
            removed = self._ends, self._shelves
            self._shelves = Shelves()
            self._ends = Ends(self.max_sessions, self._shelves)
        del removed

    def _begin(self, sid: object) -> float:
        """Check the id, free some of the expired records, return the time."""
        if not isinstance(sid, str):
            raise TypeError(f"a session id is a str, not {type(sid).__name__}")
        now = self._clock()
        for ended in self._shelves.sweep(now, SWEEP, self._ends.peek):
            self._ends.pop(ended, None)
        return now

    def _write(self, sid: str, payload: bytes, before: float, now: float, ttl: float) -> None:
        """Put the record, which ended ``before``, to its new place, or remove it where no time is left."""
        if ttl <= 0:
            self._forget(sid, before)
            return
        ends = now + ttl
        # In this order an interruption leaves the old record or the new one.
        self._shelves.put(sid, payload, ends, now)
        self._ends[sid] = ends
        if before > LONG_AGO:
            self._shelves.leave(sid, before, ends, now)

    def _forget(self, sid: str, ends: float) -> bool:
        if ends == LONG_AGO:
            return False
        del self._ends[sid]
        self._shelves.remove(sid, ends)
        return True

    def _ended_lately(self, now: float) -> list[str]:
        """Return the ids of records that have ended within this minute or second and are not freed yet."""
        return [sid for sid in self._shelves.current(now) if self._ends.peek(sid) <= now]

    def _first_living_eviction(self, now: float) -> bool:
        if self._eviction_logged or self._ends.last_evicted <= now:
            return False
        self._eviction_logged = True
        return True


def _own(payload: bytes) -> bytes:
    """Return bytes that nobody else can change."""
    return payload if type(payload) is bytes else bytes(memoryview(payload))
