"""An unreachable, frozen or restarted server: an error in time, and the same store works again afterwards."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from databases.bench import Databases
from databases.processes import free_port
from databases.proxy import Proxy
from databases.server import Server

from coatcheck.errors import StoreError, StoreUnavailable
from coatcheck.store import Store
from coatcheck_mongo import MongoStore

Open = Callable[..., Store]
OpenProxy = Callable[[Server], Proxy]

A = b'{"cookie":{},"n":1}'
B = b'{"cookie":{},"n":2}'
DEADLINE = 0.3
LATE = 1.5
"""Seconds that a call may take beyond its deadline where the machine has other work to do."""

CALLS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get("sid"),
    "set": lambda store: store.set("sid", A, ttl=60),
    "destroy": lambda store: store.destroy("sid"),
    "touch": lambda store: store.touch("sid", ttl=60),
    "get_and_touch": lambda store: store.get_and_touch("sid", ttl=60),
    "replace": lambda store: store.replace("sid", A, ttl=60),
    "replace expected": lambda store: store.replace("sid", A, ttl=60, expected=B),
    "ids": lambda store: list(store.ids()),
    "all": lambda store: list(store.all()),
    "length": lambda store: store.length(),
    "clear": lambda store: store.clear(),
    "ping": lambda store: store.ping(),
}


@pytest.fixture
def server(databases: Databases) -> Server:
    return databases.own("mongodb")


@pytest.fixture
def proxy(server: Server, open_proxy: OpenProxy) -> Proxy:
    return open_proxy(server)


@pytest.fixture
def store(server: Server, proxy: Proxy, opened: Open, collection: str) -> Iterator[Store]:
    """A store through the proxy, which has a connection in its pool."""
    store = opened(server.url_at(proxy.port), collection=collection, timeout=DEADLINE)
    works_again(lambda: store.set("sid", A, ttl=600))
    yield store
    proxy.pass_on()
    works_again(store.clear)


def fails_in_time(call: Callable[[], object]) -> StoreError:
    """Return the error of a call, which must come by the deadline."""
    start = time.monotonic()
    with pytest.raises(StoreUnavailable) as failure:
        call()
    assert time.monotonic() - start < DEADLINE + LATE
    assert failure.value.__cause__ is not None
    return failure.value


def works_again(call: Callable[[], object]) -> None:
    """Call until it succeeds, for at most twenty seconds."""
    end = time.monotonic() + 20
    while True:
        try:
            call()
        except StoreUnavailable:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def test_an_unreachable_server_is_an_error_in_time(opened: Open) -> None:
    store = opened(f"mongodb://127.0.0.1:{free_port()}/x", timeout=DEADLINE)
    for call in CALLS.values():
        fails_in_time(partial(call, store))


def test_a_frozen_way_to_the_server_is_an_error_in_time(store: Store, proxy: Proxy) -> None:
    proxy.freeze()
    for call in CALLS.values():
        fails_in_time(partial(call, store))
    proxy.pass_on()
    for call in CALLS.values():
        works_again(partial(call, store))


def test_a_frozen_server_is_an_error_in_time_with_and_without_connections(
    server: Server, opened: Open, collection: str
) -> None:
    connected, fresh = (opened(server.url, collection=collection, timeout=DEADLINE) for _ in range(2))
    works_again(lambda: connected.set("sid", A, ttl=600))
    with server.paused():
        for store in (connected, fresh):
            for call in CALLS.values():
                fails_in_time(partial(call, store))
    for store in (connected, fresh):
        works_again(store.clear)
        works_again(partial(store.set, "sid", A, ttl=60))


def test_a_handshake_that_never_ends_is_an_error_in_time(opened: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mongodb://127.0.0.1:{silent.getsockname()[1]}/x?tls=true&tlsInsecure=true"
        store = opened(url, timeout=DEADLINE)
        for _ in range(2):
            fails_in_time(lambda: store.get("sid"))
        start = time.monotonic()
        store.close()
        assert time.monotonic() - start < DEADLINE + LATE


def test_closing_does_not_hang_before_a_frozen_server(server: Server, opened: Open, collection: str) -> None:
    store = opened(server.url, collection=collection, timeout=DEADLINE)
    works_again(lambda: store.set("sid", A, ttl=1))
    with server.paused():
        start = time.monotonic()
        store.close()
        assert time.monotonic() - start < DEADLINE + LATE
    with pytest.raises(StoreError, match="is closed"):
        store.get("sid")


def test_a_restarted_server_is_used_again(server: Server, opened: Open, collection: str) -> None:
    store = opened(server.url, collection=collection, timeout=DEADLINE)
    works_again(lambda: store.set("sid", A, ttl=600))
    server.kill()
    try:
        for call in CALLS.values():
            fails_in_time(partial(call, store))
    finally:
        server.restart()
    works_again(lambda: store.set("sid", B, ttl=60))
    assert store.get("sid") == B
    store.clear()


def test_refused_and_cut_connections_are_errors_in_time(store: Store, proxy: Proxy) -> None:
    proxy.refuse()
    for call in CALLS.values():
        fails_in_time(partial(call, store))
    proxy.pass_on()
    works_again(lambda: store.set("sid", A, ttl=60))
    proxy.cut()
    works_again(lambda: store.get("sid"))


# -- answers that are lost

WRITES: dict[str, tuple[Callable[[Store], object], bytes | None]] = {
    "set": (lambda store: store.set("sid", B, ttl=60), B),
    "set away": (lambda store: store.set("sid", B, ttl=0), None),
    "destroy": (lambda store: store.destroy("sid"), None),
    "replace": (lambda store: store.replace("sid", B, ttl=60), B),
    "replace expected": (lambda store: store.replace("sid", B, ttl=60, expected=A), B),
    "replace away": (lambda store: store.replace("sid", B, ttl=0, expected=A), None),
    "clear": (lambda store: store.clear(), None),
}


@pytest.fixture(params=[True, False], ids=["stringify", "embed"])
def stringify(request: pytest.FixtureRequest) -> bool:
    chosen: bool = request.param
    return chosen


@pytest.fixture
def two_stores(
    server: Server, proxy: Proxy, opened: Open, collection: str, stringify: bool
) -> tuple[Store, Store]:
    url = server.url_at(proxy.port)
    first, second = (opened(url, collection=collection, stringify=stringify, timeout=5) for _ in range(2))
    return first, second


@pytest.mark.parametrize("name", WRITES)
def test_a_write_whose_answer_is_lost_is_sent_once(
    two_stores: tuple[Store, Store], proxy: Proxy, stringify: bool, name: str
) -> None:
    (store, other), (write, left) = two_stores, WRITES[name]
    store.set("sid", A, ttl=600)
    proxy.reset()
    word = command(name, stringify)
    proxy.drop_replies(to=word)
    with pytest.raises(StoreUnavailable):
        write(store)
    proxy.pass_on()
    assert proxy.dropped == 1
    assert proxy.requests_with(word) == 1
    works_again(lambda: other.get("sid"))
    assert other.get("sid") == left
    works_again(other.clear)


def command(name: str, stringify: bool) -> bytes:
    """Return the start of the command that a write sends last, as it is on the wire."""
    if name in ("replace expected", "replace away") and stringify:
        return b"\x02findAndModify\x00"
    removes = name in ("set away", "destroy", "clear", "replace away")
    return b"\x02delete\x00" if removes else b"\x02update\x00"


def test_a_read_whose_answer_is_lost_is_repeated(store: Store, proxy: Proxy) -> None:
    proxy.reset()
    dropper = threading.Timer(0.2, proxy.pass_on)
    proxy.drop_replies(to=b"\x02find\x00")
    dropper.start()
    works_again(lambda: store.get("sid"))
    dropper.join()
    assert store.get("sid") == A


# -- the pool


def test_a_burst_beyond_the_pool_waits_for_its_turn(server: Server, collection: str) -> None:
    with MongoStore(server.url, collection=collection, pool_size=2, timeout=20) as store:
        store.set("sid", A, ttl=600)
        assert together(50, lambda: store.get("sid")) == [A] * 50
        store.clear()


def test_waiting_for_a_connection_ends_by_the_deadline(server: Server, proxy: Proxy, collection: str) -> None:
    with MongoStore(server.url_at(proxy.port), collection=collection, pool_size=1, timeout=DEADLINE) as store:
        works_again(lambda: store.set("sid", A, ttl=600))
        proxy.freeze()
        start = time.monotonic()
        outcomes = together(6, lambda: store.get("sid"))
        assert time.monotonic() - start < DEADLINE + LATE
        assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
        proxy.pass_on()
        works_again(store.clear)


def together(number: int, call: Callable[[], object]) -> list[Any]:
    """Make a call from many threads at once and return what each got, or its error."""
    outcomes: list[Any] = []
    barrier = threading.Barrier(number)

    def one() -> None:
        barrier.wait()
        try:
            outcomes.append(call())
        except StoreError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=one) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes
