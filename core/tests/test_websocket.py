"""Sessions of websockets: the cookie goes with the accept, changes are saved at the end."""

from typing import Any

import pytest
from harness import SECRET
from harness.websockets import ACCEPT, CLOSE, DENIAL, DISCONNECT, Visitor, cookies_of, counting, text

from coatcheck import CookieOptions, SessionClosed, SessionDestroyed
from coatcheck.asgi import SessionMiddleware


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def test_the_cookie_of_a_new_session_goes_with_the_accept() -> None:
    visitor = Visitor(counting)
    (accept,) = visitor.talk(DISCONNECT)

    assert accept["type"] == "websocket.accept"
    assert cookies_of(accept)[0].startswith(b"sid=s%3A")
    assert visitor.data == {"n": 1}


def test_the_session_of_http_requests_is_there_and_the_accept_stays_as_it_was() -> None:
    async def look(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({**ACCEPT, "subprotocol": "chat", "headers": [(b"x-n", str(session["n"]).encode())]})
        await receive()

    visitor = Visitor(look)
    visitor.log_in()
    (accept,) = visitor.talk(DISCONNECT)

    assert accept["subprotocol"] == "chat"
    assert accept["headers"] == [(b"x-n", b"1"), (b"vary", b"Cookie")]
    assert visitor.trace.letters == "G"


def test_changes_are_saved_when_the_visitor_leaves() -> None:
    visitor = Visitor(counting)
    visitor.log_in()
    visitor.talk(text("a"), text("b"), DISCONNECT)

    assert visitor.data == {"n": 4}
    assert visitor.trace.letters == "GSS"


def test_changes_are_saved_though_a_framework_raises_when_the_visitor_leaves() -> None:
    class Left(Exception):
        """As of a framework."""

    async def raising(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        change(session)
        if (await receive())["type"] == "websocket.disconnect":
            raise Left

    visitor = Visitor(raising)
    visitor.log_in()
    with pytest.raises(Left):
        visitor.talk(DISCONNECT)
    assert visitor.data == {"n": 2}


def test_changes_are_saved_before_the_application_closes() -> None:
    stored: list[Any] = []

    async def closing(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        change(session)
        await send(CLOSE)
        stored.append(visitor.data)

    visitor = Visitor(closing)
    visitor.log_in()
    assert [message["type"] for message in visitor.talk()] == ["websocket.accept", "websocket.close"]
    assert stored == [{"n": 2}]


def test_changes_are_saved_when_the_application_just_returns() -> None:
    async def returning(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        change(session)

    visitor = Visitor(returning)
    visitor.log_in()
    visitor.talk()
    assert visitor.data == {"n": 2}


def test_a_session_cannot_be_started_after_the_accept() -> None:
    async def starting_late(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        with pytest.raises(SessionClosed):
            change(session)

    visitor = Visitor(starting_late)
    visitor.talk()
    assert visitor.trace.letters == ""


def test_save_and_transact_work_while_the_websocket_is_open() -> None:
    stored: list[Any] = []

    async def saving(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        change(session)
        await session.save()
        stored.append(visitor.data)
        await session.transact(lambda data: data.update(n=data["n"] + 10))
        stored.append(visitor.data)
        await receive()

    visitor = Visitor(saving)
    visitor.log_in()
    visitor.talk(DISCONNECT)
    assert stored == [{"n": 2}, {"n": 12}]


def test_a_logout_by_websocket_ends_the_session() -> None:
    async def logging_out(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        session.destroy()
        with pytest.raises(SessionDestroyed):
            change(session)
        await receive()

    visitor = Visitor(logging_out)
    visitor.log_in()
    visitor.talk(DISCONNECT)
    assert visitor.table.length() == 0


def test_an_application_that_raises_writes_nothing_but_a_pending_destroy() -> None:
    async def raising(session: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        change(session)
        raise LookupError("of the application")

    visitor = Visitor(raising)
    visitor.log_in()
    with pytest.raises(LookupError):
        visitor.talk()
    assert visitor.data == {"n": 1}


def test_a_refusal_by_close_saves_a_session_that_exists_and_starts_none() -> None:
    async def refusing(session: Any, receive: Any, send: Any) -> None:
        await receive()
        change(session)
        await send(CLOSE)

    visitor = Visitor(refusing)
    assert visitor.talk() == [CLOSE]
    assert visitor.table.length() == 0

    visitor.log_in()
    assert visitor.talk() == [CLOSE]
    assert visitor.data == {"n": 2}


def test_a_denial_response_carries_the_cookie() -> None:
    async def denying(session: Any, receive: Any, send: Any) -> None:
        await receive()
        change(session)
        await send({"type": "websocket.http.response.start", "status": 403, "headers": [(b"x-a", b"1")]})
        await send({"type": "websocket.http.response.body", "body": b"no", "more_body": False})

    visitor = Visitor(denying)
    start, body = visitor.talk(extensions=DENIAL)

    assert (start["status"], body["body"]) == (403, b"no")
    assert start["headers"][0] == (b"x-a", b"1")
    assert len(cookies_of(start)) == 1
    assert visitor.data == {"n": 1}


def test_a_websocket_of_an_excluded_request_gets_no_session() -> None:
    seen: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append("session" in scope)

    visitor = Visitor(counting)
    visitor.middleware = SessionMiddleware(
        app, secret=SECRET, exclude=lambda scope: scope["type"] == "websocket"
    )
    assert visitor.talk() == []
    assert seen == [False]


@pytest.mark.parametrize(("scheme", "sent"), [("ws", 0), ("wss", 1)])
def test_a_secure_cookie_goes_over_tls_only(scheme: str, sent: int) -> None:
    visitor = Visitor(counting, cookie=CookieOptions(secure=True))

    assert len(cookies_of(visitor.talk(DISCONNECT, scheme=scheme)[0])) == sent
