"""Cancelled requests, several event loops, and what is read from a scope."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from harness import SECRET, ASGIBrowser, AsyncRecordingStore
from harness.asgi_server import START, NotingServer, Send, answering, body, change

from coatcheck import CookieOptions
from coatcheck.asgi import SessionMiddleware
from coatcheck_memory import AsyncMemoryStore


def test_a_client_that_disconnects_does_not_lose_a_write_that_was_begun() -> None:
    store = AsyncMemoryStore()
    writing = asyncio.Event()

    class SlowStore(AsyncRecordingStore):
        async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
            writing.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await super().set(sid, payload, ttl=ttl)

    async def cancel_while_writing() -> int:
        server = answering(START, body(), store=SlowStore(store))
        visit = asyncio.create_task(server.browser.aget())
        await writing.wait()
        visit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await visit
        return await store.length()

    assert asyncio.run(cancel_while_writing()) == 1


def test_a_request_that_is_cancelled_before_its_answer_writes_nothing_but_a_pending_destroy() -> None:
    async def cancel(ending: Callable[[Any], None]) -> list[str]:
        waiting = asyncio.Event()

        async def app(session: Any, send: Send) -> None:
            change(session)
            if session["n"] > 1:
                ending(session)
                waiting.set()
                await asyncio.Event().wait()
            await send(START)
            await send(body())

        server = NotingServer(app)
        await server.browser.aget()
        server.store.trace.take()
        visit = asyncio.create_task(server.browser.aget())
        await waiting.wait()
        visit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await visit
        return server.store.trace.operations

    assert asyncio.run(cancel(lambda _: None)) == ["get_and_touch"]
    assert asyncio.run(cancel(lambda session: session.destroy())) == ["get_and_touch", "destroy"]


# -- loops and scopes


def test_one_middleware_serves_several_event_loops() -> None:
    async def app(session: Any, send: Send) -> None:
        change(session)
        await send(START)
        await send(body(b"%d" % session["n"]))

    server = NotingServer(app, store="memory:")
    assert [server.visit().body for _ in range(3)] == [b"1", b"2", b"3"]


def test_other_kinds_of_scopes_pass_untouched() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    middleware: Any = SessionMiddleware(app, secret=SECRET)
    scope, receive, send = {"type": "of the future"}, object(), object()
    asyncio.run(middleware(scope, receive, send))

    assert seen == [(scope, receive, send)]
    assert scope == {"type": "of the future"}


def test_the_receive_of_a_request_is_the_servers_own() -> None:
    received: list[Any] = []

    async def app(_: Any, receive: Any, send: Any) -> None:
        received.append(await receive())
        await send(START)
        await send(body())

    asyncio.run(ASGIBrowser(SessionMiddleware(app, secret=SECRET)).aget())
    assert received == [{"type": "http.request", "body": b"", "more_body": False}]


@pytest.mark.parametrize(
    ("root_path", "path", "cookie_path", "inside"),
    [
        ("", "/app/shop", "/app/shop", True),
        ("", "/shop", "/app/shop", False),
        ("/app", "/app/shop", "/app/shop", True),
        ("/app", "/shop", "/app/shop", True),
        ("/app", "/shopping", "/app/shop", False),
        ("/other", "/app/shop", "/app/shop", False),
        ("/app", "/app", "/app", True),
        ("/app", "/application", "/app/application", True),
        ("/app", "/application", "/application", False),
    ],
)
def test_the_path_is_whole_whether_or_not_the_server_puts_the_root_path_before_it(
    root_path: str, path: str, cookie_path: str, inside: bool
) -> None:
    got: list[bool] = []

    async def app(scope: Any, _: Any, send: Any) -> None:
        got.append("session" in scope)
        await send(START)
        await send(body())

    middleware = SessionMiddleware(app, secret=SECRET, cookie=CookieOptions(path=cookie_path))
    asyncio.run(ASGIBrowser(middleware).aget(path, root_path=root_path))
    assert got == [inside]
