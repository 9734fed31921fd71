"""A shop as a plain ASGI application."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from servers.applications_store import FIRST, OPTIONS, REST, AsyncGatedStore, file_to_send, pass_gate_async
from servers.gates import leave_note

from coatcheck import AsyncSession
from coatcheck.asgi import Message, Receive, Scope, Send, SessionMiddleware

STORE = AsyncGatedStore()
CHUNK = 65536


class Exchange:
    """A request, and the ways to answer it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.send = send
        self.query = dict(parse_qsl(scope["query_string"].decode()))
        self.receive = receive

    @property
    def session(self) -> AsyncSession:
        session: AsyncSession = self.scope["session"]
        return session

    async def body(self) -> bytes:
        body = bytearray()
        more = True
        while more:
            message = await self.receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return bytes(body)

    async def start(self, status: int, *headers: tuple[str, str], **more: Any) -> None:
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        await self.send({"type": "http.response.start", "status": status, "headers": encoded, **more})

    async def write(self, body: bytes, *, more: bool = True) -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def reply(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        await self.start(status, ("content-length", str(len(body))), *headers)
        await self.write(body, more=False)

    async def reply_json(self, value: object) -> None:
        await self.reply(200, json.dumps(value).encode(), ("content-type", "application/json"))

    async def redirect(self) -> None:
        await self.reply(303, b"", ("location", "/account"))


async def account(exchange: Exchange) -> None:
    await exchange.reply_json(dict(exchange.session))


async def login(exchange: Exchange) -> None:
    exchange.session.regenerate()
    exchange.session["user"] = exchange.query["name"]
    await exchange.redirect()


async def cart(exchange: Exchange) -> None:
    exchange.session.setdefault("cart", []).append(exchange.query["item"])
    await exchange.redirect()


async def logout(exchange: Exchange) -> None:
    exchange.session.destroy()
    await exchange.redirect()


async def keys(exchange: Exchange) -> None:
    await pass_gate_async(exchange.query.get("gate"))
    exchange.session[exchange.query["key"]] = exchange.query["value"]
    await exchange.start(204)
    await exchange.write(b"", more=False)


async def visits(exchange: Exchange) -> None:
    await pass_gate_async(exchange.query.get("gate"))

    def count(data: dict[str, Any]) -> int:
        data["visits"] = data.get("visits", 0) + 1
        return int(data["visits"])

    await exchange.reply_json(await exchange.session.transact(count))


async def stream(exchange: Exchange) -> None:
    exchange.session["stream"] = exchange.query["word"]
    await exchange.start(200, ("content-type", "text/plain"))
    await exchange.write(FIRST)
    exchange.session["stream"] = "under way"
    await pass_gate_async(exchange.query["gate"])
    exchange.session["stream"] = "done"
    await exchange.write(REST, more=False)


async def unmodified(exchange: Exchange) -> None:
    exchange.session["unmodified"] = True
    await exchange.start(304, ("etag", '"1"'))
    await exchange.write(b"", more=False)


async def page(exchange: Exchange) -> None:
    exchange.session["page"] = exchange.scope["method"]
    await exchange.reply(200, b"a page", ("content-type", "text/plain"))


async def echo(exchange: Exchange) -> None:
    body = await exchange.body()
    exchange.session["bytes"] = len(body)
    await exchange.reply(200, body)


async def file(exchange: Exchange) -> None:
    exchange.session["file"] = True
    content = Path(file_to_send()).read_bytes()  # noqa: ASYNC240 (two megabytes, once)
    await exchange.start(200, ("content-length", str(len(content))))
    for start in range(0, len(content), CHUNK):
        await exchange.write(content[start : start + CHUNK])
    await exchange.write(b"", more=False)


async def fails(exchange: Exchange) -> None:
    exchange.session["failed"] = True
    raise RuntimeError("as the test wants it")


async def fails_after_logout(exchange: Exchange) -> None:
    exchange.session.destroy()
    raise RuntimeError("as the test wants it")


async def hints(exchange: Exchange) -> None:
    exchange.session["hints"] = True
    links: Iterable[bytes] = [b"</style.css>; rel=preload; as=style"]
    await exchange.send({"type": "http.response.early_hint", "links": links})
    await exchange.reply(200, b"hinted")


async def watched(exchange: Exchange) -> None:
    """Stop answering when the visitor leaves, as some frameworks do."""
    exchange.session["cart"] = [exchange.query["item"]]
    await exchange.body()
    answering = asyncio.ensure_future(exchange.redirect())
    await exchange.receive()
    answering.cancel()
    leave_note("watched", "cancelled")
    raise RuntimeError("the visitor left")


async def trailers(exchange: Exchange) -> None:
    exchange.session["trailers"] = True
    await exchange.start(200, trailers=True)
    await exchange.write(b"trailed", more=False)
    await exchange.send({"type": "http.response.trailers", "headers": [(b"x-trailer", b"the end")]})


async def records(exchange: Exchange) -> None:
    await exchange.reply_json(await STORE.records())


HANDLERS: dict[str, Callable[[Exchange], Awaitable[None]]] = {
    "/account": account,
    "/cart": cart,
    "/echo": echo,
    "/fails": fails,
    "/fails-after-logout": fails_after_logout,
    "/file": file,
    "/hints": hints,
    "/keys": keys,
    "/login": login,
    "/logout": logout,
    "/page": page,
    "/records": records,
    "/stream": stream,
    "/trailers": trailers,
    "/unmodified": unmodified,
    "/visits": visits,
    "/watched": watched,
}


async def socket(session: AsyncSession, receive: Receive, send: Send) -> None:
    await receive()
    session["sockets"] = session.get("sockets", 0) + 1
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        session["said"] = message["text"]
        if message["text"] == "fail":
            raise RuntimeError("as the test wants it")
        await send({"type": "websocket.send", "text": message["text"]})
        if message["text"].endswith("bye"):
            await send({"type": "websocket.close", "code": 1000})
            return


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message: Message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def shop(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await socket(scope["session"], receive, send)
    else:
        await HANDLERS[scope["path"]](Exchange(scope, receive, send))


app = SessionMiddleware(shop, store=STORE, **OPTIONS)
