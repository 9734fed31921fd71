"""The smallest stores, the fullest ones that only note what reached them, and a way to call both kinds."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

from coatcheck import AsyncStore, Replaced, Store, Supports
from coatcheck.store import OPTIONAL_OPERATIONS

NOTHING: tuple[str, ...] = ()
ALL = Supports(**dict.fromkeys(OPTIONAL_OPERATIONS, True))


class Minimal(Store):
    """Somebody's first own store: three methods."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.closed = 0

    def get(self, sid: str, /) -> bytes | None:
        return self.records.get(sid)

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self.records[sid] = payload

    def destroy(self, sid: str, /) -> bool:
        return self.records.pop(sid, None) is not None

    def close(self) -> None:
        self.closed += 1


class AsyncMinimal(AsyncStore):
    """The same for async code."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.closed = 0

    async def get(self, sid: str, /) -> bytes | None:
        return self.records.get(sid)

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self.records[sid] = payload

    async def destroy(self, sid: str, /) -> bool:
        return self.records.pop(sid, None) is not None

    async def aclose(self) -> None:
        self.closed += 1


class Full(Minimal):
    """Overrides everything, and notes which operations were reached."""

    supports = ALL

    def __init__(self) -> None:
        super().__init__()
        self.reached: list[str] = []

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self.reached.append("set")

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        self.reached.append("touch")
        return False

    def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        self.reached.append("get_and_touch")
        return None

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        self.reached.append("replace")
        return Replaced(False)

    def ids(self) -> Iterator[str]:
        self.reached.append("ids")
        yield from ()

    def all(self) -> Iterator[tuple[str, bytes]]:
        self.reached.append("all")
        yield from ()

    def length(self) -> int:
        self.reached.append("length")
        return 0

    def clear(self) -> None:
        self.reached.append("clear")

    def prune(self) -> int:
        self.reached.append("prune")
        return 0


class AsyncFull(AsyncMinimal):
    """The same for async code."""

    supports = ALL

    def __init__(self) -> None:
        super().__init__()
        self.reached: list[str] = []

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self.reached.append("set")

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        self.reached.append("touch")
        return False

    async def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        self.reached.append("get_and_touch")
        return None

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        self.reached.append("replace")
        return Replaced(False)

    async def ids(self) -> AsyncIterator[str]:
        self.reached.append("ids")
        for sid in NOTHING:
            yield sid

    async def all(self) -> AsyncIterator[tuple[str, bytes]]:
        self.reached.append("all")
        for sid in NOTHING:
            yield sid, b""

    async def length(self) -> int:
        self.reached.append("length")
        return 0

    async def clear(self) -> None:
        self.reached.append("clear")

    async def prune(self) -> int:
        self.reached.append("prune")
        return 0


def call(store: Store | AsyncStore, operation: str, *arguments: Any, **options: Any) -> Any:
    """Call an operation of either kind to its end."""
    result = getattr(store, operation)(*arguments, **options)
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    if isinstance(result, AsyncIterator):
        return asyncio.run(listed(result))
    return list(result) if isinstance(result, Iterator) else result


async def listed(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]
