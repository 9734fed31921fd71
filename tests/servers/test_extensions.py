"""What goes beyond plain responses passes through the middleware, where the server has it.

- Early hints: hypercorn on HTTP/2, and gunicorn. Uvicorn's HTTP/1.1 and waitress have none.
- Trailers: hypercorn on HTTP/2. The other servers have none.
- Files by their path: none of these servers. Starlette's FileResponse, which another test
  fetches, sends so by itself where the scope offers ``http.response.pathsend``.
- Files by ``wsgi.file_wrapper``: gunicorn and waitress, through the same test.
"""

import socket
from typing import TYPE_CHECKING

from servers.required import need
from servers.sites import Site, on
from servers.visitors import Visitor

if TYPE_CHECKING:
    from servers.http2 import Exchange

LINK = "</style.css>; rel=preload; as=style"
HYPERCORN = [("hypercorn", "plain_asgi")]
GUNICORN = [("gunicorn sync", "plain_wsgi"), ("gunicorn gthread", "plain_wsgi")]


def by_http2(site: Site, path: str, *headers: tuple[str, str]) -> "Exchange":
    need("h2")
    from servers.http2 import exchange

    return exchange(site.running.port, path, *headers)


def session_cookie(answer: "Exchange") -> str:
    (set_cookie,) = [value for name, value in answer.headers if name == "set-cookie"]
    return set_cookie.partition(";")[0].removeprefix("sid=")


@on(HYPERCORN)
def test_early_hints_go_out_before_the_session_is_committed(site: Site, visitor: Visitor) -> None:
    answer = by_http2(site, "/hints")

    (hint,) = answer.informational
    assert {(":status", "103"), ("link", LINK)} <= set(hint)
    assert answer.body == b"hinted"
    visitor.take_cookie(session_cookie(answer))
    assert visitor.account() == {"hints": True}


@on(GUNICORN)
def test_early_hints_of_wsgi_go_out_before_the_session_is_committed(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.running.port), timeout=30) as wire:
        wire.sendall(b"GET /hints HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        hint, head, body = wire.makefile("rb").read().split(b"\r\n\r\n")

    assert hint == b"HTTP/1.1 103 Early Hints\r\nLink: " + LINK.encode()
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert head.count(b"Set-Cookie: sid=") == 1
    assert body == b"hinted"


@on(HYPERCORN)
def test_trailers_follow_the_body(site: Site, visitor: Visitor) -> None:
    answer = by_http2(site, "/trailers", ("te", "trailers"))

    assert (answer.body, answer.trailers) == (b"trailed", [("x-trailer", "the end")])
    visitor.take_cookie(session_cookie(answer))
    assert visitor.account() == {"trailers": True}
