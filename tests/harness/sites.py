"""One application behind either middleware, with a browser, a recording store and a clock of its own."""

import asyncio
import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from urllib.parse import unquote

from faces import FakeClock

from coatcheck import StoreUnavailable, asgi, wsgi
from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table
from harness.browsers import ASGIBrowser, Header, Response, WSGIBrowser
from harness.stores import AsyncRecordingStore, RecordingStore

__all__ = ["SECRET", "SITES", "ASGISite", "Site", "WSGISite", "attributes", "settle"]

SECRET = "a secret of the tests, long enough"
OPERATIONS = ("get", "set", "destroy", "touch", "get_and_touch", "replace")

Handler = Callable[[Any], Any]
"""What the application does with its session; its result, awaited if need be, is the visit's value."""


@dataclass
class Job:
    """What the application is to do in one visit."""

    handler: Handler
    status: int
    headers: list[Header]
    later: Handler | None


class Site(ABC):
    """An application that does what each visit tells it, in the same way under WSGI and ASGI."""

    Middleware: ClassVar[Any]
    key: ClassVar[str]
    browser: WSGIBrowser | ASGIBrowser
    store: Any

    def __init__(
        self,
        *,
        store: Any = None,
        lacks: Iterable[str] = (),
        inside: Callable[[Any], Any] = lambda app: app,
        **options: Any,
    ) -> None:
        """Wrap the application; ``lacks`` names operations that the recording store does not offer.

        ``inside`` may wrap it once more, nearer to the application. All else is for the middleware.
        """
        self.clock = FakeClock()
        self.table = Table(1000, self.clock)
        self.store = self._recording_store()
        self.store.supports = replace(self.store.supports, **dict.fromkeys(lacks, False))
        self.trace = self.store.trace
        self.request: MutableMapping[str, Any] = {}
        self._name = options.get("name", "sid")
        self._value: Any = None
        self._job = Job(lambda _: None, 200, [], None)
        defaults = {"secret": SECRET, "clock": self.clock, "store": store or self.store}
        self.serve(self.Middleware(inside(self.application), **{**defaults, **options}))

    @abstractmethod
    def _recording_store(self) -> Any: ...

    @abstractmethod
    def application(self, request: Any, *protocol: Any) -> Any:
        """Do what the visit tells."""

    @abstractmethod
    def _new_browser(self) -> Any: ...

    def serve(self, middleware: Any) -> None:
        """Put another middleware before the browser, which has no cookies then."""
        self.middleware = middleware
        self.browser = self._new_browser()

    def visit(
        self,
        handler: Handler = lambda _: None,
        path: str = "/",
        headers: Iterable[Header] = (),
        *,
        status: int = 200,
        reply: Iterable[Header] = (),
        later: Handler | None = None,
        **request: Any,
    ) -> Response:
        """Send a request that ``handler`` answers; ``later`` runs while the body streams.

        ``reply`` are headers of the application. The handler's result is the response's ``value``.
        """
        self._job = Job(handler, status, [("Content-Type", "text/plain"), *reply], later)
        response = self.browser.get(path, headers, **request)
        response.value = self._value
        return response

    def letters(self, handler: Handler = lambda _: None, path: str = "/", **visit: Any) -> str:
        """Return the store's calls during a visit, in the notation of the decision table."""
        self.trace.take()
        self.visit(handler, path, **visit)
        letters: str = self.trace.take().letters
        return letters

    def another_browser(self) -> None:
        """Go on as somebody without cookies."""
        self.browser = self._new_browser()

    @property
    def sid(self) -> str:
        """The id that the browser's cookie carries."""
        return unquote(self.browser.cookies[self._name]).removeprefix("s:").rpartition(".")[0]

    def document(self, sid: str | None = None) -> dict[str, Any]:
        """Return what is stored under the browser's id, or the given one."""
        payload = self.table.peek(sid or self.sid)
        assert payload is not None, "nothing is stored"
        document: dict[str, Any] = json.loads(payload)
        return document

    def data(self, sid: str | None = None) -> dict[str, Any]:
        """Return the stored document without its cookie."""
        return {key: value for key, value in self.document(sid).items() if key != "cookie"}

    def plant(self, payload: bytes, *, sid: str | None = None, ttl: float = 86400.0) -> None:
        """Put bytes into the store, as somebody else would; no call is recorded."""
        self.table.set(sid or self.sid, payload, ttl)

    def rival(self, sid: str | None = None, **changes: Any) -> None:
        """Change the stored data as a request at the same time does; None deletes a key."""
        document = self.document(sid) | changes
        kept = {key: value for key, value in document.items() if value is not None}
        self.plant(json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode(), sid=sid)

    def outage(self, *operations: str) -> None:
        """Let these operations, or all, fail as those of an unreachable server do."""
        for operation in operations or OPERATIONS:
            self.trace.before[operation] = _fail

    def recovery(self) -> None:
        """End the outage."""
        self.trace.before.clear()


class WSGISite(Site):
    """A site of a blocking application."""

    Middleware = wsgi.SessionMiddleware
    key = "coatcheck.session"

    def _recording_store(self) -> RecordingStore:
        return RecordingStore(MemoryStore(table=self.table))

    def _new_browser(self) -> WSGIBrowser:
        return WSGIBrowser(self.middleware)

    def application(self, request: Any, *protocol: Any) -> Iterable[bytes]:
        (start_response,) = protocol
        self.request, job = request, self._job
        session = request.get(self.key)
        self._value = _without_waiting(job.handler(session))
        start_response(f"{job.status} Status", job.headers)
        return [b"whole"] if job.later is None else _stream(session, job.later)


class ASGISite(Site):
    """A site of an async application; every visit has an event loop of its own."""

    Middleware = asgi.SessionMiddleware
    key = "session"

    def _recording_store(self) -> AsyncRecordingStore:
        return AsyncRecordingStore(AsyncMemoryStore(table=self.table))

    def _new_browser(self) -> ASGIBrowser:
        return _ASGIBrowser(self.middleware)

    async def application(self, request: Any, *protocol: Any) -> None:
        _, send = protocol
        self.request, job = request, self._job
        session = request.get(self.key)
        self._value = await settle(job.handler(session))
        headers = [(name.encode(), value.encode()) for name, value in job.headers]
        await send({"type": "http.response.start", "status": job.status, "headers": headers})
        if job.later is None:
            await send({"type": "http.response.body", "body": b"whole"})
            return
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await settle(job.later(session))
        await send({"type": "http.response.body", "body": b"last"})


SITES = [WSGISite, ASGISite]


class _ASGIBrowser(ASGIBrowser):
    def get(self, path: str = "/", headers: Iterable[Header] = (), **request: Any) -> Response:
        return asyncio.run(self.aget(path, headers, **request))


async def settle(result: Any) -> Any:
    """Await what an async session gives; what a blocking one gives is there already."""
    return await result if inspect.isawaitable(result) else result


def attributes(set_cookie: str) -> dict[str, str]:
    """Return the attributes of a Set-Cookie header; flags are empty strings."""
    parts = (part.partition("=") for part in set_cookie.split("; ")[1:])
    return {name: value for name, _, value in parts}


def _without_waiting(result: Any) -> Any:
    if not inspect.iscoroutine(result):
        return result
    try:
        result.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("a blocking session made its handler wait")


def _stream(session: Any, later: Handler) -> Iterator[bytes]:
    yield b"first"
    _without_waiting(later(session))
    yield b"last"


def _fail() -> None:
    raise StoreUnavailable("the server cannot be reached")
