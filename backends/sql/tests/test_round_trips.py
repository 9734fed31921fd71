"""In the steady state an operation is one request and one answer, on an engine that the store made."""

from collections.abc import Callable
from typing import Any

import pytest
from databases.plugin import OpenProxy

from coatcheck.store import Store

OPERATIONS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get("sid"),
    "get of nothing": lambda store: store.get("nobody"),
    "set": lambda store: store.set("sid", b"{}", ttl=60),
    "set without time": lambda store: store.set("other", b"{}", ttl=0),
    "destroy": lambda store: store.destroy("nobody"),
    "touch": lambda store: store.touch("sid", ttl=60),
    "touch with slack": lambda store: store.touch("sid", ttl=60, slack=30),
    "get_and_touch": lambda store: store.get_and_touch("sid", ttl=60),
    "replace": lambda store: store.replace("sid", b"{}", ttl=60),
    "replace of expected": lambda store: store.replace("sid", b"{}", ttl=60, expected=b"{}"),
    "refused replace": lambda store: store.replace("nobody", b"{}", ttl=60),
    "refused replace of expected": lambda store: store.replace("sid", b"{}", ttl=60, expected=b"[]"),
    "length": lambda store: store.length(),
    "ids": lambda store: list(store.ids()),
    "all": lambda store: list(store.all()),
    "prune": lambda store: store.prune(),
    "ping": lambda store: store.ping(),
}
DECLARED = {("mariadb", "refused replace of expected"): 2}


@pytest.mark.kinds("postgresql", "mariadb")
def test_an_operation_is_one_round_trip(place: Any, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(place.server)
    store = place.open(port=proxy.port)
    store.set("sid", b"{}", ttl=60)
    taken: dict[str, float] = {}
    for name, operation in OPERATIONS.items():
        if name == "get_and_touch" and not store.supports.get_and_touch:
            continue
        for _ in range(7):  # drivers prepare a statement when they have seen it a few times
            operation(store)
        proxy.reset()
        for _ in range(10):
            operation(store)
        taken[name] = proxy.turns / 10
    assert taken == {name: DECLARED.get((place.kind.server, name), 1) for name in taken}
    assert proxy.connections == 0


@pytest.mark.kinds("postgresql")
def test_no_transaction_is_left_open(place: Any) -> None:
    store = place.open(pool_size=1)
    store.set("sid", b"{}", ttl=60)
    store.replace("sid", b"{}", ttl=60, expected=b"[]")
    store.get("sid")
    idle = place.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE :query",
        query=f"%{place.table}%",
    )
    assert idle == [(0,)]
