"""The Redis stores: blocking and async twins over one layout."""

import math
from collections.abc import AsyncIterator, Iterator

import redis
import redis.asyncio

from coatcheck.errors import ConfigurationError
from coatcheck.store import AsyncStore, Replaced, Store, Supports
from coatcheck_redis.layout import Layout, replaced
from coatcheck_redis.server import AsyncServer, Server
from coatcheck_redis.source import ASYNC_DRIVER, DRIVER, Source, find_source

__all__ = ["POOL_SIZE", "PREFIX", "TIMEOUT", "AsyncRedisStore", "RedisStore"]

PREFIX = "sess:"
TIMEOUT = 1.0
POOL_SIZE = 50

EVERYTHING = Supports(
    touch=True, get_and_touch=True, replace=True, ids=True, all=True, length=True, clear=True
)


class RedisStore(Store):
    """Keep sessions in Redis, as connect-redis does, for blocking code.

    The store takes a URL (``redis://``, ``rediss://``, ``unix://``) or a client: ``redis.Redis``,
    ``redis.RedisCluster``, ``Sentinel.master_for(...)``. A client is never closed and sends nothing: its
    connection arguments serve a pool of the store's own. ``timeout`` is the deadline of a call in seconds,
    ``pool_size`` the number of connections to a server; who comes beyond it waits.

    Raises :class:`ConfigurationError` for a URL, a client or an option that cannot be used, ``TypeError``
    for one of a wrong type. Use after :meth:`close` raises :class:`StoreError`.
    """

    supports = EVERYTHING

    def __init__(
        self,
        where: "str | redis.Redis | redis.RedisCluster",
        /,
        *,
        prefix: str = PREFIX,
        timeout: float = TIMEOUT,
        pool_size: int = POOL_SIZE,
    ) -> None:
        _check(prefix, timeout, pool_size)
        self._source = find_source(where, DRIVER)
        self._layout = Layout(prefix)
        self._server = Server(self._source, timeout, pool_size)

    def get(self, sid: str, /) -> bytes | None:
        payload: bytes | None = self._server.execute(self._layout.get(sid))
        return payload

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self._server.execute(self._layout.set(sid, payload, ttl))

    def destroy(self, sid: str, /) -> bool:
        return bool(self._server.execute(self._layout.destroy(sid)))

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return bool(self._server.execute(self._layout.touch(sid, ttl)))

    def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        payload: bytes | None = self._server.execute(self._layout.get_and_touch(sid, ttl, slack))
        return payload

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        return replaced(self._server.execute(self._layout.replace(sid, payload, ttl, expected)))

    def ids(self) -> Iterator[str]:
        for _, keys in self._server.batches(self._layout):
            for key in keys:
                sid = self._layout.sid(key)
                if sid is not None:
                    yield sid

    def all(self) -> Iterator[tuple[str, bytes]]:
        for node, keys in self._server.batches(self._layout):
            for key, payload in self._server.read(node, keys):
                sid = self._layout.sid(key)
                if sid is not None:
                    yield sid, payload

    def length(self) -> int:
        number = 0
        for _ in self.ids():
            number += 1
        return number

    def clear(self) -> None:
        for node, keys in self._server.batches(self._layout):
            self._server.remove(node, keys)

    def ping(self) -> None:
        self._server.ping()

    def close(self) -> None:
        self._server.close()

    def __repr__(self) -> str:
        return _shown(self, self._source, self._layout)


class AsyncRedisStore(AsyncStore):
    """Keep sessions in Redis, as connect-redis does, for async code: see :class:`RedisStore`.

    Clients are those of ``redis.asyncio``. From a URL the store serves one event loop after the other; with
    a client given to it, use on a second loop raises :class:`ConfigurationError`.
    """

    supports = EVERYTHING

    def __init__(
        self,
        where: "str | redis.asyncio.Redis | redis.asyncio.RedisCluster",
        /,
        *,
        prefix: str = PREFIX,
        timeout: float = TIMEOUT,
        pool_size: int = POOL_SIZE,
    ) -> None:
        _check(prefix, timeout, pool_size)
        self._source = find_source(where, ASYNC_DRIVER)
        self._layout = Layout(prefix)
        self._server = AsyncServer(self._source, timeout, pool_size)

    async def get(self, sid: str, /) -> bytes | None:
        payload: bytes | None = await self._server.execute(self._layout.get(sid))
        return payload

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        await self._server.execute(self._layout.set(sid, payload, ttl))

    async def destroy(self, sid: str, /) -> bool:
        return bool(await self._server.execute(self._layout.destroy(sid)))

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return bool(await self._server.execute(self._layout.touch(sid, ttl)))

    async def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        payload: bytes | None = await self._server.execute(self._layout.get_and_touch(sid, ttl, slack))
        return payload

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        return replaced(await self._server.execute(self._layout.replace(sid, payload, ttl, expected)))

    async def ids(self) -> AsyncIterator[str]:
        async for _, keys in self._server.batches(self._layout):
            for key in keys:
                sid = self._layout.sid(key)
                if sid is not None:
                    yield sid

    async def all(self) -> AsyncIterator[tuple[str, bytes]]:
        async for node, keys in self._server.batches(self._layout):
            async for key, payload in self._server.read(node, keys):
                sid = self._layout.sid(key)
                if sid is not None:
                    yield sid, payload

    async def length(self) -> int:
        number = 0
        async for _ in self.ids():
            number += 1
        return number

    async def clear(self) -> None:
        async for node, keys in self._server.batches(self._layout):
            await self._server.remove(node, keys)

    async def ping(self) -> None:
        await self._server.ping()

    async def aclose(self) -> None:
        await self._server.close()

    def __repr__(self) -> str:
        return _shown(self, self._source, self._layout)


def _check(prefix: str, timeout: float, pool_size: int) -> None:
    if not isinstance(prefix, str):
        raise TypeError(f"the prefix is a str, not {type(prefix).__name__}")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(f"the timeout is a number of seconds, not {type(timeout).__name__}")
    if not (timeout > 0 and math.isfinite(timeout)):
        raise ConfigurationError(f"the timeout must be a finite number of seconds above zero, not {timeout}")
    if isinstance(pool_size, bool) or not isinstance(pool_size, int):
        raise TypeError(f"the pool_size is an int, not {type(pool_size).__name__}")
    if pool_size < 1:
        raise ConfigurationError(f"the pool_size must be 1 or more, not {pool_size}")


def _shown(store: object, source: Source, layout: Layout) -> str:
    return f"<{type(store).__name__} on {source!r} with prefix={layout.prefix!r}>"
