"""What the same store object does after the server was away, changed or refused."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from databases.bench import Databases
from databases.plugin import OpenProxy
from databases.processes import eventually
from databases.server import Server

from coatcheck.errors import StoreError, StoreUnavailable
from coatcheck.store import Store
from coatcheck_redis import RedisStore

Open = Callable[..., Store]

WRITES: list[Callable[[Store], Any]] = [
    lambda store: store.set("id", b"1", ttl=60),
    lambda store: store.replace("id", b"1", ttl=60, expected=b"1"),
    lambda store: store.destroy("id"),
    lambda store: store.clear(),
]


@pytest.fixture
def server(databases: Databases) -> Server:
    return databases.own("redis-8.2")


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    """Changes the server's settings; they are what they were at the end."""
    changed = ["maxmemory", "min-replicas-to-write", "proto-max-bulk-len", "timeout"]
    with redis.Redis.from_url(server.url) as driver:
        client: Any = driver
        before = {name: client.config_get(name)[name] for name in changed}
        yield client
        for name, value in before.items():
            client.config_set(name, value)
        client.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize("write", WRITES)
def test_a_write_on_connections_that_the_server_closed_does_not_fail(
    write: Callable[[Store], Any], server: Server, open_on: Open
) -> None:
    store = open_on(server.url, prefix="healing:")
    store.get("id")
    server.kill()
    restart(server)
    write(store)


def restart(server: Server) -> None:
    """Start the server and wait until it has loaded its data; before, it answers too, but not all."""
    server.restart()
    with redis.Redis.from_url(server.url) as client:
        eventually("the data are loaded", lambda: client.ping() or None)


def test_all_idle_connections_of_a_pool_heal_at_once(server: Server) -> None:
    with RedisStore(server.url, prefix="healing:", timeout=20) as store:
        together = threading.Barrier(8)

        def visit() -> None:
            together.wait(20)
            for n in range(50):
                store.set(f"{threading.get_ident()} {n}", b"1", ttl=60)

        threads = [threading.Thread(target=visit) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        server.kill()
        with pytest.raises(StoreUnavailable):
            store.get("id")
        restart(server)
        for _ in range(10):
            store.set("id", b"1", ttl=60)
        store.clear()


def test_a_store_is_unavailable_while_the_server_is_away_and_works_afterwards(
    server: Server, open_on: Open
) -> None:
    store = open_on(server.url, prefix="healing:")
    store.set("id", b"1", ttl=60)
    server.kill()
    reads: list[Callable[[Store], Any]] = [lambda store: store.get("id"), lambda store: list(store.ids())]
    for operation in [*WRITES, *reads]:
        with pytest.raises(StoreUnavailable):
            operation(store)
    restart(server)
    store.set("id", b"1", ttl=60)
    assert store.get_and_touch("id", ttl=60) == b"1"


def test_forgotten_scripts_are_sent_again(server: Server, client: Any, open_on: Open) -> None:
    store = open_on(server.url, prefix="healing:")
    store.set("id", b"1", ttl=60)
    for _ in range(2):
        assert store.get_and_touch("id", ttl=60) == b"1"
        assert store.replace("id", b"1", ttl=60, expected=b"1").written
        client.script_flush()
    assert store.replace("id", b"1", ttl=0, expected=b"1").written


def test_a_connection_that_idled_too_long_is_no_failure(server: Server, client: Any, open_on: Open) -> None:
    store = open_on(server.url, prefix="healing:")
    store.get("id")
    before = len(client.client_list())
    client.config_set("timeout", 1)
    time.sleep(1.2)
    assert before > 1
    eventually("the server closes idle connections", lambda: len(client.client_list()) < before or None)
    store.set("id", b"1", ttl=60)


@pytest.mark.parametrize("kind", ["redis-6.2", "redis-7.0", "redis-8.2"])
def test_a_read_only_replica_is_unavailable_for_writes_until_it_is_promoted(
    kind: str, databases: Databases, open_on: Open
) -> None:
    server = databases.own(kind)
    store = open_on(server.url, prefix="healing:")
    store.set("id", b"1", ttl=60)
    renewals: list[Callable[[Store], Any]] = [
        lambda store: store.get_and_touch("id", ttl=90),
        lambda store: store.touch("id", ttl=60),
    ]
    writes = [*WRITES, *renewals]
    with redis.Redis.from_url(server.url) as driver:
        client: Any = driver
        client.config_set("replica-serve-stale-data", "yes")
        client.execute_command("REPLICAOF", "127.0.0.1", 1)
        try:
            for write in writes:
                with pytest.raises(StoreUnavailable, match="read-only"):
                    write(store)
            assert store.get("id") == b"1"
        finally:
            client.execute_command("REPLICAOF", "NO", "ONE")
    for write in writes:
        write(store)


@pytest.mark.parametrize("kind", ["redis-6.2", "redis-7.0", "redis-8.2"])
def test_a_full_server_is_unavailable_for_what_needs_room(
    kind: str, databases: Databases, open_on: Open
) -> None:
    server = databases.own(kind)
    store = open_on(server.url, prefix="healing:")
    store.set("id", b"1", ttl=60)
    with redis.Redis.from_url(server.url) as driver:
        client: Any = driver
        client.config_set("maxmemory", 1)
        try:
            for write in (
                lambda: store.set("id", b"2", ttl=60),
                lambda: store.replace("id", b"2", ttl=60),
                lambda: store.replace("id", b"2", ttl=60, expected=b"1"),
            ):
                with pytest.raises(StoreUnavailable, match="full"):
                    write()
            assert store.get_and_touch("id", ttl=90) == b"1"
            assert store.touch("id", ttl=60)
            assert store.destroy("id")
        finally:
            client.config_set("maxmemory", 0)
    store.set("id", b"2", ttl=60)
    store.clear()


def test_too_few_replicas_are_unavailable_for_writes(server: Server, client: Any, open_on: Open) -> None:
    store = open_on(server.url, prefix="healing:")
    store.set("id", b"1", ttl=60)
    client.config_set("min-replicas-to-write", 1)
    for write in WRITES[:3]:
        with pytest.raises(StoreUnavailable, match="replicas"):
            write(store)
    assert store.get("id") == b"1"


def test_a_payload_beyond_the_servers_limit_is_refused_with_its_size(
    server: Server, client: Any, open_on: Open
) -> None:
    store = open_on(server.url, prefix="healing:", timeout=20)
    client.config_set("proto-max-bulk-len", 1024 * 1024)
    payload = b'"' + b"x" * 5_000_000 + b'"'
    for _ in range(5):
        with pytest.raises(StoreError, match=r"5000002 bytes .* proto-max-bulk-len") as caught:
            store.set("id", payload, ttl=60)
        assert not isinstance(caught.value, StoreUnavailable)
    store.set("id", b"1", ttl=60)
    assert store.get("id") == b"1"


def test_something_else_under_the_key_is_an_error_that_names_the_prefix(
    server: Server, client: Any, open_on: Open
) -> None:
    store = open_on(server.url, prefix="healing:")
    client.hset("healing:hash", "field", "value")
    for read in (
        lambda: store.get("hash"),
        lambda: store.get_and_touch("hash", ttl=60),
        lambda: store.replace("hash", b"1", ttl=60, expected=b"1"),
    ):
        with pytest.raises(StoreError, match="prefix"):
            read()
    client.delete("healing:hash")


def test_a_cluster_reached_by_a_plain_url_is_an_error_that_says_what_to_give(
    databases: Databases, open_on: Open
) -> None:
    store = open_on(databases.get("redis-cluster").url)

    def write_to_every_server() -> None:
        for n in range(100):
            store.set(f"{n}", b"1", ttl=1)

    with pytest.raises(StoreError, match="RedisCluster client"):
        write_to_every_server()


def test_a_proxy_that_cuts_all_connections_costs_reads_nothing(
    server: Server, open_on: Open, open_proxy: OpenProxy
) -> None:
    proxy = open_proxy(server)
    store = open_on(server.url_at(proxy.port), prefix="healing:", timeout=10)
    store.set("id", b"1", ttl=60)
    for _ in range(20):
        proxy.cut()
        assert store.get("id") == b"1"
