"""The proxy's modes do what they say, before a server that answers each line with its echo."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from databases.processes import HOST, free_port
from databases.proxy import Proxy


class Echo:
    """Answers each line with itself, and remembers the lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.listener = socket.create_server((HOST, 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    self.lines.append(line)
                    connection.sendall(line)
        except OSError:
            return


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.listener.shutdown(socket.SHUT_RDWR)
    echo.listener.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy(HOST, echo.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with connected(proxy) as client:
        yield client


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=10)


def say(client: socket.socket, line: bytes) -> bytes:
    """Send a line and return the line that answers it; empty if the connection ends instead."""
    try:
        client.sendall(line)
        answer = b""
        while not answer.endswith(b"\n") and (more := client.recv(1000)):
            answer += more
    except ConnectionError:
        return b""
    return answer


def test_what_is_said_is_handed_on_both_ways(client: socket.socket, echo: Echo) -> None:
    assert say(client, b"one\n") == b"one\n"
    assert echo.lines == [b"one\n"]


def test_a_large_payload_is_handed_on_whole(client: socket.socket) -> None:
    line = b"x" * 5_000_000 + b"\n"
    threading.Thread(target=client.sendall, args=[line], daemon=True).start()
    assert say(client, b"") == line


def test_round_trips_and_connections_are_counted(proxy: Proxy, client: socket.socket) -> None:
    for line in (b"one\n", b"two\n", b"three\n"):
        say(client, line)
    assert (proxy.turns, proxy.connections) == (3, 1)


def test_a_request_in_two_pieces_is_one_round_trip(proxy: Proxy, client: socket.socket) -> None:
    client.sendall(b"begun ")
    time.sleep(0.05)
    say(client, b"and ended\n")
    assert proxy.turns == 1


def test_counting_starts_again(proxy: Proxy, client: socket.socket) -> None:
    say(client, b"one\n")
    proxy.reset()
    assert (proxy.turns, proxy.connections, proxy.requests_with(b"one")) == (0, 0, 0)
    say(client, b"two\n")
    assert (proxy.turns, proxy.connections, proxy.requests_with(b"two")) == (1, 0, 1)


def test_a_refusing_proxy_refuses_and_resets_and_can_be_used_again(
    proxy: Proxy, client: socket.socket
) -> None:
    say(client, b"one\n")
    proxy.refuse()
    assert say(client, b"two\n") == b""
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.pass_on()
    with connected(proxy) as another:
        assert say(another, b"three\n") == b"three\n"


def test_a_frozen_proxy_accepts_and_does_not_answer(proxy: Proxy, client: socket.socket, echo: Echo) -> None:
    say(client, b"one\n")
    proxy.freeze()
    with connected(proxy) as another:
        for frozen in (client, another):
            frozen.settimeout(0.2)
            with pytest.raises(TimeoutError):
                say(frozen, b"two\n")
    assert echo.lines == [b"one\n"]


def test_what_was_frozen_is_cut_and_new_connections_work(proxy: Proxy, client: socket.socket) -> None:
    say(client, b"one\n")
    proxy.freeze()
    client.sendall(b"lost\n")
    proxy.pass_on()
    assert say(client, b"two\n") == b""
    with connected(proxy) as another:
        assert say(another, b"three\n") == b"three\n"


def test_cutting_resets_open_connections_only(proxy: Proxy, client: socket.socket) -> None:
    say(client, b"one\n")
    proxy.cut()
    assert say(client, b"two\n") == b""
    with connected(proxy) as another:
        assert say(another, b"three\n") == b"three\n"


def test_a_dropped_answer_is_to_a_request_that_was_served(
    proxy: Proxy, client: socket.socket, echo: Echo
) -> None:
    proxy.drop_replies()
    assert say(client, b"one\n") == b""
    assert echo.lines == [b"one\n"]
    assert proxy.dropped == 1


def test_only_the_answer_to_a_chosen_request_is_dropped(
    proxy: Proxy, client: socket.socket, echo: Echo
) -> None:
    proxy.drop_replies(to=b"marker")
    assert say(client, b"one\n") == b"one\n"
    client.sendall(b"a mar")
    time.sleep(0.05)
    assert say(client, b"ker in two pieces\n") == b""
    assert echo.lines == [b"one\n", b"a marker in two pieces\n"]
    assert proxy.requests_with(b"marker") == 1


def test_answers_are_delayed(proxy: Proxy, client: socket.socket) -> None:
    proxy.delay_replies(0.2)
    before = time.monotonic()
    assert say(client, b"one\n") == b"one\n"
    assert time.monotonic() - before >= 0.2


def test_no_connection_survives_the_end(echo: Echo) -> None:
    with Proxy(HOST, echo.port) as proxy, connected(proxy) as client:
        say(client, b"one\n")
        proxy.close()
        assert say(client, b"two\n") == b""


def test_a_client_is_reset_where_there_is_no_server() -> None:
    said = b""
    # The reset may come while the client still connects.
    with Proxy(HOST, free_port()) as proxy, contextlib.suppress(ConnectionError), connected(proxy) as client:
        said = say(client, b"one\n")
    assert said == b""
