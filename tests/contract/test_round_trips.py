"""Every operation but the listing ones is one round trip in the steady state."""

from collections.abc import Callable

import pytest
from databases.proxy import Proxy

from coatcheck import Store
from contract.homes import Home
from contract.payloads import numbered
from contract.subjects import Subject

OPERATIONS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get("sid"),
    "get of nothing": lambda store: store.get("nobody"),
    "set": lambda store: store.set("sid", numbered(1), ttl=60),
    "set with no time left": lambda store: store.set("sid", numbered(1), ttl=0),
    "destroy": lambda store: store.destroy("sid"),
    "destroy of nothing": lambda store: store.destroy("nobody"),
    "touch": lambda store: store.touch("sid", ttl=60),
    "touch with slack": lambda store: store.touch("sid", ttl=60, slack=10),
    "get_and_touch": lambda store: store.get_and_touch("sid", ttl=60),
    "get_and_touch with slack": lambda store: store.get_and_touch("sid", ttl=60, slack=10),
    "replace": lambda store: store.replace("sid", numbered(1), ttl=60),
    "refused replace": lambda store: store.replace("nobody", numbered(1), ttl=60),
    "replace(expected)": lambda store: store.replace("sid", numbered(1), ttl=60, expected=numbered(1)),
    "refused replace(expected)": lambda store: store.replace(
        "sid", numbered(2), ttl=60, expected=numbered(3)
    ),
    "replace that ends": lambda store: store.replace("sid", numbered(1), ttl=0),
    "replace(expected) that ends": lambda store: store.replace(
        "sid", numbered(1), ttl=0, expected=numbered(1)
    ),
    "ping": lambda store: store.ping(),
}


@pytest.mark.subjects(fits=lambda subject: subject.one_address)
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_one_round_trip(home: Home, subject: Subject, proxy: Proxy, name: str) -> None:
    if name.partition(" ")[0] in subject.lacks:
        pytest.skip(f"{subject} has no {name}")
    store = home.open(port=proxy.port)
    run = OPERATIONS[name]
    for _ in range(12):  # drivers prepare a statement when they have seen it often
        store.set("sid", numbered(1), ttl=60)
        run(store)
    for _ in range(3):
        store.set("sid", numbered(1), ttl=60)
        proxy.reset()
        run(store)
        assert proxy.turns <= trips(subject, name)
        assert proxy.connections == 0


def trips(subject: Subject, name: str) -> int:
    """Return how many round trips are declared; by name, or by what the name ends in."""
    plain = name.removesuffix(" that ends")
    return subject.trips.get(plain, 1)


@pytest.mark.subjects(fits=lambda subject: subject.one_address)
def test_opening_a_store_does_no_io(home: Home, proxy: Proxy) -> None:
    store = home.open(port=proxy.port)
    assert proxy.connections == 0
    store.close()
    assert proxy.connections == 0
