"""Calls of async stores: pools, deadlines, cancellation, loops."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only, greenlet_spawn

from coatcheck.errors import ConfigurationError, StoreError
from coatcheck_sql.calls import CURRENT, Call
from coatcheck_sql.drivers import DRIVERS
from coatcheck_sql.engines import is_in_memory, make_engine
from coatcheck_sql.layout import Layout
from coatcheck_sql.performing import Operation, Performer, connect_within

__all__ = ["AsyncCommands"]

Args = TypeVarTuple("Args")
T = TypeVar("T")

CLEANING_UP = 0.5
"""How many seconds a call that was cut may take to end before it is cancelled as well."""


class AsyncCommands:
    """Carries out the operations of an async store, each within the timeout."""

    def __init__(self, source: URL | AsyncEngine, layout: Layout, *, timeout: float, pool_size: int) -> None:
        self._source = source
        self._layout = layout
        self._timeout = timeout
        self._pool_size = pool_size
        self._state: _State | None = None
        self._closed = False

    async def repeatable(self, operation: Operation[*Args, T], /, *args: *Args) -> T:
        """Carry out what may be sent again when a connection is lost."""
        return await self._opened().run(operation, True, *args)

    async def once(self, operation: Operation[*Args, T], /, *args: *Args) -> T:
        """Carry out what is never sent twice."""
        return await self._opened().run(operation, False, *args)

    async def close(self) -> None:
        """Close the connections, if they are our own."""
        self._closed = True
        state, self._state = self._state, None
        if state is not None and state.own:
            await state.close()

    def drop(self) -> None:
        """Leave the connections of a store that nobody closed."""
        state, self._state = self._state, None
        if state is not None and state.own:
            state.abandon()

    @property
    def closed(self) -> bool:
        """Whether the store was closed."""
        return self._closed

    def _opened(self) -> "_State":
        loop = asyncio.get_running_loop()
        state = self._state
        if state is not None and state.loop is loop:
            return state
        if self._closed:
            raise StoreError("this store is closed: make a new one, or open its URL again")
        self._state = self._open(loop, state)
        return self._state

    def _open(self, loop: asyncio.AbstractEventLoop, before: "_State | None") -> "_State":
        if isinstance(self._source, AsyncEngine):
            if before is not None:
                raise ConfigurationError(
                    "the engine belongs to another event loop: use this store on the loop of its first use, "
                    "or give a URL, with which it makes an engine for each loop"
                )
            return _State(
                self._source.sync_engine, self._layout, self._timeout, loop, own=False, permits=None
            )
        if before is not None and before.engine.dialect.name == "sqlite":
            # aiosqlite is bound to no loop, and another engine could be another database.
            before.move_to(loop)
            return before
        if before is not None:
            before.abandon()
        engine = make_engine(
            self._source, asynchronous=True, pool_size=self._pool_size, timeout=self._timeout
        )
        permits = 1 if is_in_memory(engine) else self._pool_size
        return _State(engine, self._layout, self._timeout, loop, own=True, permits=permits)


class _State:
    """What belongs to one event loop."""

    def __init__(
        self,
        engine: Engine,
        layout: Layout,
        timeout: float,
        loop: asyncio.AbstractEventLoop,
        *,
        own: bool,
        permits: int | None,
    ) -> None:
        self.engine = engine
        self.own = own
        self._timeout = timeout
        self._closing: set[asyncio.Task[None]] = set()
        self._driver = DRIVERS[engine.driver]
        self._connections: dict[int, Any] = {}
        self._most = 1 if permits is None and is_in_memory(engine) else permits
        self.move_to(loop)
        self._performer = Performer(engine, layout, _connect, own=own)
        if own:
            connect_within(engine, self._make_connection)
            event.listen(engine, "connect", self._note)
            event.listen(engine, "close", self._forget)

    def move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve the calls of a loop from now on."""
        self.loop = loop
        self._permits = None if self._most is None else asyncio.Semaphore(self._most)

    async def run(self, operation: Operation[*Args, T], repeat: bool, /, *args: *Args) -> T:
        call = Call(self._timeout, self._driver)
        # A task of its own, which is not cancelled while its connection can be cut: drivers that are
        # cancelled ask the server to forget the query, and wait for it.
        task = self.loop.create_task(self._run(call, operation, repeat, *args))
        timer = self.loop.call_later(self._timeout, _expire, call, task)
        cancellations = _cancellations()
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done():
                _expire(call, task)
                await _ended(task)
            if _cancellations() == cancellations:
                # The call was cancelled, and not its caller.
                raise call.too_late() from TimeoutError("no connection was to be had in time")
            raise
        finally:
            timer.cancel()

    async def _run(self, call: Call, operation: Operation[*Args, T], repeat: bool, /, *args: *Args) -> T:
        CURRENT.set(call)
        async with self._permits or contextlib.nullcontext():
            return await greenlet_spawn(self._performer.perform, call, operation, repeat, *args)

    async def close(self) -> None:
        """Close the engine without waiting for a server that does not answer."""
        self._performer.retired = True
        await greenlet_spawn(self.engine.dispose)
        if self._closing:
            await asyncio.wait(self._closing, timeout=self._timeout)

    def _make_connection(
        self, _call: Call, connect: Callable[[], Any], discard: Callable[[Any], object]
    ) -> Any:
        """Connect; when that is cancelled it goes on behind the scenes, as not every driver tidies up."""
        connecting = self.loop.create_task(greenlet_spawn(connect))
        try:
            return await_only(asyncio.shield(connecting))
        except asyncio.CancelledError:
            closing = self.loop.create_task(_close_late(connecting, discard))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            raise

    def abandon(self) -> None:
        """Leave a loop that is over, or that cannot be waited on; servers see the connections end."""
        for connection in self._connections.values():
            self._driver.drop(connection)
        self.engine.dispose(close=False)

    def _note(self, connection: Any, _record: object) -> None:
        self._connections[id(connection)] = self.engine.dialect.get_driver_connection(connection)

    def _forget(self, connection: Any, _record: object) -> None:
        driver_connection = self._connections.pop(id(connection), None)
        if driver_connection is not None and self.engine.dialect.name != "sqlite":
            # A driver takes leave of the server, and waits for its answer.
            self._driver.cut(driver_connection)


def _expire(call: Call, task: asyncio.Task[Any]) -> None:
    """Cut a call's connection; cancel it where it has none yet, or does not notice."""
    if not call.expire():
        task.cancel()
    else:
        task.get_loop().call_later(CLEANING_UP, task.cancel)


async def _ended(task: asyncio.Task[Any]) -> None:
    """Wait until a task that was cut or cancelled has ended, whatever its outcome."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait({task}, timeout=2 * CLEANING_UP)
    if task.done():
        _ = task.cancelled() or task.exception()
    else:
        task.add_done_callback(lambda late: late.cancelled() or late.exception())


def _cancellations() -> int:
    current = asyncio.current_task()
    return 0 if current is None else current.cancelling()


async def _close_late(connecting: asyncio.Future[Any], discard: Callable[[Any], object]) -> None:
    with contextlib.suppress(Exception):
        await greenlet_spawn(discard, await connecting)


def _connect(engine: Engine, _call: Call) -> Connection:
    return engine.connect()
