"""Connections to one server, a bounded number of them.

The two are no twins: threads and tasks wait differently, and a blocking connect has a thread of its own,
since looking up a name cannot be interrupted.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from threading import BoundedSemaphore, Thread
from typing import Generic, TypeVar

from coatcheck_redis.deadline import AsyncDeadline, Deadline
from coatcheck_redis.line import AsyncLine, Line

__all__ = ["AsyncPool", "Pool"]

L = TypeVar("L", Line, AsyncLine)


class _Lines(Generic[L]):
    """What the pools share: the lines that nobody uses, the last one used first."""

    def __init__(self, free_slot: Callable[[], None]) -> None:
        self._free_slot = free_slot
        self._idle: deque[L] = deque()
        self._closed = False
        self.losses: int = 0
        """How many connections the server has closed; it may be another one that answers now."""

    def give(self, line: L) -> None:
        """Take back a line whose replies have all been read."""
        self._idle.append(line)
        if self._closed:
            self._drop_idle()
        self._free_slot()

    def discard(self, line: L) -> None:
        """Cut a line on which something went wrong."""
        line.cut()
        self._free_slot()

    def suspect(self) -> None:
        """Cut the lines that nobody uses, since what befell another one may have befallen them."""
        self.losses += 1
        self._drop_idle()

    def close(self) -> None:
        """Cut the lines, those in use when they are given back."""
        self._closed = True
        self._drop_idle()

    def _drop_idle(self) -> None:
        while line := self._pop():
            line.cut()

    def _take_idle(self) -> L | None:
        while line := self._pop():
            if line.usable():
                return line
            self.losses += 1
            line.cut()
        return None

    def _pop(self) -> L | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None


class Pool(_Lines[Line]):
    """Connections for blocking code."""

    def __init__(self, open_line: Callable[[Deadline], Line], size: int) -> None:
        self._slots = BoundedSemaphore(size)
        super().__init__(self._slots.release)
        self._open_line = open_line

    def take(self, deadline: Deadline) -> Line:
        """Return a line for the caller alone; where all are in use, wait for one."""
        if not self._slots.acquire(timeout=deadline.left()):
            raise TimeoutError("all connections of the pool were in use")
        return self._take_idle() or self._connect(deadline)

    def _connect(self, deadline: Deadline) -> Line:
        opened: Future[Line] = Future()
        thread = Thread(target=self._open, args=(opened, deadline), daemon=True, name="coatcheck-connect")
        try:
            thread.start()
        except BaseException:
            self._free_slot()
            raise
        try:
            return opened.result(deadline.left())
        except BaseException:
            # Too late: the thread throws the line away. Unless it has it by now.
            if not opened.cancel() and opened.exception() is None:
                self.discard(opened.result())
            raise

    def _open(self, opened: Future[Line], deadline: Deadline) -> None:
        """Open a line. Its place in the pool stays taken meanwhile, which bounds the threads."""
        try:
            line = self._open_line(deadline)
        except BaseException as error:  # noqa: BLE001 (the caller raises it)
            self._free_slot()
            if opened.set_running_or_notify_cancel():
                opened.set_exception(error)
            return
        if opened.set_running_or_notify_cancel():
            opened.set_result(line)
        else:
            self.discard(line)


class AsyncPool(_Lines[AsyncLine]):
    """Connections for async code."""

    def __init__(self, open_line: Callable[[AsyncDeadline], Awaitable[AsyncLine]], size: int) -> None:
        self._slots = asyncio.BoundedSemaphore(size)
        super().__init__(self._slots.release)
        self._open_line = open_line

    async def take(self, deadline: AsyncDeadline) -> AsyncLine:
        """Return a line for the caller alone; where all are in use, wait for one."""
        await self._slots.acquire()
        line = self._take_idle()
        if line is not None:
            return line
        try:
            return await self._open_line(deadline)
        except BaseException:
            self._free_slot()
            raise
