"""What WSGI applications and servers close: bodies, files, the middleware's store."""

import gc
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from harness import SECRET, WSGIBrowser
from harness.wsgi_server import TEXT, NotedBody, NotingServer, count_up, serving

from coatcheck import ConfigurationError, StoreError, StoreUnavailable, register
from coatcheck.wsgi import SessionMiddleware
from coatcheck_memory import MemoryStore

KEY = "coatcheck.session"


def test_close_is_called_once_when_the_body_was_read() -> None:
    server = serving(lambda _, events: NotedBody([b"1"], events))
    server.browser.get()

    assert server.events.count("close") == 1


def test_close_is_called_once_when_the_server_stops_early_and_changes_so_far_are_saved() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> NotedBody:
        count_up(environ)
        start_response("200 OK", TEXT)

        def chunks() -> Iterator[bytes]:
            yield b"1"
            count_up(environ)
            yield b"2"
            raise AssertionError("the server had stopped")

        return NotedBody(chunks(), server.events)

    server = NotingServer(app)
    body = server.call()
    chunks = iter(body)
    assert [next(chunks), next(chunks)] == [b"1", b"2"]
    body.close()

    assert server.events == ["chunk 1", "set", "head 200 OK", "chunk 2", "close", "replace"]


def test_close_before_the_first_byte_saves_a_session_that_exists_and_starts_none() -> None:
    server = serving(lambda _, events: NotedBody([b"1"], events))
    server.call().close()
    assert server.events == ["close"]

    server.browser.get()
    server.events.clear()
    server.call().close()
    assert server.events == ["close", "replace"]


@pytest.mark.parametrize("chunks", [[], [b"1"]])
def test_close_is_called_once_when_the_body_raises_and_nothing_more_is_written(chunks: list[bytes]) -> None:
    server = serving(lambda _, events: NotedBody(chunks, events, error=LookupError("of the body")))
    server.browser = WSGIBrowser(server.middleware, validate=False)

    with pytest.raises(LookupError, match="of the body"):
        server.browser.get()
    assert server.events == [*(["chunk 1", "set"] if chunks else []), "close"]


def test_close_is_called_once_when_the_commit_fails() -> None:
    server = serving(lambda _, events: NotedBody([b"1", b"2"], events))
    server.outage()
    response = server.browser.get()

    assert response.status == 503
    assert server.events == ["chunk 1", "close"]


def test_an_error_of_close_does_not_hide_that_the_session_was_saved() -> None:
    class BrokenBody(NotedBody):
        def close(self) -> None:
            raise LookupError("of close")

    server = serving(lambda _, events: BrokenBody([b"1"], events))
    body = server.call()
    assert list(body) == [b"1"]
    with pytest.raises(LookupError, match="of close"):
        body.close()
    assert "set" in server.events


# -- files


def test_a_file_is_committed_first_and_handed_to_the_server_as_it_is() -> None:
    wrapped: list[Any] = []

    def file_of(environ: dict[str, Any], _: Any) -> Any:
        wrapped.append(environ["wsgi.file_wrapper"](BytesIO(b"content")))
        return wrapped[0]

    server = serving(file_of)
    body = server.call(**{"wsgi.file_wrapper": FileWrapper})
    assert body is wrapped[0]
    assert server.events == ["set", "head 200 OK"]


def test_a_file_of_a_wrapper_that_is_a_function_is_streamed_and_closed() -> None:
    events: list[str] = []
    server = serving(lambda environ, _: environ["wsgi.file_wrapper"](BytesIO(b"content")))
    body = server.call(**{"wsgi.file_wrapper": lambda file: NotedBody([file.read()], events)})

    assert list(body) == [b"content"]
    body.close()
    assert events == ["chunk content", "close"]


@pytest.mark.parametrize("policy", ["503", "raise"])
def test_a_file_that_is_not_sent_since_the_commit_failed_is_closed(policy: Any) -> None:
    file = BytesIO(b"content")
    server = serving(lambda environ, _: environ["wsgi.file_wrapper"](file), on_unavailable=policy)
    server.outage()
    try:
        body = server.call(**{"wsgi.file_wrapper": FileWrapper})
    except StoreUnavailable:
        assert policy == "raise"
    else:
        assert server.status.startswith("503")
        if hasattr(body, "close"):
            body.close()
    assert file.closed


# -- the store's end


class ClosableStore(MemoryStore):
    """A memory store that notes its end."""

    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


class Backend:
    """Opens such stores by URL."""

    def __init__(self) -> None:
        self.opened: list[ClosableStore] = []

    def open(self, url: str) -> ClosableStore:
        self.opened.append(ClosableStore())
        return self.opened[-1]

    @property
    def closed(self) -> list[bool]:
        """Which of the stores were closed."""
        return [store.closed for store in self.opened]


class AsyncOnly:
    """A backend without blocking stores."""

    def open_async(self, url: str) -> None:
        """Never called."""


BACKEND = Backend()
register("closable", BACKEND)
register("async-only", AsyncOnly())


@pytest.fixture
def backend() -> Backend:
    BACKEND.opened.clear()
    return BACKEND


def answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    count_up(environ)
    start_response("200 OK", TEXT)
    return [str(environ[KEY]["n"]).encode()]


def test_close_closes_a_store_that_came_from_a_url_and_a_later_request_opens_another(
    backend: Backend,
) -> None:
    middleware = SessionMiddleware(answer, secret=SECRET, store="closable:")
    browser = WSGIBrowser(middleware)
    assert browser.get().body == b"1"
    assert backend.closed == [False]

    middleware.close()
    middleware.close()
    assert backend.closed == [True]

    assert [browser.get().body, browser.get().body] == [b"1", b"2"]
    assert backend.closed == [True, False]


def test_a_middleware_that_is_thrown_away_closes_its_store(backend: Backend) -> None:
    middleware = SessionMiddleware(answer, secret=SECRET, store="closable:")
    assert backend.closed == [False]

    del middleware
    gc.collect()
    assert backend.closed == [True]


def test_a_store_that_was_given_is_never_closed() -> None:
    store = ClosableStore()
    middleware = SessionMiddleware(answer, secret=SECRET, store=store)
    middleware.close()
    assert WSGIBrowser(middleware).get().status == 200

    del middleware
    gc.collect()
    assert not store.closed


def test_the_errors_of_a_closed_store_reach_the_server() -> None:
    store = MemoryStore()
    middleware = SessionMiddleware(answer, secret=SECRET, store=store)
    store.close()

    with pytest.raises(StoreError, match="closed"):
        WSGIBrowser(middleware).get()


def test_an_async_only_backend_cannot_serve_wsgi() -> None:
    with pytest.raises(ConfigurationError, match="ASGI middleware"):
        SessionMiddleware(answer, secret=SECRET, store="async-only:")
