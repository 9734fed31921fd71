"""Forking: before and after the first use, parent and child go on with connections of their own."""

import asyncio
import os
import sys
import warnings
from collections.abc import Callable

import pytest
import redis
from databases.bench import Databases
from databases.plugin import OpenProxy

from coatcheck.store import Store
from coatcheck_redis import AsyncRedisStore, RedisStore

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def in_a_fork(work: Callable[[], None], meanwhile: Callable[[], None]) -> int:
    """Run work in a fork of this process, something else here meanwhile, and return the exit status."""
    with warnings.catch_warnings():
        # Python 3.12 warns of threads; those of the test bench hold no lock that the child needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException as error:  # noqa: BLE001 (the child must not go on as a second test run)
            sys.stderr.write(repr(error))
        finally:
            os._exit(status)
    meanwhile()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def use(store: Store, name: str) -> None:
    for n in range(50):
        store.set(name, b"%d" % n, ttl=60)
        assert store.get(name) == b"%d" % n
        assert store.get_and_touch(name, ttl=60) == b"%d" % n


@pytest.mark.parametrize("used_before", [False, True])
@pytest.mark.parametrize("kind", ["redis-8.2", "redis-cluster"])
def test_a_blocking_store_survives_a_fork(kind: str, used_before: bool, databases: Databases) -> None:
    url = databases.get(kind).url
    client = redis.RedisCluster.from_url(url) if kind == "redis-cluster" else redis.Redis.from_url(url)
    store = RedisStore(client, prefix="forked:", timeout=10)
    if used_before:
        use(store, "parent")

    def in_child() -> None:
        use(store, "child")
        store.close()

    assert in_a_fork(in_child, lambda: use(store, "parent")) == 0
    use(store, "parent")
    store.clear()
    store.close()


@pytest.mark.parametrize("used_before", [False, True])
def test_an_async_store_survives_a_fork_with_a_loop_in_each_process(
    used_before: bool, databases: Databases
) -> None:
    store = AsyncRedisStore(databases.get("redis-8.2").url, prefix="forked:", timeout=10)

    async def use_once() -> None:
        await store.set("id", b"1", ttl=60)
        assert await store.get("id") == b"1"

    if used_before:
        asyncio.run(use_once())
    assert in_a_fork(lambda: asyncio.run(use_once()), lambda: asyncio.run(use_once())) == 0
    asyncio.run(use_once())
    asyncio.run(store.aclose())


def test_the_child_never_uses_a_connection_of_the_parent(databases: Databases, open_proxy: OpenProxy) -> None:
    server = databases.get("redis-8.2")
    proxy = open_proxy(server)
    with RedisStore(server.url_at(proxy.port), prefix="forked:", timeout=10) as store:
        use(store, "parent")
        proxy.reset()
        assert in_a_fork(lambda: use(store, "child"), lambda: None) == 0
        assert proxy.connections == 1
        use(store, "parent")
        assert proxy.connections == 1
        store.clear()
