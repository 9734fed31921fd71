"""A lost connection is replaced; nothing that may have been applied is sent again."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from databases.bench import Databases
from databases.plugin import OpenProxy

from coatcheck.errors import StoreUnavailable
from coatcheck.store import Replaced, Store

pytestmark = pytest.mark.kinds("postgresql", "mariadb")


def test_connections_that_died_while_idle_do_not_fail_a_write(place: Any, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(place.server)
    store = place.open(port=proxy.port)
    store.set("sid", b"{}", ttl=60)
    for number in range(5):
        proxy.cut()
        time.sleep(0.2)
        payload = b'{"n":%d}' % number
        assert store.replace("sid", payload, ttl=60) == Replaced(written=True)
        assert store.get("sid") == payload


def test_a_restart_of_the_server_does_not_fail_a_write(place: Any, databases: Databases) -> None:
    place.server = databases.own(place.kind.server)
    store = place.open()
    store.set("sid", b"{}", ttl=600)
    place.server.kill()
    with pytest.raises(StoreUnavailable):
        store.get("sid")
    place.server.restart()
    store.set("sid", b'{"n":1}', ttl=600)
    assert store.get("sid") == b'{"n":1}'


def test_reading_is_repeated_once_when_the_answer_is_lost(place: Any, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(place.server)
    store = place.open(port=proxy.port, pool_size=1)
    store.set("lost-marker", b"{}", ttl=60)
    proxy.drop_replies(to=b"lost-marker")
    proxy.reset()
    with pytest.raises(StoreUnavailable):
        store.get("lost-marker")
    assert proxy.requests_with(b"lost-marker") == 2
    proxy.pass_on()
    assert store.get("lost-marker") == b"{}"


WRITES: dict[str, tuple[Callable[[Store], object], bytes | None]] = {
    "set": (lambda store: store.set("sid", b'{"n":1}', ttl=60), b'{"n":1}'),
    "replace": (lambda store: store.replace("sid", b'{"n":1}', ttl=60), b'{"n":1}'),
    "exchange": (lambda store: store.replace("sid", b'{"n":1}', ttl=60, expected=b"{}"), b'{"n":1}'),
    "destroy": (lambda store: store.destroy("sid"), None),
    "clear": (lambda store: store.clear(), None),
}


@pytest.mark.parametrize("operation", WRITES)
def test_writing_is_not_repeated_when_the_answer_is_lost(
    place: Any, open_proxy: OpenProxy, operation: str
) -> None:
    proxy = open_proxy(place.server)
    store, beside = place.open(port=proxy.port, pool_size=1), place.open()
    write, outcome = WRITES[operation]
    store.ping()
    beside.set("sid", b"{}", ttl=60)
    write(store)  # drivers prepare a statement at its first use
    beside.set("sid", b"{}", ttl=60)
    proxy.drop_replies()
    proxy.reset()
    with pytest.raises(StoreUnavailable):
        write(store)
    assert beside.get("sid") == outcome, "it was applied"
    assert (proxy.turns, proxy.connections) == (1, 0), "it was sent once"
    proxy.pass_on()
    assert store.get("sid") == outcome
