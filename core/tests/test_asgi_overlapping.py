"""Several tasks of an ASGI application that send and change at the same time, and starts that come late."""

import asyncio
from typing import Any

import pytest
from harness.asgi_server import START, NotingServer, Send, answering, body, change

from coatcheck import StoreUnavailable


async def send_two_at_once(session: Any, send: Send) -> None:
    change(session)
    await send(START)
    await asyncio.gather(send(body(b"1", more=True)), send(body(b"2")))


def types(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"].removeprefix("http.response.") for message in messages]


def test_two_first_bodies_at_once_send_one_start_and_commit_once() -> None:
    server = NotingServer(send_two_at_once)
    response = server.visit()

    assert types(server.sent) == ["start", "body", "body"]
    assert server.store.trace.operations == ["set"]
    assert (response.body, len(response.set_cookies)) == (b"12", 1)


def test_no_body_overtakes_a_start_for_which_the_server_takes_its_time() -> None:
    server = NotingServer(send_two_at_once)
    sent: list[dict[str, Any]] = []

    async def slow_send(message: Any) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing to receive")

    scope: dict[str, Any] = {"type": "http", "path": "/", "scheme": "http", "headers": []}
    asyncio.run(server.middleware(scope, receive, slow_send))
    assert types(sent) == ["start", "body", "body"]


def test_two_first_bodies_at_once_whose_commit_fails_are_replaced_by_one_503() -> None:
    server = NotingServer(send_two_at_once)

    def fail() -> None:
        raise StoreUnavailable("the server cannot be reached")

    server.store.trace.before["set"] = fail
    assert server.visit().status == 503
    assert types(server.sent) == ["start", "body"]


def test_with_raise_each_of_two_first_bodies_tries_and_hears_of_the_outage() -> None:
    outcomes: list[Any] = []

    async def app(session: Any, send: Send) -> None:
        change(session)
        await send(START)
        both = send(body(b"1", more=True)), send(body(b"2"))
        outcomes.extend(await asyncio.gather(*both, return_exceptions=True))
        raise outcomes[0]

    server = NotingServer(app, on_unavailable="raise")

    def fail() -> None:
        raise StoreUnavailable("the server cannot be reached")

    server.store.trace.before["set"] = fail
    with pytest.raises(StoreUnavailable):
        server.visit()
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, StoreUnavailable]
    assert server.sent == []


def test_a_change_during_the_only_commit_is_written_before_the_body() -> None:
    sessions: list[Any] = []

    async def app(session: Any, send: Send) -> None:
        sessions.append(session)
        change(session)
        await send(START)
        await send(body(b"whole"))

    server = NotingServer(app)
    server.store.trace.before["set"] = lambda: sessions[0].update(late=1)
    server.visit()

    assert server.store.trace.operations == ["set", "replace"]
    assert server.events[-3:] == ["sent start", "replace", "sent body"]
    _, (_, payload), _ = server.store.trace.calls[-1]
    assert b'"late":1' in payload


def test_a_second_start_after_the_head_reaches_the_server_which_refuses_it() -> None:
    server = answering(START, body(b"1", more=True), START, body(b"2"))
    server.visit()

    assert types(server.sent) == ["start", "body", "start", "body"]
    assert server.sent[2] is START
