"""A visitor that talks to an application by websocket, in process."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from coatcheck import StoreUnavailable
from coatcheck.asgi import SessionMiddleware
from coatcheck_memory import AsyncMemoryStore, Table
from harness.browsers import ASGIBrowser
from harness.sites import SECRET
from harness.stores import AsyncRecordingStore

__all__ = ["ACCEPT", "CLOSE", "DENIAL", "DISCONNECT", "Visitor", "cookies_of", "counting", "text"]

CONNECT = {"type": "websocket.connect"}
DISCONNECT = {"type": "websocket.disconnect", "code": 1001}
ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close", "code": 1000}
DENIAL: dict[str, Any] = {"websocket.http.response": {}}


def text(content: str) -> dict[str, Any]:
    """Return a message of the visitor."""
    return {"type": "websocket.receive", "text": content}


class Visitor:
    """Talks to an application by websocket; an HTTP request may give it a session before."""

    def __init__(self, app: Any, **options: Any) -> None:
        self.table = Table()
        self.store = AsyncRecordingStore(AsyncMemoryStore(table=self.table))
        self.trace = self.store.trace
        self._app = app
        chosen: dict[str, Any] = {"secret": SECRET, "store": self.store, **options}
        self.middleware: Any = SessionMiddleware(self._serve, **chosen)
        self.browser = ASGIBrowser(self.middleware)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._app(scope["session"], receive, send)
            return
        scope["session"]["n"] = 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    def log_in(self) -> None:
        """Get a session by HTTP."""
        asyncio.run(self.browser.aget())
        self.trace.take()

    def talk(self, *incoming: dict[str, Any], **scope: Any) -> list[dict[str, Any]]:
        """Open a websocket, send these messages and return what came back."""
        return asyncio.run(self._talk([CONNECT, *incoming], scope))

    async def _talk(self, incoming: Iterable[dict[str, Any]], more: dict[str, Any]) -> list[dict[str, Any]]:
        queue = iter(incoming)
        sent: list[dict[str, Any]] = []
        cookies = "; ".join(f"{name}={value}" for name, value in self.browser.cookies.items())
        scope = {
            "type": "websocket",
            "path": "/",
            "scheme": "ws",
            "headers": [(b"cookie", cookies.encode())],
        } | more

        async def receive() -> dict[str, Any]:
            return next(queue)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.middleware(scope, receive, send)
        return sent

    @property
    def data(self) -> dict[str, Any]:
        """What is stored in the one session that there is."""
        (sid,) = self.table.snapshot()
        document: dict[str, Any] = json.loads(self.table.peek(sid) or b"")
        return {key: value for key, value in document.items() if key != "cookie"}

    def outage(self, *operations: str) -> None:
        """Let these operations fail."""

        def fail() -> None:
            raise StoreUnavailable("the server cannot be reached")

        self.trace.before.update(dict.fromkeys(operations, fail))


async def counting(session: Any, receive: Any, send: Any) -> None:
    """Change the session before the accept and at every message, until the visitor leaves."""
    await receive()
    session["n"] = session.get("n", 0) + 1
    await send(ACCEPT)
    while (await receive())["type"] == "websocket.receive":
        session["n"] = session.get("n", 0) + 1
        await send({"type": "websocket.send", "text": str(session["n"])})


def cookies_of(message: dict[str, Any]) -> list[bytes]:
    """Return the Set-Cookie headers of a message."""
    return [value for name, value in message.get("headers", ()) if name == b"set-cookie"]
