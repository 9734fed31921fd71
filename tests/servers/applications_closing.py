"""The smallest applications whose store comes from a URL and says when it is closed."""

from collections.abc import Iterable

from servers.gates import leave_note

from coatcheck import asgi, register, wsgi
from coatcheck.asgi import Receive, Scope, Send
from coatcheck.wsgi import Environ, StartResponse
from coatcheck_memory import AsyncMemoryStore, MemoryStore

SECRET = "known only to these tests"


class ClosingStore(MemoryStore):
    def close(self) -> None:
        leave_note("blocking-store", "closed")
        super().close()


class AsyncClosingStore(AsyncMemoryStore):
    async def aclose(self) -> None:
        leave_note("async-store", "closed")
        await super().aclose()


class Backend:
    def open(self, _url: str) -> ClosingStore:
        return ClosingStore()

    def open_async(self, _url: str) -> AsyncClosingStore:
        return AsyncClosingStore()


async def counter(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        leave_note("application", "cleaned up")
        await send({"type": "lifespan.shutdown.complete"})
        return
    session = scope["session"]
    session["visits"] = session.get("visits", 0) + 1
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


def wsgi_counter(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    session = environ["coatcheck.session"]
    session["visits"] = session.get("visits", 0) + 1
    start_response("200 OK", [("Content-Length", "0")])
    return []


register("closing", Backend())
asgi_app = asgi.SessionMiddleware(counter, store="closing:", secret=SECRET)
wsgi_app = wsgi.SessionMiddleware(wsgi_counter, store="closing:", secret=SECRET)
