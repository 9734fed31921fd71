"""The shop on FastAPI, in async and plain endpoints; its sessions are in a blocking store lent by threads."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

from fastapi import BackgroundTasks, Depends, FastAPI, Request, Response, WebSocket
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from servers.applications_store import (
    FIRST,
    OPTIONS,
    REST,
    GatedStore,
    file_to_send,
    pass_gate,
    pass_gate_async,
)
from servers.gates import leave_note

from coatcheck import AsyncSession, SessionClosed, load_session
from coatcheck.asgi import SessionMiddleware

STORE = GatedStore()


def session_of(request: Request) -> AsyncSession:
    """Return ``request.session`` as what it is, since Starlette declares it a dict."""
    return cast(AsyncSession, request.session)


app = FastAPI()
app.add_middleware(SessionMiddleware, store=STORE, **OPTIONS)


def to_account() -> Response:
    return RedirectResponse("/account", status_code=303)


@app.get("/account")
async def account(request: Request) -> dict[str, Any]:
    return dict(request.session)


@app.post("/login")
async def login(request: Request, name: str) -> Response:
    session_of(request).regenerate()
    request.session["user"] = name
    return to_account()


@app.post("/cart")
def cart(request: Request, item: str) -> Response:
    request.session.setdefault("cart", []).append(item)
    return to_account()


@app.post("/logout")
def logout(request: Request) -> Response:
    session_of(request).destroy()
    return to_account()


@app.put("/keys", status_code=204)
def keys(request: Request, key: str, value: str, gate: str | None = None) -> None:
    pass_gate(gate)
    request.session[key] = value


@app.post("/visits")
async def visits(request: Request, gate: str | None = None) -> int:
    await pass_gate_async(gate)

    def count(data: dict[str, Any]) -> int:
        data["visits"] = data.get("visits", 0) + 1
        return int(data["visits"])

    return await session_of(request).transact(count)


def lines(request: Request, gate: str, word: str) -> Iterator[bytes]:
    request.session["stream"] = word
    yield FIRST
    request.session["stream"] = "under way"
    pass_gate(gate)
    request.session["stream"] = "done"
    yield REST


@app.get("/stream")
def stream(request: Request, gate: str, word: str) -> Response:
    return StreamingResponse(lines(request, gate, word), media_type="text/plain")


@app.get("/unmodified")
async def unmodified(request: Request) -> Response:
    request.session["unmodified"] = True
    return Response(status_code=304, headers={"ETag": '"1"'})


@app.api_route("/page", methods=["GET", "HEAD"], response_class=PlainTextResponse)
async def page(request: Request) -> str:
    request.session["page"] = request.method
    return "a page"


@app.post("/echo")
async def echo(request: Request) -> Response:
    body = await request.body()
    request.session["bytes"] = len(body)
    return Response(body)


@app.get("/file")
def file(request: Request) -> Response:
    request.session["file"] = True
    return FileResponse(file_to_send())


@app.get("/fails")
def fails(request: Request) -> None:
    request.session["failed"] = True
    raise RuntimeError("as the test wants it")


@app.get("/fails-after-logout")
def fails_after_logout(request: Request) -> None:
    session_of(request).destroy()
    raise RuntimeError("as the test wants it")


async def counting_entries(request: Request) -> AsyncIterator[None]:
    request.session["entered"] = True
    yield
    request.session["left"] = True


async def leaving_late(request: Request) -> AsyncIterator[None]:
    request.session["entered"] = True
    yield
    try:
        request.session["left"] = True
    except SessionClosed:
        leave_note("late-dependency", "SessionClosed")


@app.post("/entries", dependencies=[Depends(counting_entries, scope="function")])
async def entries(request: Request) -> list[str]:
    return list(request.session)


@app.post("/late-entries", dependencies=[Depends(leaving_late, scope="request")])
async def late_entries(request: Request) -> list[str]:
    return list(request.session)


def after_the_response(request: Request, sid: str) -> None:
    seen = request.session["ordered"]
    try:
        request.session["delivered"] = "by the request's session"
    except SessionClosed:
        session = load_session(STORE, sid)
        if session is not None:
            session["delivered"] = "by a session of its own"
            session.save()
    leave_note("background", seen)


@app.post("/orders")
async def order(request: Request, tasks: BackgroundTasks) -> str:
    request.session["ordered"] = "a coat"
    tasks.add_task(after_the_response, request, session_of(request).id)
    return "thank you"


@app.get("/records")
def records() -> dict[str, Any]:
    return STORE.records()


@app.websocket("/socket")
async def socket(websocket: WebSocket) -> None:
    websocket.session["sockets"] = websocket.session.get("sockets", 0) + 1
    await websocket.accept()
    while True:
        text = await websocket.receive_text()  # raises when the visitor leaves
        websocket.session["said"] = text
        if text == "fail":
            raise RuntimeError("as the test wants it")
        await websocket.send_text(text)
        if text.endswith("bye"):
            await websocket.close()
            return
