"""The store of an ASGI application ends with it: lifespan, aclose(), and what comes after."""

import asyncio
from typing import Any

import pytest
from harness import SECRET, ASGIBrowser

from coatcheck import AsyncStore, Store, register
from coatcheck.asgi import SessionMiddleware
from coatcheck_memory import AsyncMemoryStore, MemoryStore

STARTUP = {"type": "lifespan.startup"}
SHUTDOWN = {"type": "lifespan.shutdown"}
COMPLETE = [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


class AsyncClosable(AsyncMemoryStore):
    """Notes its end; ``failing`` makes that fail."""

    failing = False

    async def aclose(self) -> None:
        BACKEND.events.append("closed")
        if self.failing:
            raise RuntimeError("cannot close")
        await super().aclose()


class Closable(MemoryStore):
    """The same for blocking code."""

    def close(self) -> None:
        BACKEND.events.append("closed")
        super().close()


class Backend:
    """Opens such stores by URL."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def open_async(self, url: str, *, failing: bool = False) -> AsyncStore:
        self.events.append("opened")
        store = AsyncClosable()
        store.failing = failing
        return store


class BlockingBackend:
    """Offers blocking stores only, which the middleware lends."""

    def open(self, url: str) -> Store:
        BACKEND.events.append("opened")
        return Closable()


BACKEND = Backend()
register("lifespan", BACKEND)
register("lifespan-blocking", BlockingBackend())


@pytest.fixture(autouse=True)
def events() -> list[str]:
    BACKEND.events.clear()
    return BACKEND.events


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for answer in COMPLETE:
            await receive()
            await send(answer)
        return
    session = scope["session"]
    session["n"] = session.get("n", 0) + 1
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(session["n"]).encode()})


async def live(middleware: Any) -> None:
    """Start the application and shut it down."""
    incoming = iter((STARTUP, SHUTDOWN))

    async def receive() -> dict[str, Any]:
        return next(incoming)

    async def send(message: dict[str, Any]) -> None:
        BACKEND.events.append(message["type"].removeprefix("lifespan."))

    await middleware({"type": "lifespan"}, receive, send)


@pytest.mark.parametrize("url", ["lifespan:", "lifespan-blocking:"])
def test_a_store_from_a_url_is_closed_before_the_shutdown_is_complete(url: str, events: list[str]) -> None:
    asyncio.run(live(SessionMiddleware(app, secret=SECRET, store=url)))

    assert events == ["opened", "startup.complete", "closed", "shutdown.complete"]


@pytest.mark.parametrize("url", ["lifespan:", "lifespan-blocking:"])
def test_a_request_that_follows_opens_the_store_afresh(url: str, events: list[str]) -> None:
    middleware = SessionMiddleware(app, secret=SECRET, store=url)
    browser = ASGIBrowser(middleware)

    async def requests_around_a_shutdown() -> list[bytes]:
        before = await browser.aget()
        await live(middleware)
        return [before.body, (await browser.aget()).body, (await browser.aget()).body]

    assert asyncio.run(requests_around_a_shutdown()) == [b"1", b"1", b"2"]
    assert events.count("opened") == 2
    asyncio.run(middleware.aclose())
    assert events.count("closed") == 2


@pytest.mark.parametrize("store", [AsyncClosable, Closable])
def test_a_store_that_was_given_is_never_closed(store: Any, events: list[str]) -> None:
    given = store()
    middleware = SessionMiddleware(app, secret=SECRET, store=given)
    asyncio.run(live(middleware))
    asyncio.run(middleware.aclose())

    assert events == ["startup.complete", "shutdown.complete"]
    assert "closed" not in repr(given)


def test_the_store_is_closed_too_where_the_shutdown_failed(events: list[str]) -> None:
    async def failing_app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "of the application"})

    asyncio.run(live(SessionMiddleware(failing_app, secret=SECRET, store="lifespan:")))
    assert events == ["opened", "startup.complete", "closed", "shutdown.failed"]


def test_the_store_stays_open_where_the_startup_failed(events: list[str]) -> None:
    async def failing_app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "of the application"})

    asyncio.run(live(SessionMiddleware(failing_app, secret=SECRET, store="lifespan:")))
    assert events == ["opened", "startup.failed"]


def test_an_error_of_closing_is_logged_and_the_server_shuts_down_all_the_same(
    events: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(live(SessionMiddleware(app, secret=SECRET, store="lifespan:?failing=true")))

    assert events[-1] == "shutdown.complete"
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (
        "ERROR",
        "the session store could not be closed at shutdown",
    )


def test_an_application_without_lifespan_says_so_itself() -> None:
    async def without(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("no lifespan here")

    with pytest.raises(LookupError, match="no lifespan here"):
        asyncio.run(live(SessionMiddleware(without, secret=SECRET)))


def test_aclose_twice_closes_once(events: list[str]) -> None:
    middleware = SessionMiddleware(app, secret=SECRET, store="lifespan:")

    async def twice() -> None:
        await middleware.aclose()
        await middleware.aclose()

    asyncio.run(twice())
    assert events == ["opened", "closed"]


def test_a_write_that_was_begun_is_finished_before_the_store_is_closed() -> None:
    order: list[str] = []

    class SlowStore(AsyncMemoryStore):
        async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
            order.append("writing")
            begun.set()
            await finish.wait()
            await super().set(sid, payload, ttl=ttl)
            order.append("written")

        async def aclose(self) -> None:
            order.append("closed")

    class SlowBackend:
        def open_async(self, url: str) -> AsyncStore:
            return SlowStore()

    register("lifespan-slow", SlowBackend())
    begun, finish = asyncio.Event(), asyncio.Event()

    async def shut_down_while_writing() -> None:
        middleware = SessionMiddleware(app, secret=SECRET, store="lifespan-slow:")
        visit = asyncio.create_task(ASGIBrowser(middleware).aget())
        await begun.wait()
        for _ in range(2):  # a first cancellation waits for the write, a second one does not
            visit.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await visit
        closing = asyncio.create_task(middleware.aclose())
        await asyncio.sleep(0)
        finish.set()
        await closing

    asyncio.run(shut_down_while_writing())
    assert order == ["writing", "written", "closed"]
