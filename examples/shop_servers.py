"""Real servers for the demo, each in a thread, on a free port of the loopback interface."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn
import waitress.server  # type: ignore[import-untyped]  # waitress has no types

_GRACE = 5.0


@contextmanager
def uvicorn_server(app: Any) -> Generator[str, None, None]:
    """Serve an ASGI application and yield its URL."""
    listener = _listener()
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield _url(listener)
    finally:
        server.should_exit = True
        thread.join(_GRACE)


@contextmanager
def waitress_server(app: Any) -> Generator[str, None, None]:
    """Serve a WSGI application and yield its URL."""
    listener = _listener()
    server: Any = waitress.server.create_server(app, sockets=[listener])
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield _url(listener)
    finally:
        # In the server's own thread, since its loop waits on the sockets that this closes.
        server.trigger.pull_trigger(server.close)
        thread.join(_GRACE)
        server.task_dispatcher.shutdown()
        app.close()


def _listener() -> socket.socket:
    # It listens at once, so that the first request waits for the server instead of being refused.
    return socket.create_server(("127.0.0.1", 0))


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
