"""Making, closing and showing stores."""

from collections.abc import Callable

import pytest
from faces import FakeClock

from coatcheck.errors import ConfigurationError, StoreError
from coatcheck.store import Store, Supports
from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table

Opener = Callable[[Table], Store]
CLASSES = [MemoryStore, AsyncMemoryStore]
Kind = type[MemoryStore] | type[AsyncMemoryStore]


@pytest.mark.parametrize(
    "operation",
    [
        lambda store: store.get("sid"),
        lambda store: store.set("sid", b"1", ttl=60),
        lambda store: store.destroy("sid"),
        lambda store: store.touch("sid", ttl=60),
        lambda store: store.get_and_touch("sid", ttl=60),
        lambda store: store.replace("sid", b"1", ttl=60),
        lambda store: list(store.ids()),
        lambda store: list(store.all()),
        lambda store: store.length(),
        lambda store: store.clear(),
        lambda store: store.prune(),
        lambda store: store.ping(),
    ],
)
def test_a_closed_store_refuses_every_operation(store: Store, operation: Callable[[Store], object]) -> None:
    operation(store)
    store.close()
    with pytest.raises(StoreError, match="MemoryStore is closed"):
        operation(store)


def test_closing_again_is_no_error(store: Store) -> None:
    store.close()
    store.close()


def test_closing_one_store_leaves_the_records_to_the_others(over: Opener, table: Table) -> None:
    first, second = over(table), over(table)
    first.set("sid", b"1", ttl=60)
    first.close()
    assert second.get("sid") == b"1"


def test_every_optional_operation_is_declared(store: Store) -> None:
    assert store.supports == Supports(
        touch=True, get_and_touch=True, replace=True, ids=True, all=True, length=True, clear=True, prune=True
    )


@pytest.mark.parametrize("kind", CLASSES)
def test_memory_stores_say_that_they_are_local_to_the_process(kind: Kind) -> None:
    assert kind.process_local


def test_stores_have_tables_of_their_own_unless_given_one() -> None:
    first, second = MemoryStore(), MemoryStore()
    first.set("sid", b"1", ttl=60)
    assert second.get("sid") is None


def test_a_store_takes_the_bound_and_the_clock() -> None:
    clock = FakeClock()
    store = MemoryStore(max_sessions=2, clock=clock)
    for sid in "abc":
        store.set(sid, b"1", ttl=60)
    assert store.length() == 2
    clock.advance(60)
    assert store.length() == 0


@pytest.mark.parametrize("kind", CLASSES)
def test_a_table_and_its_options_together_are_refused(kind: Kind) -> None:
    with pytest.raises(ConfigurationError, match="give either these or the table"):
        kind(table=Table(), max_sessions=5)
    with pytest.raises(ConfigurationError, match="give either these or the table"):
        kind(table=Table(), clock=FakeClock())


def test_the_repr_shows_no_contents(over: Opener) -> None:
    table = Table(7)
    store = over(table)
    store.set("secret-id", b"secret-payload", ttl=60)
    assert "max_sessions=7" in repr(store)
    assert "secret" not in repr(store)
    store.close()
    assert "closed" in repr(store)
