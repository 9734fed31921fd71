"""A WSGI server in process that notes what happens in which order."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any
from wsgiref.util import setup_testing_defaults

from coatcheck import StoreUnavailable
from coatcheck.wsgi import SessionMiddleware
from coatcheck_memory import MemoryStore
from harness.browsers import WSGIBrowser
from harness.sites import SECRET
from harness.stores import RecordingStore

__all__ = ["TEXT", "NotedBody", "NotingServer", "count_up", "serving"]

KEY = "coatcheck.session"
TEXT = [("Content-Type", "text/plain")]


class NotedBody:
    """A body that notes what is asked of it."""

    def __init__(self, chunks: Iterable[bytes], events: list[str], error: Exception | None = None) -> None:
        self._chunks = iter(chunks)
        self._events = events
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        for chunk in self._chunks:
            self._events.append(f"chunk {chunk.decode()}")
            return chunk
        if self._error is not None:
            raise self._error
        raise StopIteration

    def close(self) -> None:
        self._events.append("close")


class NotingServer:
    """Calls a middleware as servers do, and notes what happens in which order."""

    def __init__(self, app: Any, **options: Any) -> None:
        self.events: list[str] = []
        self.store = RecordingStore(MemoryStore())
        for operation in ("set", "replace", "destroy"):
            self.store.trace.before[operation] = partial(self.events.append, operation)
        chosen: dict[str, Any] = {"secret": SECRET, "store": self.store, **options}
        self.middleware = SessionMiddleware(app, **chosen)
        self.browser = WSGIBrowser(self.middleware)

    def call(self, **environ: Any) -> Any:
        """Return the body of a response; the head is in ``events``."""
        setup_testing_defaults(environ)
        if self.browser.cookies:
            environ["HTTP_COOKIE"] = "; ".join(f"{n}={v}" for n, v in self.browser.cookies.items())
        return self.middleware(environ, self._start_response)

    def _start_response(self, status: str, headers: Any, *exc_info: Any) -> Callable[[bytes], object]:
        self.status, self.headers, self.exc_info = status, headers, exc_info
        self.events.append(f"head {status}")
        return lambda data: self.events.append(f"write {data.decode()}")

    def outage(self) -> None:
        """Let every write fail."""

        def fail() -> None:
            raise StoreUnavailable("the server cannot be reached")

        self.store.trace.before = dict.fromkeys(("set", "replace", "destroy"), fail)


def count_up(environ: dict[str, Any]) -> None:
    """Change the session."""
    session = environ[KEY]
    session["n"] = session.get("n", 0) + 1


def serving(body: Callable[[dict[str, Any], list[str]], Any], **options: Any) -> NotingServer:
    """Return a server of an application that changes its session and answers with a body."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        count_up(environ)
        start_response("200 OK", TEXT)
        return body(environ, server.events)

    server = NotingServer(app, **options)
    return server
