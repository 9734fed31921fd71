"""A shop as a plain WSGI application."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.util import FileWrapper

from servers.applications_store import FIRST, OPTIONS, REST, GatedStore, file_to_send, pass_gate

from coatcheck import Session
from coatcheck.wsgi import Environ, SessionMiddleware, StartResponse

STORE = GatedStore()


class Exchange:
    """A request, and the ways to answer it."""

    def __init__(self, environ: Environ, start_response: StartResponse) -> None:
        self.environ = environ
        self.start_response = start_response
        self.query = dict(parse_qsl(environ["QUERY_STRING"]))

    @property
    def session(self) -> Session:
        session: Session = self.environ["coatcheck.session"]
        return session

    def reply(self, status: str, body: bytes, *headers: tuple[str, str]) -> list[bytes]:
        self.start_response(status, [("Content-Length", str(len(body))), *headers])
        return [body]

    def reply_json(self, value: object) -> list[bytes]:
        return self.reply("200 OK", json.dumps(value).encode(), ("Content-Type", "application/json"))

    def redirect(self) -> list[bytes]:
        return self.reply("303 See Other", b"", ("Location", "/account"))


def account(exchange: Exchange) -> Iterable[bytes]:
    return exchange.reply_json(dict(exchange.session))


def login(exchange: Exchange) -> Iterable[bytes]:
    exchange.session.regenerate()
    exchange.session["user"] = exchange.query["name"]
    return exchange.redirect()


def cart(exchange: Exchange) -> Iterable[bytes]:
    exchange.session.setdefault("cart", []).append(exchange.query["item"])
    return exchange.redirect()


def logout(exchange: Exchange) -> Iterable[bytes]:
    exchange.session.destroy()
    return exchange.redirect()


def keys(exchange: Exchange) -> Iterable[bytes]:
    pass_gate(exchange.query.get("gate"))
    exchange.session[exchange.query["key"]] = exchange.query["value"]
    exchange.start_response("204 No Content", [])
    return []


def visits(exchange: Exchange) -> Iterable[bytes]:
    pass_gate(exchange.query.get("gate"))

    def count(data: dict[str, Any]) -> int:
        data["visits"] = data.get("visits", 0) + 1
        return int(data["visits"])

    return exchange.reply_json(exchange.session.transact(count))


def stream(exchange: Exchange) -> Iterator[bytes]:
    exchange.session["stream"] = exchange.query["word"]
    exchange.start_response("200 OK", [("Content-Type", "text/plain")])
    yield FIRST
    exchange.session["stream"] = "under way"
    pass_gate(exchange.query["gate"])
    exchange.session["stream"] = "done"
    yield REST


def unmodified(exchange: Exchange) -> Iterable[bytes]:
    exchange.session["unmodified"] = True
    exchange.start_response("304 Not Modified", [("ETag", '"1"')])
    return []


def page(exchange: Exchange) -> Iterable[bytes]:
    exchange.session["page"] = exchange.environ["REQUEST_METHOD"]
    write = exchange.start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    if exchange.environ["REQUEST_METHOD"] == "HEAD":
        return []
    write(b"a ")
    write(b"page")
    return []


def echo(exchange: Exchange) -> Iterable[bytes]:
    body = exchange.environ["wsgi.input"].read(int(exchange.environ["CONTENT_LENGTH"]))
    exchange.session["bytes"] = len(body)
    return exchange.reply("200 OK", body)


def file(exchange: Exchange) -> Iterable[bytes]:
    exchange.session["file"] = True
    path = Path(file_to_send())
    exchange.start_response("200 OK", [("Content-Length", str(path.stat().st_size))])
    wrapped: Iterable[bytes] = exchange.environ.get("wsgi.file_wrapper", FileWrapper)(path.open("rb"))
    return wrapped


def fails(exchange: Exchange) -> Iterable[bytes]:
    exchange.session["failed"] = True
    raise RuntimeError("as the test wants it")


def fails_after_logout(exchange: Exchange) -> Iterable[bytes]:
    exchange.session.destroy()
    raise RuntimeError("as the test wants it")


def hints(exchange: Exchange) -> Iterable[bytes]:
    exchange.session["hints"] = True
    exchange.environ["wsgi.early_hints"]([("Link", "</style.css>; rel=preload; as=style")])
    return exchange.reply("200 OK", b"hinted")


def records(exchange: Exchange) -> Iterable[bytes]:
    return exchange.reply_json(STORE.records())


HANDLERS: dict[str, Callable[[Exchange], Iterable[bytes]]] = {
    "/account": account,
    "/cart": cart,
    "/echo": echo,
    "/fails": fails,
    "/fails-after-logout": fails_after_logout,
    "/file": file,
    "/hints": hints,
    "/keys": keys,
    "/login": login,
    "/logout": logout,
    "/page": page,
    "/records": records,
    "/stream": stream,
    "/unmodified": unmodified,
    "/visits": visits,
}


def shop(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return HANDLERS[environ["PATH_INFO"]](Exchange(environ, start_response))


app = SessionMiddleware(shop, store=STORE, **OPTIONS)
