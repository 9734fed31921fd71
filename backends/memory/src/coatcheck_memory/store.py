"""The memory stores: blocking and async twins over one table."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from coatcheck.errors import ConfigurationError, StoreError
from coatcheck.store import AsyncStore, Replaced, Store, Supports
from coatcheck_memory.table import BATCH, MAX_SESSIONS, Clock, Table

__all__ = ["AsyncMemoryStore", "MemoryStore"]

EVERYTHING = Supports(
    touch=True, get_and_touch=True, replace=True, ids=True, all=True, length=True, clear=True, prune=True
)


class MemoryStore(Store):
    """Keep sessions in the memory of this process, for blocking code.

    At most ``max_sessions`` are kept, 100,000 unless told otherwise: beyond
    that the least recently used one goes. ``clock`` gives seconds and never
    goes back. A ``table`` is shared with whoever else uses it and brings its
    own bound and clock; closing the store then leaves the records.

    A payload that is not bytes-like and an id that is no str raise
    ``TypeError``; use after :meth:`close` raises :class:`StoreError`; a bound
    that is no positive integer, or one beside a table, raises
    :class:`ConfigurationError`.
    """

    supports = EVERYTHING
    process_local = True

    def __init__(
        self, *, max_sessions: int | None = None, clock: Clock | None = None, table: Table | None = None
    ) -> None:
        self._table: Table | None = _given_or_new(table, max_sessions, clock)

    def get(self, sid: str, /) -> bytes | None:
        return self._records.get(sid)

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self._records.set(sid, payload, ttl)

    def destroy(self, sid: str, /) -> bool:
        return self._records.destroy(sid)

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return self._records.touch(sid, ttl, slack)

    def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        return self._records.get_and_touch(sid, ttl, slack)

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        return self._records.replace(sid, payload, ttl, expected)

    def ids(self) -> Iterator[str]:
        for sid, _ in self.all():
            yield sid

    def all(self) -> Iterator[tuple[str, bytes]]:
        for sids in self._records.listings():
            for number, sid in enumerate(sids, start=1):
                payload = self._records.peek(sid)
                if payload is not None:
                    yield sid, payload
                if number % BATCH == 0:
                    time.sleep(0)
            time.sleep(0)

    def length(self) -> int:
        _, living = self._records.sweep()
        while living is None:
            time.sleep(0)
            _, living = self._records.sweep()
        return living

    def clear(self) -> None:
        for _ in self._records.clear():
            time.sleep(0)

    def prune(self) -> int:
        freed, living = self._records.sweep()
        while living is None:
            time.sleep(0)
            more, living = self._records.sweep()
            freed += more
        return freed

    def close(self) -> None:
        self._table = None

    @property
    def _records(self) -> Table:
        if self._table is None:
            raise _closed(self)
        return self._table

    def __repr__(self) -> str:
        return _shown(self, self._table)


class AsyncMemoryStore(AsyncStore):
    """Keep sessions in the memory of this process, for async code: see :class:`MemoryStore`."""

    supports = EVERYTHING
    process_local = True

    def __init__(
        self, *, max_sessions: int | None = None, clock: Clock | None = None, table: Table | None = None
    ) -> None:
        self._table: Table | None = _given_or_new(table, max_sessions, clock)

    async def get(self, sid: str, /) -> bytes | None:
        return self._records.get(sid)

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self._records.set(sid, payload, ttl)

    async def destroy(self, sid: str, /) -> bool:
        return self._records.destroy(sid)

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return self._records.touch(sid, ttl, slack)

    async def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        return self._records.get_and_touch(sid, ttl, slack)

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        return self._records.replace(sid, payload, ttl, expected)

    async def ids(self) -> AsyncIterator[str]:
        async for sid, _ in self.all():
            yield sid

    async def all(self) -> AsyncIterator[tuple[str, bytes]]:
        for sids in self._records.listings():
            for number, sid in enumerate(sids, start=1):
                payload = self._records.peek(sid)
                if payload is not None:
                    yield sid, payload
                if number % BATCH == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def length(self) -> int:
        _, living = self._records.sweep()
        while living is None:
            await asyncio.sleep(0)
            _, living = self._records.sweep()
        return living

    async def clear(self) -> None:
        for _ in self._records.clear():
            await asyncio.sleep(0)

    async def prune(self) -> int:
        freed, living = self._records.sweep()
        while living is None:
            await asyncio.sleep(0)
            more, living = self._records.sweep()
            freed += more
        return freed

    async def aclose(self) -> None:
        self._table = None

    @property
    def _records(self) -> Table:
        if self._table is None:
            raise _closed(self)
        return self._table

    def __repr__(self) -> str:
        return _shown(self, self._table)


def _given_or_new(table: Table | None, max_sessions: int | None, clock: Clock | None) -> Table:
    if table is None:
        return Table(MAX_SESSIONS if max_sessions is None else max_sessions, clock or time.monotonic)
    if max_sessions is not None or clock is not None:
        raise ConfigurationError("a table has its own max_sessions and clock: give either these or the table")
    return table


def _closed(store: object) -> StoreError:
    return StoreError(f"this {type(store).__name__} is closed: make a new one, or open its URL again")


def _shown(store: object, table: Table | None) -> str:
    state = "closed" if table is None else f"max_sessions={table.max_sessions}"
    return f"<{type(store).__name__} {state}>"
