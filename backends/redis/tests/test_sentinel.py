"""Under Sentinel: the master is found, also after it has changed."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from databases.bench import Databases
from databases.processes import HOST, eventually, free_port
from databases.redis_servers import RedisSentinel
from redis import sentinel as blocking_driver
from redis.asyncio import sentinel as async_driver

from coatcheck.errors import StoreUnavailable
from coatcheck.store import Store
from coatcheck_redis import RedisStore

Open = Callable[..., Store]
# The driver gives them no types.
Sentinel: Any = blocking_driver.Sentinel
AsyncSentinel: Any = async_driver.Sentinel
PATIENCE = 40.0


@pytest.fixture
def server(databases: Databases) -> RedisSentinel:
    server = databases.own("redis-sentinel")
    assert isinstance(server, RedisSentinel)
    return server


def keep_writing(store: Store, number: int) -> tuple[bytes, bool]:
    """Write one new payload; tell which, and whether the store said that it is kept."""
    payload = b"%d" % number
    try:
        store.set("id", payload, ttl=600)
    except StoreUnavailable:
        return payload, False
    return payload, True


def write_until(store: Store, done: Callable[[], bool]) -> list[bool]:
    """Write again and again until it is done and the last 20 writes were kept; return what became of each."""
    kept: list[bool] = []
    deadline = time.monotonic() + PATIENCE
    while not (done() and kept[-20:] == [True] * 20):
        assert time.monotonic() < deadline, f"{kept.count(True)} of {len(kept)} writes were kept"
        payload, written = keep_writing(store, len(kept))
        if written:
            assert store.get("id") == payload
        kept.append(written)
        time.sleep(0.01)
    return kept


def test_a_failover_on_demand_is_survived(server: RedisSentinel, open_for: Open) -> None:
    store = open_for(server, prefix="failover:")
    before = server.master_port
    write_until(store, lambda: True)
    server.failover()
    assert server.master_port != before
    kept = write_until(store, lambda: True)
    # The demoted master has closed or refused each connection; those that remain reach the new one.
    assert kept.count(False) <= 5
    with redis.Redis(host=HOST, port=server.master_port) as master:
        assert master.get("failover:id") == store.get("id")


def test_the_loss_of_the_master_is_survived(server: RedisSentinel, open_for: Open, kind_of_code: str) -> None:
    end = "kill" if kind_of_code == "blocking" else "pause"  # both with both would take a minute
    store = open_for(server, prefix="loss:", timeout=0.5)
    write_until(store, lambda: True)
    before, master = server.master_port, server.master
    getattr(master, end)()
    try:

        def moved() -> bool:
            try:
                return server.master_port != before
            except RuntimeError:
                return False

        kept = write_until(store, moved)
        assert False in kept
    finally:
        master.resume()
        master.start()
        server.wait_until_ready()
    write_until(store, lambda: True)


def test_a_frozen_or_missing_sentinel_is_passed_over(
    server: RedisSentinel, open_on: Open, kind_of_code: str
) -> None:
    maker = AsyncSentinel if kind_of_code == "async" else Sentinel
    client = maker([(HOST, free_port()), *server.sentinels]).master_for(server.service)
    store = open_on(client, prefix="sentinels:", timeout=3)
    frozen = server.daemons[-3]
    frozen.pause()
    try:
        store.set("id", b"1", ttl=60)
    finally:
        frozen.resume()
    assert store.get("id") == b"1"


def test_without_a_sentinel_that_knows_the_master_the_store_is_unavailable(server: RedisSentinel) -> None:
    for sentinels, service in [
        ([(HOST, free_port())], server.service),
        (server.sentinels, "no-such-service"),
    ]:
        with RedisStore(Sentinel(sentinels).master_for(service)) as store, pytest.raises(StoreUnavailable):
            store.get("id")
    lonely = Sentinel(server.sentinels, min_other_sentinels=9).master_for(server.service)
    with RedisStore(lonely) as store, pytest.raises(StoreUnavailable):
        store.get("id")


def test_the_master_is_named_in_the_repr(server: RedisSentinel) -> None:
    store = RedisStore(Sentinel(server.sentinels).master_for(server.service))
    assert repr(store) == "<RedisStore on the master of 'coatcheck' with prefix='sess:'>"
    assert eventually("the sentinels agree", lambda: server.master_port)
