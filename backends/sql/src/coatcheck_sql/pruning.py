"""Removes expired records from time to time, as long as a store is in use."""

import asyncio
import logging
import os
import random
import threading
import weakref
from typing import Protocol

from coatcheck.errors import CoatcheckError

__all__ = ["AsyncPruner", "Pruner"]

STOPPING = 2.0
"""How many seconds at most the end of a store waits for a batch that is being removed."""

logger: logging.Logger = logging.getLogger("coatcheck")


class _Prunable(Protocol):
    def prune(self) -> int: ...


class _AsyncPrunable(Protocol):
    async def prune(self) -> int: ...


def _pause(interval: float) -> float:
    """Return 50 to 150 % of the interval, so that many processes do not prune at once."""
    return interval * random.uniform(0.5, 1.5)  # noqa: S311 (nothing is secret about it)


def _report(error: CoatcheckError) -> None:
    logger.warning("expired sessions could not be removed, which will be tried again: %s", error)


class Pruner:
    """Prunes a blocking store from a thread, which ends with the store."""

    def __init__(self, store: _Prunable, interval: float | None) -> None:
        self._store = weakref.ref(store)
        self._interval = interval
        self._process: int | None = None
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        weakref.finalize(store, self._stopped.set)

    def start(self) -> None:
        """Begin, at the first use in a process."""
        if self._interval is None or self._process == os.getpid():
            return
        with self._lock:
            if self._process != os.getpid() and not self._stopped.is_set():
                self._process = os.getpid()
                target, name = self._run, "coatcheck-sql-pruning"
                threading.Thread(target=target, args=[self._interval], name=name, daemon=True).start()

    def stop(self) -> None:
        """End for ever, without waiting."""
        self._stopped.set()

    def _run(self, interval: float) -> None:
        while not self._stopped.wait(_pause(interval)):
            store = self._store()
            if store is None:
                return
            try:
                store.prune()
            except CoatcheckError as error:
                if not self._stopped.is_set():
                    _report(error)
            del store


class AsyncPruner:
    """Prunes an async store by a timer of its loop, which keeps neither of them alive."""

    def __init__(self, store: _AsyncPrunable, interval: float | None) -> None:
        self._store = weakref.ref(store)
        self._interval = interval
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin, at the first use on a loop."""
        if self._interval is None or self._stopped:
            return
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._wait(loop, self._interval)

    async def stop(self) -> None:
        """End for ever, and see what was begun to its end."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None and self._task.get_loop() is asyncio.get_running_loop():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=STOPPING)

    def _wait(self, loop: asyncio.AbstractEventLoop, interval: float) -> None:
        self._timer = loop.call_later(_pause(interval), self._begin, loop, interval)

    def _begin(self, loop: asyncio.AbstractEventLoop, interval: float) -> None:
        if not self._stopped and self._loop is loop:
            self._task = loop.create_task(self._run(loop, interval))

    async def _run(self, loop: asyncio.AbstractEventLoop, interval: float) -> None:
        store = self._store()
        if store is None:
            return
        try:
            await store.prune()
        except CoatcheckError as error:
            _report(error)
        finally:
            self._task = None
        if not self._stopped:
            self._wait(loop, interval)
