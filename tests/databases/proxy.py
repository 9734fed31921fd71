"""A TCP proxy between a client and a server: it counts round trips, and fails when it is told to."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Generator
from types import TracebackType
from typing import Self

from databases.processes import HOST, free_port

__all__ = ["Proxy"]

CHUNK = 1 << 16
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on ``port`` and hands on what it gets, until it is told to behave otherwise.

    ``turns`` counts the round trips: how often a client sent something after the
    server had the last word. ``connections`` counts the connections made. Both
    start at zero again with :meth:`reset`.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.port = free_port()
        self.turns = 0
        self.connections = 0
        self._lock = threading.Lock()
        self._links: set[_Link] = set()
        self._listener: socket.socket | None = None
        self._requests: list[bytearray] = []
        self.frozen = False
        self.delay = 0.0
        self.dropping: bytes | None = None
        self.dropped = 0
        self.listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def reset(self) -> None:
        """Count from zero."""
        with self._lock:
            self.turns = self.connections = self.dropped = 0
            self._requests.clear()

    def requests_with(self, marker: bytes) -> int:
        """Return how many requests since the last reset contained the marker."""
        with self._lock:
            return sum(marker in request for request in self._requests)

    # What follows is what can go wrong.

    def pass_on(self) -> None:
        """End every fault: connections are accepted and data handed on; what was frozen is cut."""
        self.delay, self.dropping = 0.0, None
        if self.frozen:
            self.frozen = False
            self.cut()
        self.listen()

    def refuse(self) -> None:
        """Refuse new connections and reset those that are open, as if the server had ended."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # To close alone would not wake the thread that waits in accept.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def freeze(self) -> None:
        """Accept connections and data, and answer nothing."""
        self.frozen = True

    def cut(self) -> None:
        """Reset the connections that are open; new ones are accepted."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.close()

    def drop_replies(self, to: bytes = b"") -> None:
        """Hand requests on, but swallow the answer to one that contains ``to``, and reset its connection.

        Without ``to`` every answer is swallowed, also that to the greeting of a new connection.
        """
        self.dropping = to

    def delay_replies(self, seconds: float) -> None:
        """Hand every piece of an answer on so much later."""
        self.delay = seconds

    def close(self) -> None:
        """End everything."""
        self.refuse()

    def listen(self) -> None:
        """Accept connections."""
        if self._listener is not None:
            return
        listener = socket.create_server((HOST, self.port), backlog=512)
        self._listener = listener
        threading.Thread(target=self._accept, args=[listener], name="proxy", daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
            threading.Thread(target=self._connect, args=[client], name="proxy", daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, timeout=10)
        except OSError:
            _reset(client)
            return
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(self, client, server)
        with self._lock:
            self._links.add(link)
        threading.Thread(target=link.requests, name="proxy", daemon=True).start()
        link.replies()

    def begin_request(self) -> bytearray:
        """Count a round trip, and return where what the client sends belongs."""
        with self._lock:
            self.turns += 1
            self._requests.append(bytearray())
            return self._requests[-1]

    def forget(self, link: "_Link") -> None:
        """Drop a connection that has ended."""
        with self._lock:
            self._links.discard(link)


class _Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._request: bytearray | None = None  # None: what the client sends next begins one
        self._doomed = False

    def requests(self) -> None:
        """Hand on what the client sends, until either side ends."""
        with self._until_the_end():
            while data := self._client.recv(CHUNK):
                if self._request is None:
                    self._request = self._proxy.begin_request()
                self._request += data
                self._doomed = self._doomed or bool(self._proxy.dropping and self._has_marker(len(data)))
                if not self._proxy.frozen:
                    self._server.sendall(data)

    def replies(self) -> None:
        """Hand on what the server answers, until either side ends."""
        with self._until_the_end():
            while data := self._server.recv(CHUNK):
                if self._doomed or self._proxy.dropping == b"":
                    self._proxy.dropped += 1
                    return
                time.sleep(self._proxy.delay)
                if not self._proxy.frozen:
                    self._request = None
                    self._client.sendall(data)

    def close(self) -> None:
        """Reset both ends."""
        self._proxy.forget(self)
        _reset(self._client)
        _reset(self._server)

    def _has_marker(self, news: int) -> bool:
        """Look at what came now, and at as much before it as a marker in two pieces needs."""
        marker = self._proxy.dropping or b""
        return marker in (self._request or b"")[-(news + len(marker)) :]

    @contextlib.contextmanager
    def _until_the_end(self) -> Generator[None]:
        try:
            yield
        except OSError:
            pass
        finally:
            self.close()


def _reset(end: socket.socket) -> None:
    """Close a socket so that its other end sees a reset, and wake who waits on it."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        # What wakes a thread in recv.
        end.shutdown(socket.SHUT_RDWR)
    end.close()
