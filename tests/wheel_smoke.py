"""Uses the installed wheels as a newcomer would. Run by ``nox -s wheels`` with the distributions' names."""

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from coatcheck import CookieOptions, asgi, open_store, wsgi

SECRET = "a secret of the smoke test"
URLS = {
    "coatcheck-memory": ["memory:"],
    "coatcheck-mongo": ["mongodb://127.0.0.1:1/test"],
    "coatcheck-redis": ["redis://127.0.0.1:1", "rediss://127.0.0.1:1", "unix:///nowhere"],
    "coatcheck-sql": [
        "sqlite:///{folder}/db",
        "postgresql://127.0.0.1:1/d",
        "mysql://127.0.0.1:1/d",
        "mariadb://h/d",
    ],
}
"""What each package opens, which asks no server."""


def check_package(distribution: str) -> None:
    """Demand that the package comes from this environment, has a version and ships its types."""
    package = importlib.import_module(distribution.replace("-", "_"))
    folder = Path(package.__file__ or "").parent
    assert folder.is_relative_to(sys.prefix), f"{distribution} was imported from {folder}"
    assert (folder / "py.typed").is_file(), f"{distribution} has no py.typed"
    assert version(distribution) == version("coatcheck"), f"{distribution} has another version than coatcheck"


def check_entry_points(distributions: Iterable[str]) -> None:
    """Demand that every backend is found under its schemes, and opens; embedded ones keep a record."""
    urls = [url for name in distributions for url in URLS.get(name, ())]
    found = {entry.name for entry in entry_points(group="coatcheck.backends")}
    assert found == {url.partition(":")[0] for url in urls}, f"entry points: {sorted(found)}"
    with TemporaryDirectory() as folder:
        for url in urls:
            with open_store(url.format(folder=folder)) as store:
                if url.startswith(("memory:", "sqlite:")):
                    store.set("id", b"{}", ttl=60)
                    assert store.get("id") == b"{}"


def count_in_wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Count the visits in the session."""
    session = environ["coatcheck.session"]
    session["visits"] = session.get("visits", 0) + 1
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(session["visits"]).encode()]


def visit_wsgi(application: Callable[..., Iterable[bytes]], cookie: str) -> tuple[str, str]:
    """Return the body and the cookie of one request."""
    environ: dict[str, Any] = {"HTTP_COOKIE": cookie, "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    sent: dict[str, str] = {}

    def start_response(_status: str, headers: list[tuple[str, str]], *_error: Any) -> Callable[..., Any]:
        sent.update(headers)
        return lambda _data: None

    body = application(environ, start_response)
    try:
        text = b"".join(body).decode()
    finally:
        getattr(body, "close", lambda: None)()
    return text, sent.get("Set-Cookie", "").partition(";")[0]


def check_wsgi() -> None:
    """Demand that a session lives from one WSGI request to the next."""
    middleware = wsgi.SessionMiddleware(
        count_in_wsgi, store="memory:", secret=SECRET, cookie=CookieOptions(max_age=60)
    )
    application = validator(middleware)
    body, cookie = visit_wsgi(application, "")
    assert (body, cookie[:8]) == ("1", "sid=s%3A"), (body, cookie)
    assert visit_wsgi(application, cookie)[0] == "2"
    assert visit_wsgi(application, "")[0] == "1"
    middleware.close()


async def count_in_asgi(scope: Any, _receive: Any, send: Any) -> None:
    """Count the visits in the session."""
    session = scope["session"]
    session["visits"] = session.get("visits", 0) + 1
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(session["visits"]).encode()})


async def visit_asgi(application: Any, cookie: str) -> tuple[str, str]:
    """Return the body and the cookie of one request."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"cookie", cookie.encode())],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent)
    return body.decode(), headers.get("set-cookie", "").partition(";")[0]


async def check_asgi() -> None:
    """Demand that a session lives from one ASGI request to the next."""
    application = asgi.SessionMiddleware(count_in_asgi, store="memory:", secret=SECRET)
    body, cookie = await visit_asgi(application, "")
    assert (body, cookie[:8]) == ("1", "sid=s%3A"), (body, cookie)
    assert (await visit_asgi(application, cookie))[0] == "2"
    assert (await visit_asgi(application, ""))[0] == "1"


def main() -> None:
    """Check all distributions named as arguments."""
    distributions = sys.argv[1:]
    for distribution in distributions:
        check_package(distribution)
    check_entry_points(distributions)
    check_wsgi()
    asyncio.run(check_asgi())
    print(f"the wheels work: {', '.join(f'{name} {version(name)}' for name in distributions)}")


if __name__ == "__main__":
    main()
