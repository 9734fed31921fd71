"""Another server becomes the master while a store is in use: the same store goes on."""

import json
import threading
import time
from functools import partial
from typing import Any

import pytest
from databases.processes import eventually

from coatcheck import Store, StoreUnavailable
from contract.homes import Home
from contract.payloads import numbered

pytestmark = [
    pytest.mark.faults,
    pytest.mark.subjects(fits=lambda subject: subject.kind in ("redis-sentinel", "mongodb-replica-set")),
]


@pytest.fixture
def server(own_home: Home) -> Any:
    """A server that has more than one process."""
    return own_home.server


@pytest.fixture
def store(own_home: Home) -> Store:
    store = own_home.open(timeout=3.0)
    store.set("sid", numbered(0), ttl=600)
    return store


def count_in(payload: bytes) -> int:
    """Return the number in a payload."""
    return int(json.loads(payload)["n"])


class Use:
    """Counts up in one record while something else happens; any error but StoreUnavailable ends it."""

    def __init__(self, store: Store) -> None:
        self.acknowledged = self.unknown = 0
        self._store = store

    def until_the_end_of(self, happening: threading.Thread) -> None:
        happening.start()
        while happening.is_alive():
            try:
                held = self._store.get("sid")
                assert held is not None
                offer = numbered(count_in(held) + 1)
                self.acknowledged += self._store.replace("sid", offer, ttl=600, expected=held).written
            except StoreUnavailable:
                self.unknown += 1
            time.sleep(0.002)


def test_a_store_works_again_after_each_failover(server: Any, store: Store) -> None:
    for number in range(1, 3):
        server.failover()
        held = eventually("the record is read", lambda: store.get("sid"), within=30)
        assert held == numbered(number - 1)
        write = partial(store.replace, "sid", numbered(number), ttl=600)
        assert eventually("the record is written", write, within=30).written


def test_a_failover_during_use_raises_nothing_but_unavailable_and_applies_nothing_twice(
    server: Any, store: Store
) -> None:
    use = Use(store)
    use.until_the_end_of(threading.Thread(target=server.failover))
    held = eventually("the record is read", lambda: store.get("sid"), within=30)
    assert use.acknowledged > 0
    assert count_in(held) <= use.acknowledged + use.unknown
    # Redis replicates after it has answered: its failover may lose what it acknowledged last.
    if server.kind == "mongodb-replica-set":
        assert count_in(held) >= use.acknowledged


def test_a_store_finds_the_one_that_took_over_when_the_master_was_killed(server: Any, store: Store) -> None:
    master = server.master if server.kind == "redis-sentinel" else server.primary
    master.kill()

    def written() -> bool:
        store.set("sid", numbered(7), ttl=600)
        return True

    eventually("the record is written", written)
    assert store.get("sid") == numbered(7)
