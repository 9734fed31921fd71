"""Visitors: HTTP clients that keep cookies and follow redirects.

A client is imported where it is used, so that tests can be skipped where it is not installed.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["Answer", "HttpxVisitor", "RequestsVisitor", "Visitor"]

HOST = "127.0.0.1"
TIMEOUT = 30.0


@dataclass(frozen=True)
class Answer:
    """A response that was read to its end."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def set_cookies(self) -> list[str]:
        return self.all("set-cookie")

    def json(self) -> Any:
        return json.loads(self.body)


class Visitor(ABC):
    """A browser of one visitor; requests run one at a time, see :meth:`twin`."""

    def __init__(self, port: int, cookie: str | None = None) -> None:
        self._port = port
        self._base = f"http://{HOST}:{port}"
        if cookie is not None:
            self.take_cookie(cookie)

    @abstractmethod
    def request(
        self, method: str, path: str, *, body: bytes = b"", follow: bool = True, headers: Any = None
    ) -> Answer:
        """Send a request and read the whole response."""

    @abstractmethod
    def stream(self, path: str) -> AbstractContextManager[Iterator[bytes]]:
        """Read a response as it comes."""

    @property
    @abstractmethod
    def cookie(self) -> str | None:
        """The value of the session cookie, or None."""

    @abstractmethod
    def take_cookie(self, value: str) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    @property
    def cookie_header(self) -> dict[str, str]:
        """The header that this visitor sends, for clients that keep no cookies."""
        return {"Cookie": f"sid={self.cookie}"}

    def twin(self) -> "Visitor":
        """Return another window of the same browser, for requests at the same time."""
        return type(self)(self._port, self.cookie)

    def get(self, path: str, **options: Any) -> Answer:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Answer:
        return self.request("PUT", path, **options)

    def account(self) -> dict[str, Any]:
        """Return what is in the visitor's session."""
        data: dict[str, Any] = self.get("/account").json()
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class HttpxVisitor(Visitor):
    """A visitor with httpx."""

    def __init__(self, port: int, cookie: str | None = None) -> None:
        import httpx

        self._client = httpx.Client(timeout=TIMEOUT, trust_env=False)
        super().__init__(port, cookie)

    def request(
        self, method: str, path: str, *, body: bytes = b"", follow: bool = True, headers: Any = None
    ) -> Answer:
        url = self._base + path
        response = self._client.request(method, url, content=body, follow_redirects=follow, headers=headers)
        return Answer(response.status_code, response.headers.multi_items(), response.content)

    @contextmanager
    def stream(self, path: str) -> Generator[Iterator[bytes]]:
        with self._client.stream("GET", self._base + path) as response:
            yield response.iter_raw()

    @property
    def cookie(self) -> str | None:
        return self._client.cookies.get("sid")

    def take_cookie(self, value: str) -> None:
        self._client.cookies.set("sid", value, domain=HOST)

    def close(self) -> None:
        self._client.close()


class RequestsVisitor(Visitor):
    """A visitor with requests."""

    def __init__(self, port: int, cookie: str | None = None) -> None:
        import requests

        self._client = requests.Session()
        self._client.trust_env = False
        super().__init__(port, cookie)

    def request(
        self, method: str, path: str, *, body: bytes = b"", follow: bool = True, headers: Any = None
    ) -> Answer:
        response = self._client.request(
            method, self._base + path, data=body, allow_redirects=follow, headers=headers, timeout=TIMEOUT
        )
        return Answer(response.status_code, list(response.raw.headers.items()), response.content)

    @contextmanager
    def stream(self, path: str) -> Generator[Iterator[bytes]]:
        with self._client.get(self._base + path, stream=True, timeout=TIMEOUT) as response:
            # Decodes the chunks of the transfer encoding as they come.
            yield response.iter_content(chunk_size=None)

    @property
    def cookie(self) -> str | None:
        return self._client.cookies.get("sid")

    def take_cookie(self, value: str) -> None:
        self._client.cookies.set("sid", value, domain=HOST)

    def close(self) -> None:
        self._client.close()
