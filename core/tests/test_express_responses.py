"""Counterparts of express-session's tests 16 to 21 and 97 to 99: sessions and the response."""

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from express.counterparts import count_visits, session_js, site_of_express
from harness import Response, Site, WSGISite, attributes


@session_js(16)
def test_should_update_cookie_expiration_when_slow_write(new_site: type[Site]) -> None:
    site = site_of_express(new_site, rolling=True)

    def slowly(_session: Any) -> None:
        site.clock.advance(0.6)

    first = site.visit(count_visits, later=slowly)
    second = site.visit(later=slowly)
    third = site.visit()

    assert len({expires(first), expires(second), expires(third)}) > 1
    assert expires(first) <= expires(second) <= expires(third)
    assert expires(third).timestamp() == int(site.clock() + 60)


def expires(response: Response) -> datetime:
    (set_cookie,) = response.set_cookies
    return parsedate_to_datetime(attributes(set_cookie)["Expires"])


# -- when response ended


@session_js(17, 18, 19, 20)
@pytest.mark.parametrize(
    ("headers", "chunks"),
    [
        ([], [b"session saved"]),
        ([("Content-Length", "0")], []),
        ([("Content-Length", "12")], [b"hello, ", b"world"]),
        ([("Content-Length", "13")], [b"Hello, world!"]),
    ],
    ids=["chunked", "empty", "multi-write", "non-chunked"],
)
def test_should_have_saved_session(
    new_site: type[Site], headers: list[tuple[str, str]], chunks: list[bytes]
) -> None:
    told: list[str] = []
    application = Telling(told, headers, chunks)
    site = site_of_express(
        new_site, inside=lambda _: application.wsgi if new_site is WSGISite else application.asgi
    )
    site.trace.before["set"] = lambda: told.append("saved")
    outside = TellingOutside(told, site.middleware)
    site.serve(outside.wsgi if new_site is WSGISite else outside.asgi)

    response = site.visit()

    assert response.body == b"".join(chunks)
    assert told == ["saved", "head"]
    assert site.table.length() == 1


class Telling:
    """An application that changes its session and answers with headers and chunks."""

    def __init__(self, told: list[str], headers: list[tuple[str, str]], chunks: list[bytes]) -> None:
        self.told = told
        self.headers = headers
        self.chunks = chunks

    def wsgi(self, environ: Any, start_response: Any) -> Any:
        environ[WSGISite.key]["saw"] = True
        start_response("200 OK", [("Content-Type", "text/plain"), *self.headers])
        return iter(self.chunks)

    async def asgi(self, scope: Any, _receive: Any, send: Any) -> None:
        scope["session"]["saw"] = True
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for chunk in self.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})


class TellingOutside:
    """Tells when the head of the response leaves the middleware."""

    def __init__(self, told: list[str], middleware: Any) -> None:
        self.told = told
        self.middleware = middleware

    def wsgi(self, environ: Any, start_response: Any) -> Any:
        def telling(*head: Any) -> Any:
            self.told.append("head")
            return start_response(*head)

        return self.middleware(environ, telling)

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        async def telling(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.told.append("head")
            await send(message)

        await self.middleware(scope, receive, telling)


@session_js(21)
def test_should_have_saved_session_with_updated_cookie_expiration(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    first = site.visit(count_visits)
    stored_first = datetime.fromisoformat(site.document()["cookie"]["expires"])
    site.clock.advance(1)
    site.visit()
    stored_later = datetime.fromisoformat(site.document()["cookie"]["expires"])

    assert expires(first) == stored_first.replace(microsecond=0)
    assert (stored_later - stored_first).total_seconds() == 1
    assert stored_first == datetime.fromtimestamp(site.clock() - 1 + 60, UTC)


# -- responses that others patch, or that end twice


@session_js(97, 98)
@pytest.mark.parametrize("patched", ["prior", "after"])
def test_should_correctly_handle_responses_patched_by_others(new_site: type[Site], patched: str) -> None:
    shout = shouting_wsgi if new_site is WSGISite else shouting_asgi
    site = site_of_express(new_site, inside=shout if patched == "after" else lambda app: app)
    if patched == "prior":
        site.serve(shout(site.middleware))

    first = site.visit(count_visits)
    second = site.visit(count_visits, later=lambda session: session["visits"])

    assert (first.body, second.body) == (b"WHOLE", b"FIRSTLAST")
    assert (first.value, second.value) == (1, 2)


def shouting_wsgi(app: Any) -> Any:
    def patched(environ: Any, start_response: Any) -> Any:
        body = app(environ, start_response)
        try:
            yield from (chunk.upper() for chunk in body)
        finally:
            if hasattr(body, "close"):
                body.close()

    return patched


def shouting_asgi(app: Any) -> Any:
    async def patched(scope: Any, receive: Any, send: Any) -> None:
        async def shout(message: Any) -> None:
            await send(message | {"body": message["body"].upper()} if "body" in message else message)

        await app(scope, receive, shout)

    return patched


@session_js(99)
def test_should_error_like_the_plain_server_when_a_response_is_ended_twice(new_site: type[Site]) -> None:
    refusal = r"the server: the response (has begun|is complete)"
    application = begins_twice if new_site is WSGISite else ends_twice
    behind = site_of_express(new_site, inside=lambda _: application)
    seen: list[list[bytes]] = []

    for app in (application, behind.middleware):
        seen.append([])
        with pytest.raises(RuntimeError, match=refusal):
            serve_wsgi(app, seen[-1]) if new_site is WSGISite else asyncio.run(serve_asgi(app, seen[-1]))

    assert seen[0] == seen[1] == [b"200", b"whole"]
    assert behind.trace.letters == "S"


def begins_twice(_environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"whole"
    start_response("200 OK", [("Content-Type", "text/plain")])


async def ends_twice(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"whole"})
    await send({"type": "http.response.body", "body": b"whole"})


def serve_wsgi(app: Any, seen: list[bytes]) -> None:
    """Serve a request, and refuse to begin the response twice."""

    def start_response(status: str, *_: Any) -> None:
        if seen:
            raise RuntimeError("the server: the response has begun")
        seen.append(status[:3].encode())

    environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/"}
    seen.extend(app(environ, start_response))


async def serve_asgi(app: Any, seen: list[bytes]) -> None:
    """Serve a request, and refuse to end the response twice."""

    async def send(message: Any) -> None:
        if len(seen) == 2:
            raise RuntimeError("the server: the response is complete")
        seen.append(message["body"] if "body" in message else str(message["status"]).encode())

    await app({"type": "http", "path": "/", "headers": []}, None, send)
