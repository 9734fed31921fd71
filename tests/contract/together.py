"""Many calls at once, the same way for blocking and async stores."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from coatcheck import AsyncStore, Store
from contract.homes import Awaited

__all__ = ["Call", "call", "each_on_its_own", "together"]


@dataclass(frozen=True)
class Call:
    """An operation and its arguments."""

    operation: str
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def on(self, store: Store | AsyncStore) -> Any:
        """Make the call, a listing to its end; for an async store return what is to be awaited."""
        answer = getattr(store, self.operation)(*self.args, **self.options)
        if self.operation not in ("ids", "all"):
            return answer
        return _listed(answer) if isinstance(store, AsyncStore) else list(answer)


def call(operation: str, *args: Any, **options: Any) -> Call:
    """Say which call to make, and make it later."""
    return Call(operation, args, options)


def together(store: Store, calls: Sequence[Call]) -> list[Any]:
    """Make all calls at once on one store, and return their results, or the errors they raised, in order."""
    if isinstance(store, Awaited):
        return store.run(_gathered([(store.awaited, each) for each in calls]))
    return _threaded([(store, each) for each in calls])


def each_on_its_own(stores: Sequence[Store], calls: Sequence[Call]) -> list[Any]:
    """Make all calls at once, each on a store of its own; async stores share the first one's event loop."""
    first = stores[0]
    if isinstance(first, Awaited):
        bare = [store.awaited for store in stores if isinstance(store, Awaited)]
        return first.run(_gathered(list(zip(bare, calls, strict=True))))
    return _threaded(list(zip(stores, calls, strict=True)))


async def _listed(listing: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in listing]


async def _gathered(pairs: Sequence[tuple[AsyncStore, Call]]) -> list[Any]:
    return await asyncio.gather(*(each.on(store) for store, each in pairs), return_exceptions=True)


def _threaded(pairs: Sequence[tuple[Store, Call]]) -> list[Any]:
    start = threading.Barrier(len(pairs))

    def run(store: Store, each: Call) -> Any:
        start.wait(60)
        try:
            return each.on(store)
        except Exception as error:  # noqa: BLE001 (the test looks at it)
            return error

    with ThreadPoolExecutor(len(pairs)) as pool:
        return list(pool.map(run, *zip(*pairs, strict=True)))
