"""Calls of blocking stores: pools, deadlines, forks."""

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import URL, Connection, Engine

from coatcheck.errors import StoreError
from coatcheck_sql.calls import CURRENT, Call
from coatcheck_sql.drivers import DRIVERS
from coatcheck_sql.engines import is_in_memory, make_engine
from coatcheck_sql.layout import Layout
from coatcheck_sql.performing import Operation, Performer, connect_within
from coatcheck_sql.threads import Helpers, Watchdog

__all__ = ["Commands"]

Args = TypeVarTuple("Args")
T = TypeVar("T")


class Commands:
    """Carries out the operations of a blocking store, each within the timeout."""

    def __init__(self, source: URL | Engine, layout: Layout, *, timeout: float, pool_size: int) -> None:
        self._source = source
        self._layout = layout
        self._timeout = timeout
        self._pool_size = pool_size
        self._lock = threading.Lock()
        self._state: _State | None = None
        self._closed = False

    def repeatable(self, operation: Operation[*Args, T], /, *args: *Args) -> T:
        """Carry out what may be sent again when a connection is lost."""
        return self._opened().run(operation, True, *args)

    def once(self, operation: Operation[*Args, T], /, *args: *Args) -> T:
        """Carry out what is never sent twice."""
        return self._opened().run(operation, False, *args)

    def close(self) -> None:
        """Close the connections, if they are our own."""
        self._closed = True
        state, self._state = self._state, None
        if state is not None and state.own:
            state.close()

    @property
    def closed(self) -> bool:
        """Whether the store was closed."""
        return self._closed

    def _opened(self) -> "_State":
        state = self._state
        if state is not None and state.process == os.getpid():
            return state
        with self._lock:
            if self._closed:
                raise StoreError("this store is closed: make a new one, or open its URL again")
            if self._state is None or self._state.process != os.getpid():
                self._state = self._open(self._state)
            return self._state

    def _open(self, before: "_State | None") -> "_State":
        if isinstance(self._source, Engine):
            return _State(self._source, self._layout, self._timeout, own=False, permits=None)
        if before is not None:
            before.engine.dispose(close=False)  # the connections are the parent's
        engine = make_engine(
            self._source, asynchronous=False, pool_size=self._pool_size, timeout=self._timeout
        )
        permits = 1 if is_in_memory(engine) else self._pool_size
        return _State(engine, self._layout, self._timeout, own=True, permits=permits)


class _State:
    """What belongs to one process."""

    def __init__(
        self, engine: Engine, layout: Layout, timeout: float, *, own: bool, permits: int | None
    ) -> None:
        self.engine = engine
        self.own = own
        self.process = os.getpid()
        self._timeout = timeout
        self._driver = DRIVERS[engine.driver]
        self._watchdog = Watchdog()
        self._helpers = Helpers()
        if permits is None and is_in_memory(engine):
            permits = 1
        self._permits = None if permits is None else threading.BoundedSemaphore(permits)
        self._performer = Performer(engine, layout, _connect if own else self._connect_given, own=own)
        if own:
            connect_within(engine, self._make_connection)

    def run(self, operation: Operation[*Args, T], repeat: bool, /, *args: *Args) -> T:
        call = Call(self._timeout, self._driver)
        permits = self._permits
        if permits is not None and not permits.acquire(timeout=self._timeout):
            raise call.too_late()
        self._watchdog.watch(call)
        token = CURRENT.set(call)
        try:
            return self._performer.perform(call, operation, repeat, *args)
        finally:
            CURRENT.reset(token)
            self._watchdog.forget(call)
            if permits is not None:
                permits.release()

    def close(self) -> None:
        """Close the connections, unless they are the parent's of this process."""
        self._performer.retired = True
        self.engine.dispose(close=self.process == os.getpid())

    def _make_connection(
        self, call: Call, connect: Callable[[], Any], discard: Callable[[Any], object]
    ) -> Any:
        return self._helpers.within(call.left, connect, discard)

    def _connect_given(self, engine: Engine, call: Call) -> Connection:
        # The application's pool may wait for longer than we can, for a connection or for the server.
        return self._helpers.within(call.left, engine.connect, Connection.close)


def _connect(engine: Engine, _call: Call) -> Connection:
    return engine.connect()
