"""A client for one HTTP/2 request without TLS, which tells everything that the server sent."""

import socket
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    TrailersReceived,
)

__all__ = ["Exchange", "exchange"]

Header = tuple[str, str]


@dataclass
class Exchange:
    """What came back on the stream, in the order of its parts."""

    informational: list[list[Header]] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    trailers: list[Header] = field(default_factory=list)
    complete: bool = False

    def take(self, event: Event) -> None:
        """Note what an event tells."""
        if isinstance(event, InformationalResponseReceived):
            self.informational.append(_decoded(event.headers))
        elif isinstance(event, ResponseReceived):
            self.headers = _decoded(event.headers)
        elif isinstance(event, DataReceived):
            self.body += event.data or b""
        elif isinstance(event, TrailersReceived):
            self.trailers = _decoded(event.headers)
        elif isinstance(event, StreamEnded):
            self.complete = True


def exchange(port: int, path: str, *headers: Header) -> Exchange:
    """Send a GET request by HTTP/2 with prior knowledge (RFC 9113, 3.3) and read the response."""
    answer = Exchange()
    connection = H2Connection(H2Configuration(client_side=True))
    pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", f"127.0.0.1:{port}"), (":path", path)]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        connection.initiate_connection()
        connection.send_headers(1, [*pseudo, *headers], end_stream=True)
        while not answer.complete:
            wire.sendall(connection.data_to_send())
            received = wire.recv(65536)
            if not received:
                raise ConnectionError("the server closed the connection before the response was complete")
            for event in connection.receive_data(received):
                answer.take(event)
        connection.close_connection()
        wire.sendall(connection.data_to_send())
    return answer


def _decoded(headers: object) -> list[Header]:
    assert isinstance(headers, list)
    return [(_text(name), _text(value)) for name, value in headers]


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
