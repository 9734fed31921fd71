"""What a store declares it offers, and nothing else."""

from collections.abc import Callable

import pytest

from coatcheck import AsyncStore, Store, UnsupportedOperation
from contract.homes import Home
from contract.payloads import numbered
from contract.subjects import EVERYTHING, Subject

CALLS: dict[str, Callable[[Store], object]] = {
    "touch": lambda store: store.touch("sid", ttl=60),
    "get_and_touch": lambda store: store.get_and_touch("sid", ttl=60),
    "replace": lambda store: store.replace("sid", numbered(2), ttl=60),
    "ids": lambda store: list(store.ids()),
    "all": lambda store: list(store.all()),
    "length": lambda store: store.length(),
    "clear": lambda store: store.clear(),
    "prune": lambda store: store.prune(),
}


def test_every_operation_that_the_server_can_do_is_offered(store: Store, subject: Subject) -> None:
    offered = {name for name in EVERYTHING if getattr(store.supports, name)}
    assert EVERYTHING - offered <= subject.lacks


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_a_declared_operation_works_and_an_undeclared_one_raises(store: Store, name: str) -> None:
    store.set("sid", numbered(1), ttl=60)
    if getattr(store.supports, name):
        CALLS[name](store)
    else:
        with pytest.raises(UnsupportedOperation, match=name):
            CALLS[name](store)


def test_the_resolution_is_as_fine_as_the_server_allows(store: Store, subject: Subject) -> None:
    assert 0 < store.supports.resolution <= subject.resolution


def test_what_is_opened_is_a_store_of_the_wanted_way(home: Home, subject: Subject) -> None:
    store = home.open()
    bare = getattr(store, "awaited", store)
    assert isinstance(bare, AsyncStore if subject.asynchronous else Store)


def test_the_records_of_a_server_are_not_of_one_process(store: Store, subject: Subject) -> None:
    bare = getattr(store, "awaited", store)
    assert bare.process_local is (subject.package == "coatcheck_memory")


def test_ping_returns_where_the_store_answers(store: Store) -> None:
    store.ping()
