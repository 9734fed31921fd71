"""Browsers that call an application in process and keep its cookies."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import unquote
from wsgiref.validate import validator

Header = tuple[str, str]


@dataclass
class Response:
    """What came back from one request."""

    status: int = 0
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    messages: list[Any] = field(default_factory=list)
    value: Any = None

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def set_cookies(self) -> list[str]:
        """The Set-Cookie headers, in their order."""
        return self.all("set-cookie")


class _Browser:
    """Keeps cookies by name; an expired one is dropped, as browsers do."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def _headers(self, given: Iterable[Header]) -> list[Header]:
        headers = list(given)
        if self.cookies and not any(name.lower() == "cookie" for name, _ in headers):
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        return headers

    def _keep(self, response: Response) -> Response:
        for text in response.set_cookies:
            pair, *attributes = text.split("; ")
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return response


class WSGIBrowser(_Browser):
    """A browser before a WSGI application; every exchange is checked by wsgiref's validator."""

    def __init__(self, app: Any, *, validate: bool = True) -> None:
        super().__init__()
        self._app = validator(app) if validate else app

    def get(
        self,
        path: str = "/",
        headers: Iterable[Header] = (),
        *,
        method: str = "GET",
        https: bool = False,
        **extra: Any,
    ) -> Response:
        """Send a request and read the whole response."""
        environ = self._environ(path, self._headers(headers), method, https) | extra
        response = Response()
        written: list[bytes] = []

        def start_response(
            status: str, headers: list[Header], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            response.status, response.headers = int(status.split(maxsplit=1)[0]), list(headers)
            return written.append

        body = self._app(environ, start_response)
        try:
            chunks = list(body)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        response.body = b"".join([*written, *chunks])
        return self._keep(response)

    def _environ(self, path: str, headers: list[Header], method: str, https: bool) -> dict[str, Any]:
        bare, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(bare, encoding="latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "test",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if https else "http",
            "wsgi.input": BytesIO(),
            "wsgi.errors": _Errors(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in headers:
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        return environ


class _Errors:
    """An error stream that fails the test when something is written to it."""

    def write(self, text: str) -> None:
        raise AssertionError(text)

    def writelines(self, lines: Iterable[str]) -> None:
        raise AssertionError("".join(lines))

    def flush(self) -> None:
        """Do nothing: there is nothing to flush."""


class ASGIBrowser(_Browser):
    """A browser before an ASGI application, with a blocking face over one event loop."""

    def __init__(self, app: Any, runner: asyncio.Runner | None = None) -> None:
        super().__init__()
        self._app = app
        self.runner = runner or asyncio.Runner()

    def close(self) -> None:
        """Close the event loop."""
        self.runner.close()

    def get(
        self,
        path: str = "/",
        headers: Iterable[Header] = (),
        *,
        method: str = "GET",
        https: bool = False,
        **extra: Any,
    ) -> Response:
        """Send a request and read the whole response."""
        return self.runner.run(self.aget(path, headers, method=method, https=https, **extra))

    async def aget(
        self,
        path: str = "/",
        headers: Iterable[Header] = (),
        *,
        method: str = "GET",
        https: bool = False,
        **extra: Any,
    ) -> Response:
        """Send a request from async code."""
        bare, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https" if https else "http",
            "path": unquote(bare),
            "raw_path": bare.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in self._headers(headers)
            ],
            "client": ("127.0.0.1", 1),
            "server": ("test", 80),
        } | extra
        response = Response()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            response.messages.append(message)
            if message["type"] == "http.response.start":
                response.status = message["status"]
                response.headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in message["headers"]]
            elif message["type"] == "http.response.body":
                response.body += message.get("body", b"")

        await self._app(scope, receive, send)
        return self._keep(response)
