"""What an application hears that goes on sending although a 503 was sent in place of its response."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from harness.asgi_server import START, NotingServer, Send, body, change
from harness.websockets import ACCEPT, DENIAL, Visitor

from coatcheck import StoreUnavailable

FOR_EVER = 10_000


def fail() -> None:
    raise StoreUnavailable("the server cannot be reached")


def visit(server: NotingServer, **scope: Any) -> None:
    """Visit during an outage; the answer must be one 503."""
    server.store.trace.before["set"] = fail
    assert server.visit(**scope).status == 503
    assert len(server.sent) == 2


def test_the_message_after_the_replaced_one_raises_an_oserror() -> None:
    raised: list[Exception] = []

    async def app(session: Any, send: Send) -> None:
        change(session)
        await send(START)
        await send(body(b"1", more=True))
        with pytest.raises(OSError, match="503 was sent in place of this response") as error:
            await send(body(b"2", more=True))
        raised.append(error.value)

    visit(NotingServer(app))
    assert len(raised) == 1
    assert not isinstance(raised[0], StoreUnavailable)


def test_an_application_that_sends_for_ever_without_waiting_ends() -> None:
    sent: list[int] = []

    async def app(session: Any, send: Send) -> None:
        change(session)
        await send(START)
        for number in range(FOR_EVER):
            await send(body(b"1", more=True))
            sent.append(number)

    visit(NotingServer(app))
    assert sent == [0]


@pytest.mark.parametrize("spec_version", ["2.0", "2.4"])
@pytest.mark.parametrize("blocking", [True, False])
def test_an_endless_streaming_response_of_starlette_ends(
    spec_version: str, blocking: bool, caplog: pytest.LogCaptureFixture
) -> None:
    responses = pytest.importorskip("starlette.responses")
    chunks: list[bytes] = []

    def endless() -> Iterator[bytes]:
        for _ in range(FOR_EVER):
            chunks.append(b"1")
            yield b"1"

    async def endless_async() -> AsyncIterator[bytes]:
        for chunk in endless():
            yield chunk

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def app(session: Any, send: Send) -> None:
        change(session)
        response = responses.StreamingResponse(endless() if blocking else endless_async())
        scope = {"type": "http", "asgi": {"spec_version": spec_version}}
        async with asyncio.timeout(10):
            await response(scope, receive, send)

    caplog.set_level(logging.INFO, "coatcheck")
    visit(NotingServer(app))
    assert 1 <= len(chunks) < 5
    assert [record.levelname for record in caplog.records] == ["WARNING"]  # of the outage, nothing else


@pytest.mark.parametrize(("error", "told"), [(LookupError("of the application"), 1), (OSError("closed"), 0)])
def test_an_error_after_a_replaced_response_ends_here_and_is_logged_unless_it_is_as_of_a_client_that_left(
    error: Exception, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(session: Any, send: Send) -> None:
        change(session)
        await send(START)
        await send(body(b"1", more=True))
        raise error

    caplog.set_level(logging.INFO, "coatcheck")
    visit(NotingServer(app))
    logged = [record for record in caplog.records if record.levelno == logging.INFO]
    assert len(logged) == told
    assert all(record.exc_info and record.exc_info[1] is error for record in logged)


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyboardInterrupt])
def test_a_cancellation_after_a_replaced_response_goes_on(error: type[BaseException]) -> None:
    async def app(session: Any, send: Send) -> None:
        change(session)
        await send(START)
        await send(body(b"1", more=True))
        raise error

    server = NotingServer(app)
    server.store.trace.before["set"] = fail
    with pytest.raises(error):
        server.visit()


@pytest.mark.parametrize("extensions", [DENIAL, None])
def test_a_websocket_application_that_sends_for_ever_ends_when_its_accept_was_denied(extensions: Any) -> None:
    sent: list[int] = []

    async def endless(session: Any, receive: Any, send: Any) -> None:
        await receive()
        change(session)
        await send(ACCEPT)
        for number in range(FOR_EVER):
            await send({"type": "websocket.send", "text": "tick"})
            sent.append(number)

    visitor = Visitor(endless)
    visitor.outage("set")
    answer = visitor.talk(extensions=extensions)
    assert answer[0]["type"] in ("websocket.http.response.start", "websocket.close")
    assert sent == []
