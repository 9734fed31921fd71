"""The ASGI applications that are measured: one application without sessions, and the same with each kind."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from scenarios import SECRET, SEED, action
from starlette.middleware.sessions import SessionMiddleware as StarletteSessions

from coatcheck import CookieOptions
from coatcheck.asgi import SessionMiddleware

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
Subject = Callable[[App], App]

BARE, COATCHECK, STARLETTE = "bare application", "coatcheck", "Starlette's cookie session"


def _coatcheck(app: App) -> App:
    return SessionMiddleware(app, secret=SECRET, cookie=CookieOptions(max_age=3600, samesite="lax"))


SUBJECTS: dict[str, Subject] = {
    BARE: lambda app: app,
    COATCHECK: _coatcheck,
    STARLETTE: lambda app: StarletteSessions(app, SECRET, max_age=3600),
}
BARES = dict.fromkeys(SUBJECTS, BARE)
AGAINST = {COATCHECK: STARLETTE}

_HEADERS = [
    (b"host", b"shop.example"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (b"accept-language", b"en-GB,en;q=0.5"),
    (b"accept-encoding", b"gzip, deflate, br"),
]


def exchange(subject: Subject, scenario: str, runner: asyncio.Runner) -> Callable[[], Awaitable[None]]:
    """Return a function that plays one request of the scenario."""
    use = [action(SEED)]

    async def app(scope: Scope, _receive: Any, send: Any) -> None:
        if "session" in scope:
            use[0](scope["session"])
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    served = subject(app)
    cookies: list[bytes] = []

    async def keep_cookies(message: Message) -> None:
        cookies.extend(
            value.partition(b";")[0] for name, value in message.get("headers", ()) if name == b"set-cookie"
        )

    async def drop(_message: Message) -> None:
        pass

    runner.run(_seed(served, keep_cookies))
    use[0] = action(scenario)
    known = scenario != "anonymous" and cookies
    headers = [*_HEADERS, (b"cookie", cookies[0])] if known else _HEADERS
    return lambda: _call(served, headers, drop)


async def _seed(app: App, send: Any) -> None:
    await _call(app, _HEADERS, send)


def _call(app: App, headers: list[tuple[bytes, bytes]], send: Any) -> Awaitable[None]:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/cart",
        "raw_path": b"/cart",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    return app(scope, _nothing_to_receive, send)


async def _nothing_to_receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
