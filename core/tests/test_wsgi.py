"""What is WSGI's own (PEP 3333): bodies, write(), exc_info, answers without a body."""

import sys
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from harness.wsgi_server import TEXT, NotedBody, NotingServer, count_up, serving

from coatcheck import SessionClosed, StoreUnavailable

KEY = "coatcheck.session"


def test_a_generator_is_advanced_only_on_demand_and_saved_before_the_first_byte() -> None:
    server = serving(lambda _, events: NotedBody([b"1", b"2"], events))
    body = iter(server.call())
    assert server.events == []

    assert next(body) == b"1"
    assert server.events == ["chunk 1", "set", "head 200 OK"]
    assert next(body) == b"2"
    assert server.events[3:] == ["chunk 2"]
    assert list(body) == []
    body.close()
    assert server.events[4:] == ["close"]


def test_empty_chunks_neither_send_the_head_nor_reach_the_server() -> None:
    server = serving(lambda _, events: NotedBody([b"", b"", b"1", b"", b"2", b""], events))

    assert list(server.call()) == [b"1", b"2"]
    assert server.events == [
        "chunk ",
        "chunk ",
        "chunk 1",
        "set",
        "head 200 OK",
        "chunk ",
        "chunk 2",
        "chunk ",
    ]


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
def test_a_body_without_a_byte_sends_the_head_at_its_end(chunks: list[bytes]) -> None:
    server = serving(lambda _, events: NotedBody(chunks, events))

    assert list(server.call()) == []
    assert server.events[-2:] == ["set", "head 200 OK"]


@pytest.mark.parametrize("body", [[b"whole"], [], (b"a", b"b"), [b""]])
def test_a_list_is_returned_as_it_is_after_the_commit(body: Any) -> None:
    server = serving(lambda *_: body)

    assert server.call() is body
    assert server.events == ["set", "head 200 OK"]


def test_a_generator_application_may_call_start_response_late() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        count_up(environ)
        start_response("201 Created", TEXT)
        yield b"late"

    server = NotingServer(app)
    assert server.browser.get().status == 201
    assert server.browser.cookies != {}


def test_write_commits_and_sends_before_its_data() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        count_up(environ)
        write = start_response("200 OK", TEXT)
        write(b"1")
        count_up(environ)
        write(b"2")
        return [b"3"]

    server = NotingServer(app)
    assert server.call() == [b"3"]
    assert server.events == ["set", "head 200 OK", "write 1", "write 2", "replace"]
    assert server.browser.get().body == b"123"


def test_a_change_while_streaming_is_saved_at_the_end() -> None:
    def late(environ: dict[str, Any]) -> Iterator[bytes]:
        yield b"1"
        count_up(environ)
        yield b"2"

    server = serving(lambda environ, _: late(environ))
    body = iter(server.call())
    assert [next(body), next(body)] == [b"1", b"2"]
    assert server.events == ["set", "head 200 OK"]

    assert list(body) == []
    assert server.events[2:] == ["replace"]


def test_starting_a_session_while_streaming_raises_at_the_assignment() -> None:
    def late(environ: dict[str, Any]) -> Iterator[bytes]:
        yield b"1"
        with pytest.raises(SessionClosed):
            count_up(environ)
        yield b"2"

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        return late(environ)

    server = NotingServer(app)
    assert server.browser.get().body == b"12"
    assert server.events == []


def test_a_nested_change_after_the_end_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    class LateBody(NotedBody):
        def close(self) -> None:
            environ[KEY]["list"].append(1)
            with pytest.raises(SessionClosed):
                environ[KEY]["more"] = 1
            super().close()

    environ: dict[str, Any] = {}

    def app(given: dict[str, Any], start_response: Any) -> NotedBody:
        environ.update(given)
        given[KEY]["list"] = []
        start_response("200 OK", TEXT)
        return LateBody([b"1"], server.events)

    server = NotingServer(app)
    server.browser.get()
    assert server.events[-1] == "close"
    assert [message for message in caplog.messages if "the change is lost" in message] != []


# -- exc_info


def test_an_error_page_before_the_head_replaces_the_answer_and_the_session_is_saved() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        count_up(environ)
        start_response("200 OK", [*TEXT, ("X-Of", "the first answer")])
        try:
            raise LookupError("of the application")
        except LookupError:
            start_response("500 Internal Server Error", TEXT, sys.exc_info())
        return [b"sorry"]

    server = NotingServer(app)
    response = server.browser.get()
    assert (response.status, response.body, response.all("x-of")) == (500, b"sorry", [])
    assert len(response.set_cookies) == 1


def test_an_error_page_after_the_head_raises_the_error_again() -> None:
    def app(_: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"1"
        try:
            raise LookupError("of the application")
        except LookupError:
            start_response("500 Internal Server Error", TEXT, sys.exc_info())
        raise AssertionError("start_response had to raise")

    def server_start_response(_: str, __: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        if exc_info:
            raise exc_info[1]
        return lambda data: None

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    body = iter(NotingServer(app).middleware(environ, server_start_response))
    assert next(body) == b"1"
    with pytest.raises(LookupError, match="of the application"):
        next(body)


def test_start_response_twice_without_an_error_is_a_fault_of_the_application() -> None:
    def app(_: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT)
        start_response("201 Created", TEXT)
        return [b"whole"]

    with pytest.raises((AssertionError, RuntimeError, TypeError)):
        NotingServer(app).call()


def test_a_body_without_start_response_is_a_fault_of_the_application() -> None:
    with pytest.raises(RuntimeError, match="start_response"):
        NotingServer(lambda *_: [b"whole"]).call()


# -- answers without a body


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("body", [list, iter])
def test_answers_that_have_no_body_carry_the_cookie(status: str, body: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        count_up(environ)
        start_response(status, [])
        return body([])

    response = NotingServer(app).browser.get()
    assert (response.status, len(response.set_cookies), response.body) == (int(status[:3]), 1, b"")


def test_the_answer_to_head_carries_the_cookie() -> None:
    response = serving(lambda *_: []).browser.get(method="HEAD")

    assert (response.status, len(response.set_cookies), response.body) == (200, 1, b"")


@pytest.mark.parametrize("body", [list, iter])
def test_a_503_to_head_has_no_body_when_the_commit_fails(body: Any) -> None:
    server = serving(lambda *_: body([]))
    server.outage()

    assert (server.browser.get(method="HEAD").status, server.browser.get(method="HEAD").body) == (503, b"")


def test_a_503_to_head_has_no_body_when_the_load_fails() -> None:
    server = serving(lambda *_: [])
    server.browser.get()

    def fail() -> None:
        raise StoreUnavailable("the server cannot be reached")

    server.store.trace.before["get_and_touch"] = fail
    response = server.browser.get(method="HEAD")
    assert (response.status, response.body) == (503, b"")


def test_a_503_reaches_the_browser_where_the_application_writes() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        count_up(environ)
        write = start_response("200 OK", TEXT)
        write(b"of the application")
        return [b"more"]

    server = NotingServer(app)
    server.outage()
    response = server.browser.get()
    assert (response.status, response.body.startswith(b"Service unavailable")) == (503, True)
