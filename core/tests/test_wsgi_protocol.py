"""Finer points of PEP 3333: an exc_info of None, bodies that cannot be iterated over, close() that raises."""

from collections.abc import Iterator
from typing import Any

import pytest
from harness import WSGIBrowser
from harness.wsgi_server import TEXT, NotedBody, NotingServer, count_up


@pytest.mark.parametrize("second", [(), (None,)])
def test_start_response_twice_without_an_error_raises_whether_exc_info_is_none_or_absent(second: Any) -> None:
    def app(_: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT, None)
        with pytest.raises(RuntimeError, match="twice"):
            start_response("201 Created", TEXT, *second)
        return [b"whole"]

    server = NotingServer(app)
    server.call()
    assert (server.status, server.exc_info) == ("200 OK", ())


def test_a_body_that_cannot_be_iterated_over_is_closed() -> None:
    class Broken(NotedBody):
        def __iter__(self) -> Iterator[bytes]:
            raise LookupError("of the body")

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        count_up(environ)
        start_response("200 OK", TEXT)
        return Broken([], server.events)

    server = NotingServer(app)
    with pytest.raises(LookupError, match="of the body"):
        server.call()
    assert server.events == ["close"]


@pytest.mark.parametrize("logs_out", [False, True])
def test_an_application_whose_close_raises_writes_nothing_but_a_pending_destroy(logs_out: bool) -> None:
    class Broken(NotedBody):
        def close(self) -> None:
            raise LookupError("of close")

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        session = environ["coatcheck.session"]
        first = "n" not in session
        count_up(environ)
        start_response("200 OK", TEXT)
        if first:
            return [b"whole"]

        def chunks() -> Iterator[bytes]:
            yield b"1"
            count_up(environ)
            if logs_out:
                session.destroy()
            yield b"2"

        return Broken(chunks(), server.events)

    server = NotingServer(app)
    server.browser = WSGIBrowser(server.middleware, validate=False)
    server.browser.get()
    server.store.trace.take()
    body = server.call()
    chunks = iter(body)
    assert [next(chunks), next(chunks)] == [b"1", b"2"]
    with pytest.raises(LookupError, match="of close"):
        body.close()

    assert server.store.trace.letters == ("GSD" if logs_out else "GS")
