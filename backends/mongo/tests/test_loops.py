"""The async store on event loops, with many tasks, with tasks that are cancelled, and after a fork."""

import asyncio
import gc
import os
import random
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psutil
import pytest
from databases.bench import Databases
from databases.proxy import Proxy
from databases.server import Server
from pymongo import MongoClient

from coatcheck.errors import StoreError, StoreUnavailable
from coatcheck.store import Replaced
from coatcheck_mongo import AsyncMongoStore, MongoStore

OpenProxy = Callable[[Server], Proxy]
A = b'{"cookie":{},"n":1}'
B = b'{"cookie":{},"n":2}'


@pytest.fixture
def server(databases: Databases) -> Server:
    return databases.own("mongodb")


@pytest.fixture
def dropped(server: Server, collection: str) -> Iterator[str]:
    """The name of a collection that is dropped in the end."""
    yield collection
    with MongoClient[Any](server.url) as client:
        client.get_default_database().drop_collection(collection)


@pytest.fixture
def store(server: Server, dropped: str) -> AsyncMongoStore:
    return AsyncMongoStore(server.url, collection=dropped, timeout=20)


def connections_to(server: Server) -> int:
    """Count this process's open connections to a server."""
    open_now = psutil.Process().net_connections("tcp")
    return sum(bool(found.raddr) and found.raddr.port == server.port for found in open_now)


def test_construction_needs_no_loop_and_no_server() -> None:
    before = threading.active_count()
    stores = [MongoStore("mongodb://nowhere.invalid/x"), AsyncMongoStore("mongodb://nowhere.invalid/x")]
    assert threading.active_count() == before
    assert "nowhere" not in repr(stores)


def test_each_loop_gets_a_client_of_its_own_and_closes_it(server: Server, store: AsyncMongoStore) -> None:
    async def use(number: int) -> bytes | None:
        await store.set(f"sid{number}", A, ttl=60)
        return await store.get("sid0")

    before = connections_to(server)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(5):
            assert asyncio.run(use(number)) == A
            assert connections_to(server) == before
        gc.collect()
    asyncio.run(store.aclose())


def test_a_loop_that_ran_before_may_run_on(store: AsyncMongoStore) -> None:
    with asyncio.Runner() as first, asyncio.Runner() as second:
        for _ in range(2):
            for runner in (first, second):
                runner.run(store.set("sid", A, ttl=60))
                assert runner.run(store.get("sid")) == A
        second.run(store.aclose())


def test_another_loop_in_another_thread_takes_over(server: Server, store: AsyncMongoStore) -> None:
    async def use() -> bytes | None:
        await store.set("sid", A, ttl=60)
        return await store.get("sid")

    async def main() -> None:
        assert await use() == A
        assert await asyncio.to_thread(asyncio.run, use()) == A
        assert await use() == A
        await store.aclose()
        await asyncio.sleep(0.1)

    asyncio.run(main())


def test_closing_on_another_loop_does_not_hang(server: Server, dropped: str) -> None:
    stores = [AsyncMongoStore(server.url, collection=dropped, timeout=1) for _ in range(2)]

    async def use(store: AsyncMongoStore) -> None:
        await store.set("sid", A, ttl=60)

    for store in stores:
        asyncio.run(use(store))
    with server.paused():
        start = time.monotonic()
        asyncio.run(stores[0].aclose())
        with pytest.raises(StoreUnavailable):
            asyncio.run(use(stores[1]))
        assert time.monotonic() - start < 6
    with pytest.raises(StoreError, match="is closed"):
        asyncio.run(use(stores[0]))
    asyncio.run(stores[1].aclose())


def test_closing_before_and_after_the_first_use_is_no_error(store: AsyncMongoStore) -> None:
    async def main() -> None:
        await store.aclose()
        await store.aclose()

    asyncio.run(main())


def test_a_burst_beyond_the_pool_waits_for_its_turn(server: Server, dropped: str) -> None:
    async def main() -> None:
        async with AsyncMongoStore(server.url, collection=dropped, pool_size=2, timeout=20) as store:
            await store.set("sid", A, ttl=600)
            assert await asyncio.gather(*(store.get("sid") for _ in range(200))) == [A] * 200

    asyncio.run(main())


def test_waiting_for_a_connection_ends_by_the_deadline(
    server: Server, open_proxy: OpenProxy, dropped: str
) -> None:
    proxy = open_proxy(server)

    async def main() -> None:
        url = server.url_at(proxy.port)
        async with AsyncMongoStore(url, collection=dropped, pool_size=1, timeout=1) as store:
            await store.set("sid", A, ttl=600)
            proxy.freeze()
            start = time.monotonic()
            calls = [store.get("sid") for _ in range(10)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert time.monotonic() - start < 3
            assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
            proxy.pass_on()
            assert await eventually(lambda: store.get("sid")) == A

    asyncio.run(main())


async def eventually(call: Callable[[], Awaitable[bytes | None]]) -> bytes | None:
    for _ in range(100):
        try:
            return await call()
        except StoreUnavailable:
            await asyncio.sleep(0.1)
    return await call()


@pytest.mark.parametrize("stringify", [True, False])
def test_cancelled_calls_leave_the_old_or_the_new_payload_and_a_usable_store(
    server: Server, dropped: str, stringify: bool
) -> None:
    async def main() -> None:
        chance = random.Random(1)
        async with AsyncMongoStore(
            server.url, collection=dropped, pool_size=3, stringify=stringify, timeout=20
        ) as store:
            await store.set("sid", A, ttl=600)
            for number in range(150):
                calls = [store.set("sid", B, ttl=600), store.replace("sid", A, ttl=600, expected=B)]
                task = asyncio.create_task(calls[number % 2])
                calls[1 - number % 2].close()
                await asyncio.sleep(chance.random() * 0.003)
                task.cancel()
                await asyncio.wait([task])
                assert await store.get("sid") in (A, B)
            assert (
                await asyncio.gather(*(store.destroy("sid") for _ in range(20)))
                in (
                    [True] + [False] * 19,
                    sorted([True] + [False] * 19, reverse=True),
                )
                or await store.get("sid") is None
            )

    with warnings.catch_warnings():
        # The driver leaves the socket of a connection that is cancelled while it is made to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(main())
        gc.collect()


def test_the_deadline_does_not_outlive_its_call(store: AsyncMongoStore) -> None:
    async def main() -> None:
        async with store:
            for _ in range(3):
                await store.set("sid", A, ttl=60)
                await asyncio.sleep(0.05)
                listing = store.ids()
                assert await anext(listing) == "sid"
                import pymongo._csot

                assert pymongo._csot.get_timeout() is None

    asyncio.run(main())


@pytest.mark.parametrize("kind", [MongoStore, AsyncMongoStore])
def test_a_fork_before_first_use_is_survived(server: Server, dropped: str, kind: type) -> None:
    store = kind(server.url, collection=dropped, timeout=20)
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests have left threads
        child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writer, use_once(store, "child"))
            status = 0
        finally:
            os._exit(status)
    assert use_once(store, "parent") == A
    assert os.read(reader, 100) == A
    assert os.waitpid(child, 0)[1] == 0
    os.close(reader)
    os.close(writer)


def use_once(store: Any, sid: str) -> bytes:
    async def use() -> bytes:
        async with store:
            await store.set(sid, A, ttl=60)
            return await store.get(sid) or b""

    if isinstance(store, AsyncMongoStore):
        return asyncio.run(use())
    with store:
        store.set(sid, A, ttl=60)
        return store.get(sid) or b""


def test_many_tasks_replace_and_one_wins_each_round(store: AsyncMongoStore) -> None:
    async def main() -> None:
        async with store:
            payload = b'{"n":-1}'
            await store.set("sid", payload, ttl=600)
            for number in range(50):
                news = [b'{"n":%d,"by":%d}' % (number, writer) for writer in range(16)]
                outcomes = await asyncio.gather(
                    *(store.replace("sid", new, ttl=600, expected=payload) for new in news)
                )
                won = [new for new, outcome in zip(news, outcomes, strict=True) if outcome.written]
                assert len(won) == 1
                assert set(outcomes) == {Replaced(True), Replaced(False, won[0])}
                payload = won[0]
                assert await store.get("sid") == payload

    asyncio.run(main())


def test_a_destroyed_record_is_never_revived(store: AsyncMongoStore) -> None:
    async def main() -> None:
        async with store:
            for _ in range(100):
                await store.set("sid", A, ttl=600)
                replaced, destroyed, touched, read = await asyncio.gather(
                    store.replace("sid", B, ttl=600, expected=A),
                    store.destroy("sid"),
                    store.touch("sid", ttl=600),
                    store.get_and_touch("sid", ttl=6000),
                )
                assert destroyed
                assert replaced in (Replaced(True), Replaced(False))
                assert (touched, read) in {(t, r) for t in (True, False) for r in (A, B, None)}
                assert await store.get("sid") is None

    asyncio.run(main())
