"""A replica set: what is acknowledged survives, and a step-down of the primary during use loses nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from databases.bench import Databases
from databases.mongodb import MongoReplicaSet
from pymongo import MongoClient, ReadPreference
from pymongo.write_concern import WriteConcern

from coatcheck.errors import StoreUnavailable
from coatcheck.store import Store
from coatcheck_mongo import MongoStore

Open = Callable[..., Store]


@pytest.fixture
def replica_set(databases: Databases) -> Iterator[MongoReplicaSet]:
    server = databases.own("mongodb-replica-set")
    assert isinstance(server, MongoReplicaSet)
    yield server
    server.wait_until_ready()


def payload(number: int) -> bytes:
    return b'{"cookie":{},"n":%d}' % number


def begin(store: Store) -> None:
    """Write the first record, for which a set that has just moved may need a while."""
    for _ in range(20):
        with suppress(StoreUnavailable):
            return store.set("sid", payload(0), ttl=600)
    return store.set("sid", payload(0), ttl=600)


def count_up(store: Store, until: float) -> tuple[int, int]:
    """Count up until the time, by replacing, and return how far it came and how often it failed."""
    last, failures, uncertain = 0, 0, False
    while time.monotonic() < until:
        try:
            outcome = store.replace("sid", payload(last + 1), ttl=600, expected=payload(last))
        except StoreUnavailable:
            failures += 1
            uncertain = True
            continue
        if outcome.written:
            last += 1
        else:
            # Only a write whose answer did not come may have been made without us knowing.
            assert uncertain, outcome
            assert outcome.current == payload(last + 1)
            last += 1
        uncertain = False
    return last, failures


@pytest.mark.parametrize("stringify", [True, False])
def test_a_step_down_of_the_primary_during_use_loses_no_write(
    replica_set: MongoReplicaSet, opened: Open, collection: str, stringify: bool
) -> None:
    store = opened(replica_set.url, collection=collection, stringify=stringify, timeout=1)
    begin(store)
    before = replica_set.primary_port
    stepping = threading.Timer(0.3, replica_set.step_down)
    stepping.start()
    reached, _ = count_up(store, time.monotonic() + 4)
    stepping.join(60)
    assert replica_set.primary_port != before
    more, _ = count_up_from(store, reached)
    assert more > reached
    with MongoClient[dict[str, Any]](replica_set.url) as client:
        client.get_default_database().drop_collection(collection)


def count_up_from(store: Store, start: int) -> tuple[int, int]:
    """Write again after everything, for at most twenty seconds."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            current = store.get("sid")
            assert current == payload(start)
            if store.replace("sid", payload(start + 1), ttl=600, expected=current).written:
                return start + 1, 0
        except StoreUnavailable:
            time.sleep(0.1)
    return start, 1


def test_a_killed_primary_is_replaced_and_nothing_acknowledged_is_lost(
    replica_set: MongoReplicaSet, opened: Open, collection: str
) -> None:
    store = opened(replica_set.url, collection=collection, timeout=1)
    begin(store)
    primary = replica_set.primary
    killing = threading.Timer(0.5, primary.kill)
    killing.start()
    try:
        reached, _ = count_up(store, time.monotonic() + 2)
        killing.join(60)
        deadline = time.monotonic() + 40
        value: bytes | None = None
        while value is None and time.monotonic() < deadline:
            try:
                value = store.get("sid")
            except StoreUnavailable:
                time.sleep(0.1)
        assert value in (payload(reached), payload(reached + 1))
    finally:
        primary.start()
        replica_set.wait_until_ready()
    with MongoClient[dict[str, Any]](replica_set.url) as client:
        client.get_default_database().drop_collection(collection)


def test_the_defaults_are_a_majority_of_writes_and_reads_from_the_primary(
    replica_set: MongoReplicaSet,
) -> None:
    with MongoStore(replica_set.url) as store:
        records = store._link._records
        assert records.write_concern == WriteConcern("majority")
        assert records.read_preference == ReadPreference.PRIMARY


def test_url_and_client_may_choose_other_concerns(replica_set: MongoReplicaSet) -> None:
    url = f"{replica_set.url}&w=1&journal=true&readPreference=nearest"
    with MongoStore(url) as store, MongoClient[dict[str, Any]](url) as client:
        for records in (store._link._records, MongoStore(client)._link._records):
            assert records.write_concern == WriteConcern(1, j=True)
            assert records.read_preference == ReadPreference.NEAREST
        journalled = MongoStore(client, database="x")._link._records
        assert journalled.write_concern.document["w"] == 1
    with MongoStore(f"{replica_set.url}&journal=true") as store:
        assert store._link._records.write_concern == WriteConcern("majority", j=True)


def test_without_a_majority_a_write_is_unavailable_in_time(
    replica_set: MongoReplicaSet, opened: Open, collection: str
) -> None:
    store = opened(replica_set.url, collection=collection, timeout=1)
    begin(store)
    port = replica_set.primary_port
    others = [daemon for node, daemon in replica_set._nodes.items() if node != port]
    for daemon in others:
        daemon.pause()
    try:
        start = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.set("sid", payload(1), ttl=600)
        assert time.monotonic() - start < 3
    finally:
        for daemon in others:
            daemon.resume()
        replica_set.wait_until_ready()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            assert store.get("sid") in (payload(0), payload(1))
            break
        except StoreUnavailable:
            time.sleep(0.1)
    with MongoClient[dict[str, Any]](replica_set.url) as client:
        client.get_default_database().drop_collection(collection)
