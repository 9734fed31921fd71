"""The smallest applications with the default store; they answer with the id of their process."""

import os
from collections.abc import Iterable

from coatcheck import asgi, wsgi
from coatcheck.asgi import Receive, Scope, Send
from coatcheck.wsgi import Environ, StartResponse

SECRET = "known only to these tests"


async def teller(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})


def wsgi_teller(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]


asgi_app = asgi.SessionMiddleware(teller, secret=SECRET)
wsgi_app = wsgi.SessionMiddleware(wsgi_teller, secret=SECRET)
