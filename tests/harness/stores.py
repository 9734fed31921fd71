"""Stores that write down which calls were made, over any other store."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from coatcheck import AsyncStore, Replaced, Store

LETTERS = {"get": "G", "get_and_touch": "G", "set": "S", "replace": "S", "touch": "T", "destroy": "D"}


class Trace:
    """The calls that reached a store: ``(operation, arguments, options)``.

    What is in ``before`` is called before the operation of that name, and may raise.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.before: dict[str, Callable[[], object]] = {}

    def note(self, operation: str, *arguments: Any, **options: Any) -> None:
        """Write a call down."""
        self.calls.append((operation, arguments, options))
        if operation in self.before:
            self.before[operation]()

    @property
    def operations(self) -> list[str]:
        """The names of the operations, in their order."""
        return [operation for operation, _, _ in self.calls]

    @property
    def letters(self) -> str:
        """The calls in the notation of the decision table: G, S, T, D."""
        return "".join(LETTERS[operation] for operation in self.operations)

    def take(self) -> "Trace":
        """Return what was noted so far and start anew."""
        taken = Trace()
        taken.calls, self.calls = self.calls, []
        return taken


class RecordingStore(Store):
    """A blocking store that passes every call on and writes it down."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.supports = inner.supports
        self.trace = Trace()

    def get(self, sid: str, /) -> bytes | None:
        self.trace.note("get", sid)
        return self.inner.get(sid)

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self.trace.note("set", sid, payload, ttl=ttl)
        self.inner.set(sid, payload, ttl=ttl)

    def destroy(self, sid: str, /) -> bool:
        self.trace.note("destroy", sid)
        return self.inner.destroy(sid)

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        self.trace.note("touch", sid, ttl=ttl, slack=slack)
        return self.inner.touch(sid, ttl=ttl, slack=slack)

    def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        self.trace.note("get_and_touch", sid, ttl=ttl, slack=slack)
        return self.inner.get_and_touch(sid, ttl=ttl, slack=slack)

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        self.trace.note("replace", sid, payload, ttl=ttl, expected=expected)
        return self.inner.replace(sid, payload, ttl=ttl, expected=expected)

    def all(self) -> Iterator[tuple[str, bytes]]:
        return self.inner.all()


class AsyncRecordingStore(AsyncStore):
    """An async store that passes every call on and writes it down."""

    def __init__(self, inner: AsyncStore) -> None:
        self.inner = inner
        self.supports = inner.supports
        self.trace = Trace()

    async def get(self, sid: str, /) -> bytes | None:
        self.trace.note("get", sid)
        return await self.inner.get(sid)

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self.trace.note("set", sid, payload, ttl=ttl)
        await self.inner.set(sid, payload, ttl=ttl)

    async def destroy(self, sid: str, /) -> bool:
        self.trace.note("destroy", sid)
        return await self.inner.destroy(sid)

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        self.trace.note("touch", sid, ttl=ttl, slack=slack)
        return await self.inner.touch(sid, ttl=ttl, slack=slack)

    async def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        self.trace.note("get_and_touch", sid, ttl=ttl, slack=slack)
        return await self.inner.get_and_touch(sid, ttl=ttl, slack=slack)

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        self.trace.note("replace", sid, payload, ttl=ttl, expected=expected)
        return await self.inner.replace(sid, payload, ttl=ttl, expected=expected)

    async def all(self) -> AsyncIterator[tuple[str, bytes]]:
        async for record in self.inner.all():
            yield record
