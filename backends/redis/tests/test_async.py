"""What concerns async code alone: loops, tasks and their cancellation."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis
import redis.asyncio
from databases.bench import Databases
from databases.plugin import OpenProxy
from databases.processes import eventually
from databases.server import Server

from coatcheck.errors import ConfigurationError, StoreError, StoreUnavailable
from coatcheck_redis import AsyncRedisStore

LONG = 30.0


@pytest.fixture
def server(databases: Databases) -> Server:
    return databases.get("redis-8.2")


async def use(store: AsyncRedisStore) -> None:
    await store.set("id", b"1", ttl=60)
    assert await store.get_and_touch("id", ttl=60) == b"1"
    assert await store.destroy("id")


def test_a_store_from_a_url_serves_one_loop_after_the_other(server: Server) -> None:
    store = AsyncRedisStore(server.url, prefix="loops:")
    for _ in range(3):
        asyncio.run(use(store))
    asyncio.run(store.aclose())
    with pytest.raises(StoreError, match="closed"):
        asyncio.run(use(store))


def test_connections_end_with_their_loop_without_a_warning(server: Server) -> None:
    store = AsyncRedisStore(f"{server.url}?client_name=left-open", prefix="loops:")
    asyncio.run(use(store))
    with redis.Redis.from_url(server.url) as client:
        eventually("the end", lambda: "left-open" not in names(client) or None)
    del store
    gc.collect()  # a transport that is not closed would warn


def names(client: Any) -> set[str]:
    return {connection["name"] for connection in client.client_list()}


def test_two_loops_in_turn_are_served(server: Server) -> None:
    store = AsyncRedisStore(server.url, prefix="loops:")
    with asyncio.Runner() as first, asyncio.Runner() as second:
        for _ in range(3):
            first.run(use(store))
            second.run(use(store))
        first.run(store.aclose())


def test_a_given_client_belongs_to_one_loop(server: Server) -> None:
    store = AsyncRedisStore(redis.asyncio.Redis.from_url(server.url), prefix="loops:")
    asyncio.run(use(store))
    with pytest.raises(ConfigurationError, match="event loop"):
        asyncio.run(use(store))
    asyncio.run(store.aclose())


def test_closing_from_another_loop_or_before_any_use_is_no_error(server: Server) -> None:
    store = AsyncRedisStore(server.url)
    asyncio.run(store.aclose())
    store = AsyncRedisStore(server.url)
    asyncio.run(use(store))
    asyncio.run(store.aclose())
    asyncio.run(store.aclose())


OPERATIONS: list[Callable[[AsyncRedisStore], Awaitable[Any]]] = [
    lambda store: store.get("id"),
    lambda store: store.set("id", b"2", ttl=60),
    lambda store: store.touch("id", ttl=60),
    lambda store: store.get_and_touch("id", ttl=60),
    lambda store: store.replace("id", b"2", ttl=60, expected=b"1"),
    lambda store: store.length(),
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_cancelled_call_leaves_a_usable_store_and_no_reply_for_others(
    operation: Callable[[AsyncRedisStore], Awaitable[Any]], server: Server, open_proxy: OpenProxy
) -> None:
    proxy = open_proxy(server)

    async def run() -> None:
        async with AsyncRedisStore(server.url_at(proxy.port), prefix="cancelled:", timeout=LONG) as store:
            await store.set("id", b"1", ttl=60)
            await store.set("other", b"other", ttl=60)
            proxy.delay_replies(0.05)
            for moment in range(12):
                task = asyncio.ensure_future(operation(store))
                await asyncio.sleep(moment / 100)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert await store.get("other") == b"other"
                assert await store.get("id") in {b"1", b"2"}
            proxy.pass_on()
            await store.clear()

    asyncio.run(run())


def test_a_cancelled_call_leaves_the_other_connections_alone(server: Server, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(server)

    async def run() -> None:
        async with AsyncRedisStore(server.url_at(proxy.port), timeout=LONG) as store:
            await asyncio.gather(*(store.get("id") for _ in range(5)))
            proxy.reset()
            proxy.delay_replies(0.3)
            task = asyncio.ensure_future(store.get("id"))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            proxy.pass_on()
            await asyncio.gather(*(store.get("id") for _ in range(4)))
            assert proxy.connections == 0

    asyncio.run(run())


def test_tasks_beyond_the_pool_wait_for_their_turn(server: Server, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(server)

    async def run() -> None:
        url = server.url_at(proxy.port)
        async with AsyncRedisStore(url, prefix="burst:", timeout=LONG, pool_size=4) as store:
            await asyncio.gather(*(store.set(f"{n}", b"%d" % n, ttl=60) for n in range(300)))
            found = await asyncio.gather(*(store.get(f"{n}") for n in range(300)))
            assert found == [b"%d" % n for n in range(300)]
            assert proxy.connections <= 4
            await store.clear()

    asyncio.run(run())


def test_waiting_for_a_connection_ends_with_the_deadline(server: Server, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(server)

    async def run() -> None:
        async with AsyncRedisStore(server.url_at(proxy.port), timeout=0.4, pool_size=1) as store:
            await store.get("id")
            proxy.freeze()
            begun = asyncio.get_running_loop().time()
            outcomes = await asyncio.gather(*(store.get("id") for _ in range(10)), return_exceptions=True)
            assert asyncio.get_running_loop().time() - begun < 3
            assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
            proxy.pass_on()
            await store.get("id")

    asyncio.run(run())


def test_of_rivals_one_wins_and_the_others_learn_what_is_there(server: Server) -> None:
    async def run() -> None:
        async with AsyncRedisStore(server.url, prefix="rivals:", timeout=LONG) as store:
            for number in range(20):
                before = b"%d" % number
                after = [b"%d-%d" % (number, rival) for rival in range(8)]
                await store.set("id", before, ttl=60)
                outcomes = await asyncio.gather(
                    *(store.replace("id", payload, ttl=60, expected=before) for payload in after)
                )
                (winner,) = [p for p, outcome in zip(after, outcomes, strict=True) if outcome.written]
                assert await store.get("id") == winner
                assert all(outcome.written or outcome.current == winner for outcome in outcomes)

    asyncio.run(run())


def test_a_listing_that_is_not_finished_holds_no_connection(server: Server) -> None:
    async def run() -> None:
        async with AsyncRedisStore(server.url, prefix="unfinished:", pool_size=1) as store:
            await store.set("a", b"1", ttl=60)
            await store.set("b", b"1", ttl=60)
            async for sid, payload in store.all():
                assert await store.get(sid) == payload
                break
            await store.clear()

    asyncio.run(run())


def test_after_a_timeout_no_idle_connection_is_trusted(server: Server, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(server)

    async def run() -> None:
        async with AsyncRedisStore(server.url_at(proxy.port), timeout=5) as store:
            await asyncio.gather(*(store.get("id") for _ in range(5)))
            proxy.freeze()
            with pytest.raises(StoreUnavailable):
                await store.get("id")
            proxy.frozen = False  # and the old connections would do
            proxy.reset()
            await asyncio.gather(*(store.get("id") for _ in range(5)))
            assert proxy.connections == 5

    asyncio.run(run())
