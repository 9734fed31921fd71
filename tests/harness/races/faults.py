"""Memory stores that break one sentence of the contract each, so that a race which proves nothing shows."""

from enum import Enum

from coatcheck import AsyncStore, Replaced, Store, StoreUnavailable
from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table
from harness.stores import AsyncRecordingStore, RecordingStore


class _RevivingStore(MemoryStore):
    """``replace`` creates what is not there: a destroyed session comes back."""

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        replaced = super().replace(sid, payload, ttl=ttl, expected=expected)
        if replaced.written or replaced.current is not None:
            return replaced
        self.set(sid, payload, ttl=ttl)
        return Replaced(True)


class _AsyncRevivingStore(AsyncMemoryStore):
    """See :class:`_RevivingStore`."""

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        replaced = await super().replace(sid, payload, ttl=ttl, expected=expected)
        if replaced.written or replaced.current is not None:
            return replaced
        await self.set(sid, payload, ttl=ttl)
        return Replaced(True)


class _HeedlessStore(MemoryStore):
    """``replace`` ignores ``expected``: what others wrote meanwhile is lost."""

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        return super().replace(sid, payload, ttl=ttl)


class _AsyncHeedlessStore(AsyncMemoryStore):
    """See :class:`_HeedlessStore`."""

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        return await super().replace(sid, payload, ttl=ttl)


class _TouchRevivingStore(MemoryStore):
    """``touch`` brings back what was stored and has ended: it renews a destroyed session."""

    def __init__(self, *, table: Table) -> None:
        super().__init__(table=table)
        self._last: dict[str, bytes] = {}

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self._last[sid] = payload
        super().set(sid, payload, ttl=ttl)

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        if not super().touch(sid, ttl=ttl, slack=slack):
            super().set(sid, self._last[sid], ttl=ttl)
        return True


class _AsyncTouchRevivingStore(AsyncMemoryStore):
    """See :class:`_TouchRevivingStore`."""

    def __init__(self, *, table: Table) -> None:
        super().__init__(table=table)
        self._last: dict[str, bytes] = {}

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self._last[sid] = payload
        await super().set(sid, payload, ttl=ttl)

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        if not await super().touch(sid, ttl=ttl, slack=slack):
            await super().set(sid, self._last[sid], ttl=ttl)
        return True


class Fault(Enum):
    """What is wrong with the store under a race."""

    NONE = MemoryStore, AsyncMemoryStore
    REVIVES = _RevivingStore, _AsyncRevivingStore
    TOUCH_REVIVES = _TouchRevivingStore, _AsyncTouchRevivingStore
    IGNORES_EXPECTED = _HeedlessStore, _AsyncHeedlessStore

    def blocking_store(self, table: Table) -> Store:
        """Return a blocking store over ``table`` with this fault."""
        store: Store = self.value[0](table=table)
        return store

    def async_store(self, table: Table) -> AsyncStore:
        """Return an async store over ``table`` with this fault."""
        store: AsyncStore = self.value[1](table=table)
        return store


class UnansweredStore(RecordingStore):
    """Carries out what is ``unanswered``, and nobody learns it; what is ``unreached`` does not arrive."""

    unanswered: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        _lose(self.unreached, "set")
        super().set(sid, payload, ttl=ttl)
        _lose(self.unanswered, "set")

    def destroy(self, sid: str, /) -> bool:
        _lose(self.unreached, "destroy")
        existed = super().destroy(sid)
        _lose(self.unanswered, "destroy")
        return existed

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        _lose(self.unreached, "replace")
        replaced = super().replace(sid, payload, ttl=ttl, expected=expected)
        _lose(self.unanswered, "replace")
        return replaced


class AsyncUnansweredStore(AsyncRecordingStore):
    """See :class:`UnansweredStore`."""

    unanswered: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        _lose(self.unreached, "set")
        await super().set(sid, payload, ttl=ttl)
        _lose(self.unanswered, "set")

    async def destroy(self, sid: str, /) -> bool:
        _lose(self.unreached, "destroy")
        existed = await super().destroy(sid)
        _lose(self.unanswered, "destroy")
        return existed

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        _lose(self.unreached, "replace")
        replaced = await super().replace(sid, payload, ttl=ttl, expected=expected)
        _lose(self.unanswered, "replace")
        return replaced


def _lose(operations: tuple[str, ...], operation: str) -> None:
    if operation in operations:
        raise StoreUnavailable("the connection was lost")
