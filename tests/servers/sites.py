"""Sites: an application that runs under a server, with what a test needs beside requests."""

import http.client
import secrets
import select
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pytest
from servers.gates import Gate, eventually
from servers.running import Running
from servers.visitors import HttpxVisitor, RequestsVisitor, Visitor

__all__ = ["FILE_CONTENT", "GRACE", "ON_ASGI", "ON_WSGI", "Pair", "Site", "is_silent", "named", "on"]

FILE_CONTENT = bytes(range(256)) * 8_000
"""Two megabytes: more than a server's and a socket's buffers take."""

GRACE = 0.05
"""Seconds in which what must not come has the time to come."""

Pair = tuple[str, str]


def _pairs(servers: list[str], applications: list[str]) -> list[Pair]:
    return [(server, application) for application in applications for server in servers]


ON_ASGI = _pairs(["uvicorn", "hypercorn"], ["plain_asgi", "starlette", "fastapi"])
ON_WSGI = _pairs(["gunicorn sync", "gunicorn gthread", "waitress"], ["plain_wsgi", "flask"])


def on(pairs: list[Pair]) -> pytest.MarkDecorator:
    """Run a test on these pairs of server and application only."""
    return pytest.mark.parametrize("site", pairs, indirect=True, ids=named)


def named(pair: Pair) -> str:
    server, application = pair
    return f"{application} on {server}"


@dataclass(frozen=True)
class Site:
    """An application under a server."""

    server: str
    application: str
    running: Running

    @property
    def is_asgi(self) -> bool:
        return self.server in ("uvicorn", "hypercorn")

    @property
    def serves_in_parallel(self) -> bool:
        return self.server != "gunicorn sync"

    def visitor(self) -> Visitor:
        """Return a visitor without cookies: httpx for ASGI, requests for WSGI."""
        return (HttpxVisitor if self.is_asgi else RequestsVisitor)(self.running.port)

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection without manners: it keeps no cookies and can be cut at any moment."""
        return http.client.HTTPConnection("127.0.0.1", self.running.port, timeout=30)

    @contextmanager
    def gate(self) -> Generator[Gate]:
        """Set up a gate, which is open at the end of the block in any case."""
        gate = Gate(self.running.folder, secrets.token_hex(8))
        try:
            yield gate
        finally:
            gate.open()

    @contextmanager
    def outage(self) -> Generator[None]:
        """Cut the store off for the time of the block."""
        switch = self.running.folder / "outage"
        switch.touch()
        try:
            yield
        finally:
            switch.unlink()

    def note(self, name: str) -> str:
        """Wait for a note that the server leaves, and take it away."""
        note = self.running.folder / f"{name}.note"
        eventually(note.exists, f"note {name}")
        text = note.read_text(encoding="utf-8")
        note.unlink()
        return text

    def records(self) -> dict[str, Any]:
        """Return the session that the store holds under each id."""
        with self.visitor() as stranger:
            records: dict[str, Any] = stranger.get("/records").json()
            return records

    def record(self, cookie: str | None) -> dict[str, Any] | None:
        """Return the data that the store holds for the visitor with that cookie, or None."""
        assert cookie is not None
        sid = unquote(cookie).removeprefix("s:").rpartition(".")[0]
        record: dict[str, Any] | None = self.records().get(sid)
        return record and {key: value for key, value in record.items() if key != "cookie"}


def is_silent(connection: http.client.HTTPConnection) -> bool:
    """Tell whether no byte of the answer has come so far."""
    assert connection.sock is not None
    readable, _, _ = select.select([connection.sock], [], [], GRACE)
    return not readable
