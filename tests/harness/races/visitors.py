"""A visitor whose requests do to the session what a test says, over WSGI or ASGI."""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote

from coatcheck import AsyncStore, Store
from coatcheck.asgi import SessionMiddleware as ASGISessionMiddleware
from coatcheck.wsgi import SessionMiddleware as WSGISessionMiddleware
from harness.browsers import ASGIBrowser, Response, WSGIBrowser

SECRET = "a secret that only tests know"
Step = Callable[[Any], Any]
"""What a request does to its session; a result that is awaitable is awaited."""


@dataclass
class Answer:
    """What became of one request."""

    response: Response | None = None
    error: Exception | None = None
    results: list[Any] = field(default_factory=list)
    """What its steps returned."""
    sid: str | None = None
    """The id that the visitor's browser has after it."""

    @property
    def set_cookies(self) -> list[str]:
        """The Set-Cookie headers of the response."""
        return self.response.set_cookies if self.response else []


def caught(operation: Step, *errors: type[Exception]) -> Step:
    """Return a step that returns an expected error of ``operation``, so that the request goes on."""

    def step(session: Any) -> Any:
        try:
            result = operation(session)
        except errors as error:
            return error
        return _awaited(result, errors) if inspect.isawaitable(result) else result

    return step


async def _awaited(result: Any, errors: tuple[type[Exception], ...]) -> Any:
    try:
        return await result
    except errors as error:
        return error


class WSGIVisitor:
    """Requests over WSGI; :meth:`request` may be called in any thread."""

    def __init__(self, store: Store, **options: Any) -> None:
        self._app = WSGISessionMiddleware(_wsgi_app, store=store, secret=SECRET, **options)
        self.cookies: dict[str, str] = {}

    def request(self, steps: Sequence[Step], *, keep: bool = False) -> Answer:
        """Send a request with the cookies there are; ``keep`` those that come back."""
        browser, answer = WSGIBrowser(self._app, validate=False), Answer()
        browser.cookies.update(self.cookies)
        try:
            answer.response = browser.get(**_extra(steps, answer))
        except Exception as error:  # noqa: BLE001 (whatever a server would be given)
            answer.error = error
        answer.sid = _sid(browser.cookies)
        if keep:
            self.cookies = browser.cookies
        return answer


class ASGIVisitor:
    """Requests over ASGI; :meth:`request` may be awaited in any number of tasks."""

    def __init__(self, store: AsyncStore, **options: Any) -> None:
        self.app = ASGISessionMiddleware(_asgi_app, store=store, secret=SECRET, **options)
        self.cookies: dict[str, str] = {}

    async def request(self, steps: Sequence[Step], *, keep: bool = False) -> Answer:
        """Send a request with the cookies there are; ``keep`` those that come back."""
        browser, answer = ASGIBrowser(self.app), Answer()
        browser.cookies.update(self.cookies)
        try:
            answer.response = await browser.aget(**_extra(steps, answer))
        except Exception as error:  # noqa: BLE001 (whatever a server would be given)
            answer.error = error
        answer.sid = _sid(browser.cookies)
        if keep:
            self.cookies = browser.cookies
        return answer


class Visitor:
    """One request after another, blocking; the store decides whether over WSGI or ASGI."""

    def __init__(self, store: Store | AsyncStore, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._visitor = (
            WSGIVisitor(store, **options) if isinstance(store, Store) else ASGIVisitor(store, **options)
        )

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies of the next request."""
        return self._visitor.cookies

    @cookies.setter
    def cookies(self, cookies: dict[str, str]) -> None:
        self._visitor.cookies = cookies

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def request(self, *steps: Step) -> Answer:
        """Send a request and keep the cookies that come back."""
        answer = self._visitor.request(steps, keep=True)
        return answer if isinstance(answer, Answer) else self._runner.run(answer)


def _extra(steps: Sequence[Step], answer: Answer) -> dict[str, Any]:
    """Return the entries of environ or scope that say what the application does and notes."""
    return {"test.steps": steps, "test.answer": answer}


def _wsgi_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    session = environ["coatcheck.session"]
    for step in environ["test.steps"]:
        environ["test.answer"].results.append(step(session))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]


async def _asgi_app(scope: Any, _receive: Any, send: Any) -> None:
    for step in scope["test.steps"]:
        result = step(scope["session"])
        scope["test.answer"].results.append(await result if inspect.isawaitable(result) else result)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"done"})


def _sid(cookies: Mapping[str, str]) -> str | None:
    value = cookies.get("sid")
    return value and unquote(value).removeprefix("s:").rpartition(".")[0]
