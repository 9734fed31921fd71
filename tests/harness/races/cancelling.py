"""Requests that are cancelled while the store works for them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table
from harness.races.gates import AsyncGatedStore
from harness.races.visitors import ASGIVisitor, Step

Data = dict[str, Any]
Cancel = Callable[["asyncio.Task[Any]"], Awaitable[None]]


class Gate:
    """Stops one call of the store, once, at one place."""

    def __init__(self) -> None:
        self.place = ""
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    async def stop(self, where: str) -> None:
        """Wait at the place until it is time to go on."""
        if where == self.place:
            self.place = ""
            self.reached.set()
            await self.go.wait()


class CancelledScene:
    """A visitor with a session, whose next request is cancelled while the store works for it."""

    def __init__(self, **options: Any) -> None:
        self.table = Table()
        self.gate = Gate()
        store = AsyncGatedStore(AsyncMemoryStore(table=self.table), self.gate.stop)
        self.visitor = ASGIVisitor(store, **options)

    async def begin(self) -> str:
        """Start a session and return its id."""
        return str((await self.visitor.request([lambda session: session.update(n=0)], keep=True)).sid)

    async def cancel_at(self, place: str, cancel: Cancel, *steps: Step) -> None:
        """Cancel a request where it stands at ``place``, and wait for what it has begun."""
        self.gate.place = place
        request = asyncio.create_task(self.visitor.request(steps))
        async with asyncio.timeout(10):
            await self.gate.reached.wait()
            await cancel(request)
            self.gate.go.set()
            await asyncio.wait([request])
            assert request.cancelled()
            await self.visitor.app.aclose()

    def left(self) -> dict[str, Data]:
        """Return what the store holds, by id."""
        return {sid: json.loads(payload) for sid, payload in MemoryStore(table=self.table).all()}

    def data(self, sid: str) -> Data | None:
        """Return the data of a session, or None if it is gone."""
        stored = self.left().get(sid)
        return stored and {key: value for key, value in stored.items() if key != "cookie"}


async def cancel_once(request: "asyncio.Task[Any]") -> None:
    """Cancel as asyncio does."""
    request.cancel()
    await asyncio.sleep(0)


async def cancel_again_and_again(request: "asyncio.Task[Any]") -> None:
    """Cancel as anyio does: at every turn of the loop, until the task is done."""
    while not request.done():
        request.cancel()
        await asyncio.sleep(0)
