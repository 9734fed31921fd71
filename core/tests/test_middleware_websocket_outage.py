"""Websockets while the store cannot be reached."""

from typing import Any

import pytest
from harness.websockets import ACCEPT, CLOSE, DENIAL, DISCONNECT, Visitor, cookies_of, counting

from coatcheck import StoreUnavailable


def assert_denied(sent: list[dict[str, Any]]) -> None:
    start, body = sent
    assert start["type"] == "websocket.http.response.start"
    assert start["status"] == 503
    assert (b"retry-after", b"5") in start["headers"]
    assert body["type"] == "websocket.http.response.body"
    assert b"try again" in body["body"]


def assert_closed(sent: list[dict[str, Any]]) -> None:
    (close,) = sent
    assert (close["type"], close["code"]) == ("websocket.close", 1013)


async def never(*_: Any) -> None:
    raise AssertionError("the application ran without its session")


@pytest.mark.parametrize(
    ("extensions", "check"),
    [(DENIAL, assert_denied), ({}, assert_closed), (None, assert_closed)],
)
def test_a_websocket_whose_session_cannot_be_loaded_is_denied_or_closed(extensions: Any, check: Any) -> None:
    visitor = Visitor(never)
    visitor.log_in()
    visitor.outage("get_and_touch")

    check(visitor.talk(extensions=extensions))


@pytest.mark.parametrize(("extensions", "check"), [(DENIAL, assert_denied), (None, assert_closed)])
def test_a_websocket_whose_session_cannot_be_saved_at_the_accept_is_denied_or_closed(
    extensions: Any, check: Any
) -> None:
    visitor = Visitor(counting)
    visitor.outage("set")

    check(visitor.talk(DISCONNECT, extensions=extensions))


@pytest.mark.parametrize("operation", ["get_and_touch", "replace"])
def test_with_raise_the_error_reaches_the_server(operation: str) -> None:
    visitor = Visitor(counting, on_unavailable="raise")
    visitor.log_in()
    visitor.outage(operation)

    with pytest.raises(StoreUnavailable):
        visitor.talk(DISCONNECT)


def test_with_anonymous_the_websocket_is_served_without_a_session() -> None:
    async def looking(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({**ACCEPT, "headers": [(b"x-keys", str(len(session)).encode())]})
        await receive()

    visitor = Visitor(looking, on_unavailable="anonymous")
    visitor.log_in()
    visitor.outage("get_and_touch")
    (accept,) = visitor.talk(DISCONNECT)

    assert accept["headers"][0] == (b"x-keys", b"0")
    assert cookies_of(accept) == []


@pytest.mark.parametrize("policy", ["503", "raise", "anonymous"])
def test_a_save_that_fails_when_the_visitor_leaves_is_raised(policy: Any) -> None:
    async def late(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        session["n"] = 2
        await receive()

    visitor = Visitor(late, on_unavailable=policy)
    visitor.log_in()
    visitor.outage("replace")

    with pytest.raises(StoreUnavailable):
        visitor.talk(DISCONNECT)


async def refusing(session: Any, receive: Any, send: Any) -> None:
    await receive()
    session["n"] = 2
    await send(CLOSE)


@pytest.mark.parametrize(("extensions", "check"), [(DENIAL, assert_denied), (None, assert_closed)])
def test_a_refusal_whose_save_fails_is_a_denial_or_a_close_of_ours_and_logged(
    extensions: Any, check: Any, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = Visitor(refusing)
    visitor.log_in()
    visitor.outage("replace")

    check(visitor.talk(extensions=extensions))
    assert [message for message in caplog.messages if "store is unavailable" in message] != []
    assert visitor.trace.letters == "GS"


def test_a_refusal_whose_save_fails_raises_where_that_is_the_setting() -> None:
    visitor = Visitor(refusing, on_unavailable="raise")
    visitor.log_in()
    visitor.outage("replace")

    with pytest.raises(StoreUnavailable):
        visitor.talk()


def test_the_message_that_the_visitor_left_is_delivered_though_the_save_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    received: list[str] = []

    async def late(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        session["n"] = 2
        received.append((await receive())["type"])
        await send(CLOSE)

    visitor = Visitor(late)
    visitor.log_in()
    visitor.outage("replace")
    with pytest.raises(StoreUnavailable):
        visitor.talk(DISCONNECT)

    assert received == ["websocket.disconnect"]
    assert visitor.trace.letters == "GS"  # not tried again
    assert caplog.records == []


def test_a_save_that_fails_when_the_visitor_leaves_is_logged_where_the_application_raises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def raising(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        session["n"] = 2
        await receive()
        raise LookupError("as frameworks do")

    visitor = Visitor(raising)
    visitor.log_in()
    visitor.outage("replace")
    with pytest.raises(LookupError):
        visitor.talk(DISCONNECT)

    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], StoreUnavailable)
    assert visitor.trace.letters == "GS"
