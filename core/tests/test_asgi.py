"""What is ASGI's own: messages that are held or passed, answers without a body, work after the answer."""

import logging
from typing import Any

import pytest
from harness.asgi_server import START, NotingServer, Send, answering, body, change

from coatcheck import SessionClosed, StoreUnavailable


def test_the_start_is_held_until_the_first_body_and_the_session_written_before() -> None:
    server = answering(START, body(b"1", more=True), body(b"2"))
    response = server.visit()

    assert server.events == [
        "app start",
        "app body",
        "set",
        "sent start",
        "sent body",
        "app body",
        "sent body",
    ]
    assert response.body == b"12"


def test_the_applications_message_is_not_changed() -> None:
    server = answering(START, body())
    server.visit()

    assert START["headers"] == [(b"x-of", b"the app")]
    assert [name for name, _ in server.sent[0]["headers"]] == [
        b"x-of",
        b"vary",
        b"set-cookie",
        b"cache-control",
    ]


def test_other_members_of_the_start_are_kept() -> None:
    server = answering({**START, "trailers": True, "status": 404}, body())
    server.visit()

    assert (server.sent[0]["trailers"], server.sent[0]["status"]) == (True, 404)


def test_a_start_without_headers_gets_some() -> None:
    server = answering({"type": "http.response.start", "status": 200}, body())

    assert len(server.visit().set_cookies) == 1


def test_an_empty_first_body_sends_the_start_too() -> None:
    server = answering(START, body(b"", more=True), body(b"1"))
    server.visit()

    assert server.events[2:5] == ["set", "sent start", "sent body"]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "http.response.pathsend", "path": "/a/file"},
        {"type": "http.response.zerocopysend", "file": 7, "more_body": False},
    ],
)
def test_a_body_that_the_server_reads_itself_is_a_body(message: dict[str, Any]) -> None:
    server = answering(START, message)
    server.visit()

    assert [sent["type"] for sent in server.sent] == ["http.response.start", message["type"]]
    assert server.sent[1] == message
    assert server.events[2] == "set"


@pytest.mark.parametrize(
    "message",
    [
        {"type": "http.response.debug", "info": {"template": "a"}},
        {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]},
        {"type": "http.response.push", "path": "/style.css", "headers": []},
        {"type": "something.of.the.future"},
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_other_messages_pass_at_once(message: dict[str, Any], first: bool) -> None:
    messages = [message, START] if first else [START, message]
    server = answering(*messages, body())
    server.visit()

    assert server.sent[0] is message
    assert [sent["type"] for sent in server.sent[1:]] == ["http.response.start", "http.response.body"]


def test_trailers_pass_after_the_body() -> None:
    trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False}
    server = answering({**START, "trailers": True}, body(b"1"), trailers)
    server.visit()

    assert server.sent[-1] is trailers


def test_an_application_that_sends_no_body_gets_its_start_sent_at_its_end() -> None:
    server = answering(START)
    server.visit()

    assert server.events == ["app start", "set", "sent start"]
    assert len(server.sent[0]["headers"]) == 4


def test_an_application_that_sends_nothing_starts_no_session() -> None:
    server = answering()
    server.visit()

    assert server.events == []


def test_a_change_before_the_last_body_is_written_before_it_is_sent() -> None:
    async def app(session: Any, send: Send) -> None:
        change(session)
        await send(START)
        await send(body(b"1", more=True))
        change(session)
        await send(body(b"2", more=True))
        await send(body(b"3"))

    server = NotingServer(app)
    server.visit()
    assert server.events[-3:] == ["app body", "replace", "sent body"]
    assert server.events.count("replace") == 1


def test_a_change_after_an_unfinished_body_is_written_when_the_application_returns() -> None:
    async def app(session: Any, send: Send) -> None:
        change(session)
        await send(START)
        await send(body(b"1", more=True))
        change(session)

    server = NotingServer(app)
    server.visit()
    assert server.events[-1] == "replace"


def test_after_the_response_an_assignment_raises_and_a_nested_change_is_warned_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(session: Any, send: Send) -> None:
        session["list"] = []
        await send(START)
        await send(body())
        with pytest.raises(SessionClosed, match="response has been sent"):
            change(session)
        with pytest.raises(SessionClosed):
            await session.save()
        session["list"].append(1)

    server = NotingServer(app)
    server.visit()
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "the change is lost" in warning
    assert server.store.trace.operations == ["set"]


def test_background_work_that_only_reads_is_not_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    async def app(session: Any, send: Send) -> None:
        change(session)
        await send(START)
        await send(body())
        assert session["n"] == 1

    NotingServer(app).visit()
    assert caplog.records == []


def test_an_application_that_raises_after_its_answer_loses_nothing() -> None:
    async def app(session: Any, send: Send) -> None:
        change(session)
        await send(START)
        await send(body(b"1"))
        raise LookupError("of the background work")

    server = NotingServer(app)
    with pytest.raises(LookupError, match="background"):
        server.visit()
    assert server.events[2] == "set"
    assert len(server.sent) == 2


def test_after_a_failed_commit_nothing_of_the_application_is_sent() -> None:
    server = answering(START, body(b"1", more=True), {"type": "http.response.debug"}, body(b"2"))

    def fail() -> None:
        raise StoreUnavailable("the server cannot be reached")

    server.store.trace.before["set"] = fail
    response = server.visit()
    assert [message["type"] for message in server.sent] == ["http.response.start", "http.response.body"]
    assert (response.status, response.all("x-of")) == (503, [])
