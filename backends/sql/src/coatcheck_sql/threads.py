"""Threads that keep the deadlines of blocking calls."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from math import inf
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from coatcheck_sql.calls import Call

__all__ = ["Helpers", "Watchdog"]

T = TypeVar("T")

IDLE = 5.0
"""After how many seconds without work a thread ends."""

MOST_HELPERS = 64


class Watchdog:
    """Expires the calls whose time is over.

    Its thread wakes up when the earliest call would have to end, not at every
    call: while the server answers in time, about once in a timeout.
    """

    def __init__(self) -> None:
        self._calls: set[Call] = set()
        self._condition = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._wakes_at = inf

    def watch(self, call: Call) -> None:
        """Expire the call at its end, unless it is forgotten before."""
        with self._condition:
            self._calls.add(call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="coatcheck-sql-deadlines", daemon=True)
                self._thread.start()
            elif call.ends < self._wakes_at:
                self._condition.notify()

    def forget(self, call: Call) -> None:
        """Let a call go that has ended."""
        with self._condition:
            self._calls.discard(call)

    def _run(self) -> None:
        idle_since = time.monotonic()
        while True:
            with self._condition:
                now = time.monotonic()
                due = [call for call in self._calls if call.ends <= now]
                self._calls.difference_update(due)
                if self._calls or due:
                    idle_since = now
                elif now - idle_since >= IDLE:
                    self._thread = None
                    return
            for call in due:
                call.expire()
            with self._condition:
                now = time.monotonic()
                ends = min((call.ends for call in self._calls), default=now + IDLE)
                self._wakes_at = ends if self._calls else inf
                self._condition.wait(max(0.0, ends - now))


class Helpers:
    """Threads that do what may block for longer than the caller can wait."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0

    def within(self, seconds: float, function: Callable[[], T], discard: Callable[[T], object]) -> T:
        """Return what the function returns; raise ``TimeoutError`` when that takes too long.

        What it then returns later is discarded; what was not begun is never run.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
            elif self._threads < MOST_HELPERS:
                self._threads += 1
                threading.Thread(target=self._run, name="coatcheck-sql-connecting", daemon=True).start()
        self._jobs.put((future, function))
        try:
            return future.result(max(0.0, seconds))
        except TimeoutError:
            if future.done():
                return future.result()
            if not future.cancel():
                future.add_done_callback(lambda late: _discard(late, discard))
            raise

    def _run(self) -> None:
        while True:
            try:
                future, function = self._jobs.get(timeout=IDLE)
            except Empty:
                with self._lock:
                    if self._idle > 0:
                        self._idle -= 1
                        self._threads -= 1
                        return
                continue  # a job was promised to this thread meanwhile
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except BaseException as error:  # noqa: BLE001 (it is the caller's)
                    future.set_exception(error)
            del future, function
            with self._lock:
                self._idle += 1


def _discard(late: "Future[T]", discard: Callable[[T], object]) -> None:
    if late.exception() is None:
        discard(late.result())
