"""The way for a blocking store into async code."""

import asyncio
import contextvars
import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Generic, ParamSpec, TypeVar

from coatcheck.store import AsyncStore, Replaced, Store, Supports

__all__ = ["ThreadedStore"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_LISTING_BATCH = 100


class ThreadedStore(AsyncStore):
    """Lends a blocking store to async code: every call runs in a thread of a pool of its own.

    A call costs a hand-over to a thread and back, so that an async store of the
    same backend is faster. A call that is cancelled runs to its end in its
    thread. ``aclose`` closes the blocking store.
    """

    def __init__(self, store: Store, *, threads: int = 16) -> None:
        """Wrap ``store``, with at most ``threads`` calls under way at once; the others wait.

        Raises ``TypeError`` if ``store`` is no :class:`Store`, ``ValueError`` if ``threads`` is below 1.
        """
        if not isinstance(store, Store):
            raise TypeError(f"ThreadedStore wraps a blocking coatcheck.Store, not {type(store).__name__}")
        if threads < 1:
            raise ValueError(f"threads must be 1 or more, not {threads}")
        self._store = store
        self._threads = threads
        self._executor: ThreadPoolExecutor | None = None
        self.supports: Supports = store.supports
        self.process_local: bool = store.process_local

    def __repr__(self) -> str:
        return f"ThreadedStore({self._store!r})"

    async def _run(self, call: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="coatcheck-store")
        context = contextvars.copy_context()
        function = functools.partial(context.run, call, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)

    async def get(self, sid: str, /) -> bytes | None:
        """See :meth:`Store.get`."""
        return await self._run(self._store.get, sid)

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        """See :meth:`Store.set`."""
        await self._run(self._store.set, sid, payload, ttl=ttl)

    async def destroy(self, sid: str, /) -> bool:
        """See :meth:`Store.destroy`."""
        return await self._run(self._store.destroy, sid)

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        """See :meth:`Store.touch`."""
        return await self._run(self._store.touch, sid, ttl=ttl, slack=slack)

    async def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        """See :meth:`Store.get_and_touch`."""
        return await self._run(self._store.get_and_touch, sid, ttl=ttl, slack=slack)

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        """See :meth:`Store.replace`."""
        return await self._run(self._store.replace, sid, payload, ttl=ttl, expected=expected)

    def ids(self) -> AsyncIterator[str]:
        """See :meth:`Store.ids`."""
        return self._iterate(self._store.ids)

    def all(self) -> AsyncIterator[tuple[str, bytes]]:
        """See :meth:`Store.all`."""
        return self._iterate(self._store.all)

    async def _iterate(self, listing: Callable[[], Iterator[_T]]) -> AsyncIterator[_T]:
        records = _Records(await self._run(listing))
        try:
            while batch := await self._run(records.fetch):
                for record in batch:
                    yield record
        finally:
            await self._run(records.close)

    async def length(self) -> int:
        """See :meth:`Store.length`."""
        return await self._run(self._store.length)

    async def clear(self) -> None:
        """See :meth:`Store.clear`."""
        await self._run(self._store.clear)

    async def prune(self) -> int:
        """See :meth:`Store.prune`."""
        return await self._run(self._store.prune)

    async def ping(self) -> None:
        """See :meth:`Store.ping`."""
        await self._run(self._store.ping)

    async def aclose(self) -> None:
        """Close the blocking store and end the threads, these also if closing fails."""
        try:
            await self._run(self._store.close)
        finally:
            executor, self._executor = self._executor, None
            if executor is not None:
                executor.shutdown(wait=False)


class _Records(Generic[_T]):
    """A listing, fetched and closed by one thread at a time: a cancelled fetch may still be under way."""

    def __init__(self, records: Iterator[_T]) -> None:
        self._records = records
        self._lock = threading.Lock()

    def fetch(self) -> list[_T]:
        # In batches: a hand-over for each record would cost more than the record.
        with self._lock:
            return list(islice(self._records, _LISTING_BATCH))

    def close(self) -> None:
        close = getattr(self._records, "close", None)  # generators have it, other iterators need not
        if close is not None:
            with self._lock:
                close()
