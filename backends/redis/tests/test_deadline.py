"""One deadline for each call, whatever the server, the network or the pool does."""

import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from databases.bench import Databases
from databases.plugin import OpenProxy
from databases.processes import HOST, eventually, free_port

from coatcheck.errors import StoreUnavailable
from coatcheck.store import Store
from coatcheck_redis import RedisStore

Open = Callable[..., Store]
TIMEOUT = 0.5
LATEST = 2.5
"""When a call has to be over on a machine that has other things to do too."""

OPERATIONS: list[Callable[[Store], Any]] = [
    lambda store: store.get("id"),
    lambda store: store.set("id", b"1", ttl=60),
    lambda store: store.set("id", b'"' + b"x" * 15_000_000 + b'"', ttl=60),
    lambda store: store.destroy("id"),
    lambda store: store.touch("id", ttl=60),
    lambda store: store.get_and_touch("id", ttl=60),
    lambda store: store.replace("id", b"1", ttl=60),
    lambda store: store.replace("id", b"1", ttl=60, expected=b"1"),
    lambda store: list(store.ids()),
    lambda store: list(store.all()),
    lambda store: store.length(),
    lambda store: store.clear(),
    lambda store: store.ping(),
]


@contextmanager
def in_time() -> Generator[None]:
    """Expect StoreUnavailable with a cause, not much later than the deadline."""
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        yield
    assert time.monotonic() - begun < LATEST
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("connected", [True, False], ids=["connected", "not connected"])
def test_a_frozen_server_is_given_up(
    operation: Callable[[Store], Any],
    connected: bool,
    databases: Databases,
    open_on: Open,
    open_proxy: OpenProxy,
) -> None:
    server = databases.get("redis-8.2")
    proxy = open_proxy(server)
    store = open_on(server.url_at(proxy.port), prefix="frozen:", timeout=TIMEOUT)
    if connected:
        store.get("id")
    proxy.freeze()
    with in_time():
        operation(store)
    proxy.pass_on()
    eventually_works(lambda: operation(store))


def eventually_works(call: Callable[[], Any]) -> None:
    """Call until it succeeds: on a busy machine half a second is not always enough."""

    def works() -> bool:
        call()
        return True

    eventually("the operation succeeds", works)


def test_a_paused_process_is_given_up_and_used_again(databases: Databases, open_on: Open) -> None:
    server = databases.own("redis-8.2")
    store = open_on(server.url, prefix="paused:", timeout=TIMEOUT)
    store.set("id", b"1", ttl=60)
    with server.paused():
        for operation in OPERATIONS[:8]:
            with in_time():
                operation(store)
    eventually_works(lambda: store.set("id", b"1", ttl=60))


def test_a_server_that_trickles_is_given_up(open_on: Open) -> None:
    with served(greet_and_trickle) as (port, _):
        store = open_on(f"redis://{HOST}:{port}/0", timeout=TIMEOUT)
        with in_time():
            store.get("id")


def test_what_was_not_sent_by_then_is_not_sent_later(open_on: Open) -> None:
    given_up = threading.Event()
    received: list[int] = []

    def greet_and_read_late(client: socket.socket) -> None:
        with client, suppress(OSError):
            while b"LIB-VER" not in (request := client.recv(1000)):
                client.sendall(b"+OK\r\n" * request.count(b"SETINFO"))
            client.sendall(b"+OK\r\n" * request.count(b"SETINFO"))
            given_up.wait(20)
            while data := client.recv(1 << 20):
                received.append(len(data))

    with served(greet_and_read_late) as (port, threads):
        store = open_on(f"redis://{HOST}:{port}/0", timeout=TIMEOUT)
        with in_time():
            store.set("id", b'"' + b"x" * 15_000_000 + b'"', ttl=60)
        given_up.set()
        threads[0].join(20)
        assert not threads[0].is_alive()
        assert sum(received) < 15_000_000


@contextmanager
def served(serve: Callable[[socket.socket], None]) -> Generator[tuple[int, list[threading.Thread]]]:
    """Serve each connection in a thread of its own."""
    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=[client], daemon=True))
                threads[-1].start()

    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], threads
        listener.shutdown(socket.SHUT_RDWR)


def greet_and_trickle(client: socket.socket) -> None:
    """Greet as Redis does, and answer the rest with a byte every tenth of a second."""
    with client, suppress(OSError):
        while request := client.recv(1000):
            client.sendall(b"+OK\r\n" * request.count(b"SETINFO"))
            if b"GET" not in request:
                continue
            client.sendall(b"$1000000\r\n")
            for _ in range(100):
                time.sleep(0.1)
                client.sendall(b"x")


def test_nobody_listening_is_unavailable_at_once(open_on: Open) -> None:
    store = open_on(f"redis://{HOST}:{free_port()}/0", timeout=30)
    for operation in OPERATIONS:
        with in_time():
            operation(store)


def test_a_missing_socket_file_is_unavailable(open_on: Open) -> None:
    with in_time():
        open_on("unix:///no/such/file.sock", timeout=TIMEOUT).get("id")


def test_a_name_that_is_looked_up_for_ever_is_given_up(
    open_on: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: done.wait(20) and None)
    store = open_on("redis://a.name.invalid:6379/0", timeout=TIMEOUT, pool_size=2)
    try:
        for _ in range(3):  # the third waits for one of the two connects
            with in_time():
                store.get("id")
    finally:
        done.set()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 70 + ".example"])
def test_a_name_that_does_not_exist_is_unavailable(host: str, open_on: Open) -> None:
    with in_time():
        open_on(f"redis://{host}:6379/0", timeout=TIMEOUT).get("id")


@pytest.fixture
def threads() -> Iterator[Callable[[Callable[[], Any]], None]]:
    started: list[threading.Thread] = []

    def start(target: Callable[[], Any]) -> None:
        started.append(threading.Thread(target=target))
        started[-1].start()

    yield start
    for thread in started:
        thread.join(20)
        assert not thread.is_alive()


def test_a_burst_beyond_the_pool_waits_for_its_turn(
    databases: Databases, open_proxy: OpenProxy, threads: Callable[[Callable[[], Any]], None]
) -> None:
    server = databases.get("redis-8.2")
    proxy = open_proxy(server)
    with RedisStore(server.url_at(proxy.port), prefix="burst:", timeout=20, pool_size=3) as store:
        outcomes: list[object] = []

        def visit() -> None:
            for n in range(20):
                store.set(f"{n}", b"1", ttl=60)
                outcomes.append(store.get(f"{n}"))

        for _ in range(30):
            threads(visit)
        deadline = time.monotonic() + 30
        while len(outcomes) < 600 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert outcomes == [b"1"] * 600
        assert proxy.connections <= 3
        store.clear()


def test_waiting_for_a_connection_ends_with_the_deadline(
    databases: Databases, open_proxy: OpenProxy, threads: Callable[[Callable[[], Any]], None]
) -> None:
    server = databases.get("redis-8.2")
    proxy = open_proxy(server)
    with RedisStore(server.url_at(proxy.port), prefix="waiting:", timeout=TIMEOUT, pool_size=1) as store:
        store.get("id")
        proxy.freeze()
        failures: list[BaseException] = []

        def visit() -> None:
            try:
                store.get("id")
            except StoreUnavailable as error:
                failures.append(error)

        begun = time.monotonic()
        for _ in range(5):
            threads(visit)
        while len(failures) < 5 and time.monotonic() - begun < 20:
            time.sleep(0.01)
        assert len(failures) == 5
        assert time.monotonic() - begun < LATEST
        proxy.pass_on()
        eventually_works(lambda: store.get("id"))
