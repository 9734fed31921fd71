"""An ASGI server in process that notes what happens in which order."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from coatcheck.asgi import SessionMiddleware
from coatcheck_memory import AsyncMemoryStore
from harness.browsers import ASGIBrowser, Response
from harness.sites import SECRET
from harness.stores import AsyncRecordingStore

__all__ = ["START", "NotingServer", "Send", "answering", "body", "change"]

Send = Callable[[dict[str, Any]], Awaitable[None]]
START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": [(b"x-of", b"the app")]}


def body(chunk: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    """Return the message of a body."""
    return {"type": "http.response.body", "body": chunk, "more_body": more}


def change(session: Any) -> None:
    """Count up."""
    session["n"] = session.get("n", 0) + 1


class NotingServer:
    """Runs an application whose messages and store calls are noted in their order."""

    def __init__(self, app: Callable[[Any, Send], Awaitable[None]], **options: Any) -> None:
        self.events: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self.store = AsyncRecordingStore(AsyncMemoryStore())
        for operation in ("set", "replace", "destroy"):
            self.store.trace.before[operation] = partial(self.events.append, operation)

        async def called(scope: Any, _: Any, send: Any) -> None:
            async def noted(message: dict[str, Any]) -> None:
                self.events.append("app " + message["type"].removeprefix("http.response."))
                await send(message)

            await app(scope.get("session"), noted)

        chosen: dict[str, Any] = {"secret": SECRET, "store": self.store, **options}
        self.middleware = SessionMiddleware(called, **chosen)
        self.browser = ASGIBrowser(self._noting)

    async def _noting(self, scope: Any, receive: Any, send: Any) -> None:
        async def noted(message: Any) -> None:
            self.events.append("sent " + message["type"].removeprefix("http.response."))
            self.sent.append(message)
            await send(message)

        await self.middleware(scope, receive, noted)

    def visit(self, **scope: Any) -> Response:
        """Send one request, on an event loop of its own."""
        self.events.clear()
        self.sent.clear()
        return asyncio.run(self.browser.aget(**scope))


def answering(*messages: dict[str, Any], **options: Any) -> NotingServer:
    """Return a server of an application that changes its session and sends these messages."""

    async def app(session: Any, send: Send) -> None:
        change(session)
        for message in messages:
            await send(message)

    return NotingServer(app, **options)
