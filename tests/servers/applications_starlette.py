"""The shop on Starlette; its sessions are in an async store."""

from collections.abc import AsyncIterator
from typing import Any, cast

from servers.applications_store import FIRST, OPTIONS, REST, AsyncGatedStore, file_to_send, pass_gate_async
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from coatcheck import AsyncSession
from coatcheck.asgi import SessionMiddleware

STORE = AsyncGatedStore()


def session_of(request: Request) -> AsyncSession:
    """Return ``request.session`` as what it is, since Starlette declares it a dict."""
    return cast(AsyncSession, request.session)


def to_account() -> Response:
    return RedirectResponse("/account", status_code=303)


async def account(request: Request) -> Response:
    return JSONResponse(dict(request.session))


async def login(request: Request) -> Response:
    session_of(request).regenerate()
    request.session["user"] = request.query_params["name"]
    return to_account()


async def cart(request: Request) -> Response:
    request.session.setdefault("cart", []).append(request.query_params["item"])
    return to_account()


def logout(request: Request) -> Response:
    session_of(request).destroy()
    return to_account()


async def keys(request: Request) -> Response:
    await pass_gate_async(request.query_params.get("gate"))
    request.session[request.query_params["key"]] = request.query_params["value"]
    return Response(status_code=204)


async def visits(request: Request) -> Response:
    await pass_gate_async(request.query_params.get("gate"))

    def count(data: dict[str, Any]) -> int:
        data["visits"] = data.get("visits", 0) + 1
        return int(data["visits"])

    return JSONResponse(await session_of(request).transact(count))


async def lines(request: Request) -> AsyncIterator[bytes]:
    request.session["stream"] = request.query_params["word"]
    yield FIRST
    request.session["stream"] = "under way"
    await pass_gate_async(request.query_params["gate"])
    request.session["stream"] = "done"
    yield REST


async def stream(request: Request) -> Response:
    return StreamingResponse(lines(request), media_type="text/plain")


async def unmodified(request: Request) -> Response:
    request.session["unmodified"] = True
    return Response(status_code=304, headers={"ETag": '"1"'})


async def page(request: Request) -> Response:
    request.session["page"] = request.method
    return PlainTextResponse("a page")


async def echo(request: Request) -> Response:
    body = await request.body()
    request.session["bytes"] = len(body)
    return Response(body)


async def file(request: Request) -> Response:
    request.session["file"] = True
    return FileResponse(file_to_send())


async def fails(request: Request) -> Response:
    request.session["failed"] = True
    raise RuntimeError("as the test wants it")


async def fails_after_logout(request: Request) -> Response:
    session_of(request).destroy()
    raise RuntimeError("as the test wants it")


async def records(_request: Request) -> Response:
    return JSONResponse(await STORE.records())


async def socket(websocket: WebSocket) -> None:
    websocket.session["sockets"] = websocket.session.get("sockets", 0) + 1
    await websocket.accept()
    async for text in websocket.iter_text():
        websocket.session["said"] = text
        if text == "fail":
            raise RuntimeError("as the test wants it")
        await websocket.send_text(text)
        if text.endswith("bye"):
            await websocket.close()
            return


app = Starlette(
    routes=[
        Route("/account", account),
        Route("/cart", cart, methods=["POST"]),
        Route("/echo", echo, methods=["POST"]),
        Route("/fails", fails),
        Route("/fails-after-logout", fails_after_logout),
        Route("/file", file),
        Route("/keys", keys, methods=["PUT"]),
        Route("/login", login, methods=["POST"]),
        Route("/logout", logout, methods=["POST"]),
        Route("/page", page),
        Route("/records", records),
        Route("/stream", stream),
        Route("/unmodified", unmodified),
        Route("/visits", visits, methods=["POST"]),
        WebSocketRoute("/socket", socket),
    ],
    middleware=[Middleware(SessionMiddleware, store=STORE, **OPTIONS)],
)
