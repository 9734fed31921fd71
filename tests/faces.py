"""One blocking face for both kinds of store, and a clock that tests set."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from coatcheck.store import AsyncStore, Replaced, Store, Supports

__all__ = ["AwaitedStore", "FakeClock"]

T = TypeVar("T")


class FakeClock:
    """Seconds that pass only when told to."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class AwaitedStore(Store):
    """Run an async store's operations to their end, each one, on an event loop of its own."""

    supports = Supports(
        touch=True, get_and_touch=True, replace=True, ids=True, all=True, length=True, clear=True, prune=True
    )

    def __init__(self, store: AsyncStore) -> None:
        self.awaited = store
        self.supports = store.supports
        self._runner = asyncio.Runner()

    def get(self, sid: str, /) -> bytes | None:
        return self._runner.run(self.awaited.get(sid))

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self._runner.run(self.awaited.set(sid, payload, ttl=ttl))

    def destroy(self, sid: str, /) -> bool:
        return self._runner.run(self.awaited.destroy(sid))

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return self._runner.run(self.awaited.touch(sid, ttl=ttl, slack=slack))

    def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        return self._runner.run(self.awaited.get_and_touch(sid, ttl=ttl, slack=slack))

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        return self._runner.run(self.awaited.replace(sid, payload, ttl=ttl, expected=expected))

    def ids(self) -> Iterator[str]:
        return self._each(self.awaited.ids())

    def all(self) -> Iterator[tuple[str, bytes]]:
        return self._each(self.awaited.all())

    def length(self) -> int:
        return self._runner.run(self.awaited.length())

    def clear(self) -> None:
        self._runner.run(self.awaited.clear())

    def prune(self) -> int:
        return self._runner.run(self.awaited.prune())

    def ping(self) -> None:
        self._runner.run(self.awaited.ping())

    def close(self) -> None:
        """Close the store. The loop stays, as there may be more to ask of a closed store."""
        self._runner.run(self.awaited.aclose())

    def stop(self) -> None:
        """Close the loop."""
        self._runner.close()

    def __repr__(self) -> str:
        return repr(self.awaited)

    def _each(self, items: AsyncIterator[T]) -> Iterator[T]:
        while (found := self._runner.run(_next(items))) is not None:
            yield found


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)
