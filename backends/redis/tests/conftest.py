"""Redis stores, blocking and async, each behind a blocking face, on real servers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from databases.redis_servers import RedisCluster, RedisSentinel
from databases.server import Server
from faces import AwaitedStore
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.sentinel import Sentinel

from coatcheck.store import Store
from coatcheck_redis import AsyncRedisStore, RedisStore

Open = Callable[..., Store]


@pytest.fixture(params=["blocking", "async"])
def kind_of_code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_on(kind_of_code: str) -> Iterator[Open]:
    """Open a store on a URL or a client, until the end of the test."""
    opened: list[Store] = []

    def open_on(where: Any, **options: Any) -> Store:
        awaited = kind_of_code == "async"
        opened.append(
            AwaitedStore(AsyncRedisStore(where, **options)) if awaited else RedisStore(where, **options)
        )
        return opened[-1]

    yield open_on
    for store in opened:
        store.close()
        if isinstance(store, AwaitedStore):
            store.stop()


@pytest.fixture
def make_client(kind_of_code: str) -> Callable[..., Any]:
    """Make a client of the driver for a server of any kind."""
    driver: Any = redis.asyncio if kind_of_code == "async" else redis
    sentinel: Any = AsyncSentinel if kind_of_code == "async" else Sentinel

    def make_client(server: Server, **options: Any) -> Any:
        if isinstance(server, RedisSentinel):
            return sentinel(server.sentinels, **options).master_for(server.service, **options)
        if isinstance(server, RedisCluster):
            return driver.RedisCluster.from_url(server.url, **options)
        return driver.Redis.from_url(server.url, **options)

    return make_client


@pytest.fixture
def open_for(open_on: Open, make_client: Callable[..., Any]) -> Open:
    """Open a store for a server of any kind: by its URL where that is possible."""

    def open_for(server: Server, **options: Any) -> Store:
        needs_client = isinstance(server, RedisSentinel | RedisCluster)
        return open_on(make_client(server) if needs_client else server.url, **options)

    return open_for
