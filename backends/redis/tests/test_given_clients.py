"""Clients that were given: their connection arguments are used, they themselves are not."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
import redis
import redis.asyncio
from databases.bench import Databases
from redis import sentinel as blocking_driver
from redis.asyncio import sentinel as async_driver
from redis.backoff import NoBackoff
from redis.retry import Retry

from coatcheck.errors import ConfigurationError, StoreError
from coatcheck.store import Store
from coatcheck_redis import AsyncRedisStore, RedisStore

Open = Callable[..., Store]
KINDS = ["redis-8.2", "redis-cluster", "redis-sentinel"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_given_client_sends_nothing_and_stays_open(kind: str, databases: Databases) -> None:
    server = databases.get(kind)
    client = make(redis, server)
    client.ping()
    sent: list[object] = []
    client.execute_command = lambda *arguments, **_options: sent.append(arguments)
    store = RedisStore(client, prefix="given:")
    use(store)
    store.close()
    assert sent == []
    del client.execute_command
    assert client.ping()
    client.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_given_async_client_sends_nothing_and_stays_open(kind: str, databases: Databases) -> None:
    server = databases.get(kind)

    async def run() -> None:
        client = make(redis.asyncio, server)
        await client.ping()
        store = AsyncRedisStore(client, prefix="given:")
        original, sent = client.execute_command, []
        client.execute_command = lambda *arguments, **_options: sent.append(arguments)
        await store.set("id", b"1", ttl=60)
        assert await store.get_and_touch("id", ttl=60) == b"1"
        assert [sid async for sid in store.ids()] == ["id"]
        await store.clear()
        await store.aclose()
        assert sent == []
        client.execute_command = original
        assert await client.ping()
        await client.aclose()
        if kind == "redis-sentinel":
            for sentinel in client.connection_pool.sentinel_manager.sentinels:
                await sentinel.aclose()

    asyncio.run(run())


def make(driver: Any, server: Any) -> Any:
    if server.kind == "redis-cluster":
        return driver.RedisCluster.from_url(server.url)
    if server.kind == "redis-sentinel":
        sentinel: Any = async_driver.Sentinel if driver is redis.asyncio else blocking_driver.Sentinel
        return sentinel(server.sentinels).master_for(server.service)
    return driver.Redis.from_url(server.url)


def use(store: Store) -> None:
    store.set("id", b"1", ttl=60)
    assert store.get_and_touch("id", ttl=60) == b"1"
    assert store.replace("id", b"2", ttl=60, expected=b"1").written
    assert list(store.all()) == [("id", b"2")]
    store.ping()
    store.clear()
    assert store.length() == 0


@pytest.mark.parametrize(
    "options",
    [
        {"decode_responses": True},
        {"decode_responses": True, "encoding": "latin-1"},
        {"protocol": 2},
        {"protocol": 3},
        {"health_check_interval": 1},
        {"max_connections": 1},
        {"single_connection_client": True},
        {"socket_timeout": 0.000001},
        {"retry": Retry(NoBackoff(), 10), "retry_on_error": [redis.ConnectionError]},
        {"client_name": "the-application"},
    ],
)
def test_a_client_with_any_options_serves(
    options: dict[str, Any], databases: Databases, open_on: Open, kind_of_code: str
) -> None:
    driver: Any = redis.asyncio if kind_of_code == "async" else redis
    server = databases.get("redis-8.2")
    client = driver.Redis(host=server.host, port=server.port, **options)
    use(open_on(client, prefix="options:"))


def test_the_clients_login_and_database_are_used(
    databases: Databases, open_on: Open, kind_of_code: str
) -> None:
    driver: Any = redis.asyncio if kind_of_code == "async" else redis
    server = databases.own("redis-8.2")
    with redis.Redis(host=server.host, port=server.port, db=3) as admin:
        admin.acl_setuser(
            "visitor", enabled=True, passwords=["+the-password"], keys=["*"], commands=["+@all"]
        )
        client = driver.Redis(
            host=server.host, port=server.port, db=3, username="visitor", password="the-password"
        )
        store = open_on(client, prefix="login:")
        store.set("id", b"1", ttl=60)
        assert admin.get("login:id") == b"1"
        url = server.url_at(server.port).replace("redis://", "redis://visitor:wrong@")
        with pytest.raises(StoreError, match="user and password") as caught:
            open_on(url).get("id")
        assert "wrong" not in f"{caught.value!r} {caught.value.__cause__!r} {open_on(url)!r}"
        admin.acl_deluser("visitor")


def test_a_users_missing_permission_is_an_error_that_names_the_acl(
    databases: Databases, open_on: Open
) -> None:
    server = databases.own("redis-8.2")
    with redis.Redis.from_url(server.url) as admin:
        admin.acl_setuser("reader", enabled=True, nopass=True, keys=["*"], commands=["+get"])
        store = open_on(server.url_at(server.port).replace("redis://", "redis://reader:any@"))
        assert store.get("no such id") is None
        with pytest.raises(StoreError, match="ACL"):
            store.set("id", b"1", ttl=60)
        admin.acl_deluser("reader")


def test_the_other_kind_of_client_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="AsyncRedisStore"):
        RedisStore(redis.asyncio.Redis())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="for RedisStore"):
        AsyncRedisStore(redis.Redis())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="not int"):
        RedisStore(6379)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_a_replica_of_sentinel_is_refused() -> None:
    sentinel: Any = blocking_driver.Sentinel
    replica = sentinel([("127.0.0.1", 26379)]).slave_for("any")
    with pytest.raises(ConfigurationError, match="master_for"):
        RedisStore(replica)


def test_a_connection_class_that_repeats_by_itself_is_refused() -> None:
    class Stubborn(redis.Connection):
        def __init__(self, **options: Any) -> None:
            cast(Any, super()).__init__(**options)
            self.retry = Retry(NoBackoff(), 3)

    with pytest.raises(ConfigurationError, match=r"Stubborn .* 0 retries"):
        RedisStore(redis.Redis(connection_pool=redis.ConnectionPool(connection_class=Stubborn)))


def test_constructing_needs_no_server_no_loop_and_no_thread() -> None:
    before = threading.active_count()
    for store in (
        RedisStore("redis://no.such.host.invalid"),
        AsyncRedisStore("redis://no.such.host.invalid"),
        RedisStore(redis.Redis(host="no.such.host.invalid")),
        AsyncRedisStore(redis.asyncio.Redis(host="no.such.host.invalid")),
        AsyncRedisStore(redis.asyncio.RedisCluster(host="no.such.host.invalid")),
    ):
        assert "no.such.host.invalid" in repr(store)
    assert threading.active_count() == before
