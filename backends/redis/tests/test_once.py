"""A write whose answer was lost is reported, and never sent again."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from databases.bench import Databases
from databases.plugin import OpenProxy
from databases.proxy import Proxy
from databases.server import Server

from coatcheck.errors import StoreUnavailable
from coatcheck.store import Store

Open = Callable[..., Store]
MARKER = b"the-marked-id"
SID = MARKER.decode()

WRITES: dict[str, Callable[[Store], Any]] = {
    "set": lambda store: store.set(SID, b"2", ttl=60),
    "set without lifetime": lambda store: store.set(SID, b"2", ttl=0),
    "destroy": lambda store: store.destroy(SID),
    "touch without lifetime": lambda store: store.touch(SID, ttl=0),
    "replace": lambda store: store.replace(SID, b"2", ttl=60),
    "replace without lifetime": lambda store: store.replace(SID, b"2", ttl=0),
    "replace expected": lambda store: store.replace(SID, b"2", ttl=60, expected=b"1"),
    "replace expected without lifetime": lambda store: store.replace(SID, b"2", ttl=0, expected=b"1"),
}
READS: dict[str, Callable[[Store], Any]] = {
    "get": lambda store: store.get(SID),
    "touch": lambda store: store.touch(SID, ttl=60),
    "get and touch": lambda store: store.get_and_touch(SID, ttl=60),
}


@pytest.fixture
def server(databases: Databases) -> Server:
    return databases.get("redis-8.2")


@pytest.fixture
def proxy(server: Server, open_proxy: OpenProxy) -> Proxy:
    return open_proxy(server)


@pytest.fixture(params=["url", "client that retries"])
def store(
    request: pytest.FixtureRequest,
    open_on: Open,
    server: Server,
    proxy: Proxy,
    make_client: Callable[..., Any],
) -> Store:
    """A store on a connection that is in use, with a record and the scripts known to the server."""
    url = server.url_at(proxy.port)
    if request.param == "url":
        store = open_on(url, prefix="once:")
    else:
        driver = type(make_client(server))
        store = open_on(driver.from_url(url, retry_on_error=[redis.ConnectionError]), prefix="once:")
    for write in [*WRITES.values(), *READS.values()]:
        write(store)
    store.set(SID, b"1", ttl=60)
    proxy.reset()
    return store


@pytest.mark.parametrize("name", WRITES)
def test_a_write_with_a_lost_answer_is_unavailable_and_sent_once(
    name: str, server: Server, proxy: Proxy, store: Store
) -> None:
    proxy.drop_replies(to=MARKER)
    with pytest.raises(StoreUnavailable):
        WRITES[name](store)
    assert proxy.requests_with(MARKER) == 1
    proxy.pass_on()
    with redis.Redis.from_url(server.url) as client:
        assert client.get(f"once:{SID}") in {None, b"2"}
    store.set(SID, b"3", ttl=60)
    assert store.get(SID) == b"3"


def test_clear_is_sent_once(server: Server, proxy: Proxy, store: Store) -> None:
    proxy.drop_replies(to=b"UNLINK")
    with pytest.raises(StoreUnavailable):
        store.clear()
    assert proxy.requests_with(b"UNLINK") == 1
    proxy.pass_on()
    store.clear()


@pytest.mark.parametrize("name", READS)
def test_a_read_with_a_lost_answer_is_repeated_once(name: str, proxy: Proxy, store: Store) -> None:
    proxy.drop_replies(to=MARKER)
    with pytest.raises(StoreUnavailable):
        READS[name](store)
    assert proxy.requests_with(MARKER) == 2


@pytest.mark.parametrize("name", READS)
def test_a_read_on_a_connection_that_breaks_is_answered_by_the_next(
    name: str, proxy: Proxy, store: Store
) -> None:
    def break_the_connection() -> None:
        for _ in range(1000):
            if proxy.requests_with(MARKER):
                break
            time.sleep(0.01)
        proxy.pass_on()

    proxy.freeze()
    breaking = threading.Thread(target=break_the_connection)
    breaking.start()
    assert READS[name](store) in {b"1", True}
    breaking.join(20)
    assert proxy.requests_with(MARKER) == 2
