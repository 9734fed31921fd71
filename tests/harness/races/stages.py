"""Stages on which one request at a time goes on, from stop to stop, as an order says."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import TypeVar

from harness.races.gates import REQUEST
from harness.races.orders import Order

T = TypeVar("T")
_LONGEST_STEP = 30.0


class ThreadStage:
    """Requests in threads."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._changed = threading.Condition()
        self._stopped: set[str] = set()
        self._ended: set[str] = set()

    def stop(self) -> None:
        """Wait for one's turn; who is no request on this stage passes."""
        name = REQUEST.get()
        if name is None:
            return
        with self._changed:
            self._stopped.add(name)
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: name not in self._stopped, _LONGEST_STEP):
                raise TimeoutError(f"{name} was not told to go on")

    def play(self, requests: Mapping[str, Callable[[], T]]) -> dict[str, T]:
        """Run the requests to their ends and return what they returned; they must not raise."""
        results: dict[str, T] = {}
        threads = [
            threading.Thread(target=self._serve, args=(name, serve, results), daemon=True)
            for name, serve in requests.items()
        ]
        for thread in threads:
            thread.start()
        with self._changed:
            while self._wait_until_all_stand_still(len(requests)):
                self._stopped.remove(self._order.choose(sorted(self._stopped)))
                self._changed.notify_all()
        for thread in threads:
            thread.join()
        return results

    def _wait_until_all_stand_still(self, requests: int) -> bool:
        standing = self._changed.wait_for(
            lambda: len(self._stopped) + len(self._ended) == requests, _LONGEST_STEP
        )
        if not standing:
            raise TimeoutError("a request neither stopped nor ended")
        return bool(self._stopped)

    def _serve(self, name: str, serve: Callable[[], T], results: dict[str, T]) -> None:
        REQUEST.set(name)
        try:
            results[name] = serve()
        finally:
            with self._changed:
                self._ended.add(name)
                self._changed.notify_all()


class TaskStage:
    """Requests in tasks of one event loop."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._changed = asyncio.Event()
        self._stopped: dict[str, asyncio.Future[None]] = {}

    async def stop(self) -> None:
        """Wait for one's turn; who is no request on this stage passes."""
        name = REQUEST.get()
        if name is None:
            return
        self._stopped[name] = turn = asyncio.get_running_loop().create_future()
        self._changed.set()
        await turn

    async def play(self, requests: Mapping[str, Callable[[], Coroutine[None, None, T]]]) -> dict[str, T]:
        """Run the requests to their ends and return what they returned; they must not raise."""
        tasks = {name: asyncio.create_task(self._serve(name, serve())) for name, serve in requests.items()}
        while True:
            async with asyncio.timeout(_LONGEST_STEP):
                while len(self._stopped) < sum(not task.done() for task in tasks.values()):
                    await self._changed.wait()
                    self._changed.clear()
            if not self._stopped:
                return {name: task.result() for name, task in tasks.items()}
            self._stopped.pop(self._order.choose(sorted(self._stopped))).set_result(None)

    async def _serve(self, name: str, serving: Coroutine[None, None, T]) -> T:
        REQUEST.set(name)
        try:
            return await serving
        finally:
            asyncio.get_running_loop().call_soon(self._changed.set)  # after this task counts as done
