"""Where the connections live: in one process, or on one event loop.

The two are no twins: a connection survives neither a fork nor the end of its loop.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import suppress

from coatcheck.errors import ConfigurationError, StoreError
from coatcheck_redis.cluster import AsyncCluster, Cluster
from coatcheck_redis.node import AsyncNode, Node
from coatcheck_redis.source import Source

__all__ = ["AsyncHome", "Home"]

_CLOSED = "this store is closed: make a new one, or open its URL again"


class Home:
    """Keeps the connections of this process."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._size = size
        self._pid = os.getpid()
        self._route: Node | Cluster | None = self._new_route()

    def route(self) -> Node | Cluster:
        """Return the way to the servers; after a fork, a new one."""
        if self._route is None:
            raise StoreError(_CLOSED)
        if self._pid != os.getpid():
            # The connections belong to the parent, who goes on using them. So may its locks.
            self._route = self._new_route()
            self._pid = os.getpid()
        return self._route

    def close(self) -> None:
        """Close the connections for good."""
        route, self._route = self._route, None
        if route is not None and self._pid == os.getpid():
            route.close()

    def _new_route(self) -> Node | Cluster:
        return (Cluster if self._source.nodes else Node)(self._source, self._size)


class AsyncHome:
    """Keeps the connections of an event loop."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._size = size
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._route: AsyncNode | AsyncCluster = self._new_route()
        self._end: AsyncGenerator[None] | None = None

    async def route(self) -> AsyncNode | AsyncCluster:
        """Return the way to the servers; on another loop, a new one."""
        if self._closed:
            raise StoreError(_CLOSED)
        if self._loop is not asyncio.get_running_loop():
            await self._move()
        return self._route

    async def close(self) -> None:
        """Close the connections for good."""
        self._closed = True
        if self._loop is asyncio.get_running_loop() and self._end is not None:
            await self._end.aclose()
        else:
            self._leave()

    async def _move(self) -> None:
        if self._loop is not None and self._source.given:
            raise ConfigurationError(
                "the client given to this store is used on one event loop, and this is another: "
                "make a store and a client for each loop, or give the store a URL"
            )
        self._leave()
        self._loop = asyncio.get_running_loop()
        self._route = self._new_route()
        self._end = _close_with_the_loop(self._route)
        await anext(self._end)

    def _leave(self) -> None:
        # A loop that is closed has closed the connections before.
        with suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._route.close)

    def _new_route(self) -> AsyncNode | AsyncCluster:
        return (AsyncCluster if self._source.nodes else AsyncNode)(self._source, self._size)


async def _close_with_the_loop(route: AsyncNode | AsyncCluster) -> AsyncGenerator[None]:
    """Close the connections when the loop ends: it closes the generators that it has seen begin."""
    try:
        yield
    finally:
        route.close()
