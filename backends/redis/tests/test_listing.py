"""Listing, counting and clearing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from databases.bench import Databases
from databases.plugin import OpenProxy
from databases.server import Server

from coatcheck.errors import StoreUnavailable
from coatcheck.store import Store
from coatcheck_redis.layout import BATCH, Layout
from coatcheck_redis.listing import Listing

Open = Callable[..., Store]


@pytest.fixture(params=["redis-6.2", "redis-8.2", "redis-cluster"])
def server(request: pytest.FixtureRequest, databases: Databases) -> Server:
    return databases.get(request.param)


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    """A client of the driver for one server or the cluster, which is emptied."""
    driver: Any = redis.RedisCluster if server.kind == "redis-cluster" else redis.Redis
    with driver.from_url(server.url) as client:
        client.flushdb(**({"target_nodes": driver.PRIMARIES} if server.kind == "redis-cluster" else {}))
        yield client


def test_wildcards_in_a_prefix_are_literal(server: Server, client: Any, open_for: Open) -> None:
    prefixes = ["s*s:", "s?s:", "s[e]s:", "s\\*s:", "ses:", "s^s:", "sä:"]
    stores = {prefix: open_for(server, prefix=prefix) for prefix in prefixes}
    for prefix, store in stores.items():
        store.set(f"of {prefix}", b"1", ttl=60)
    for prefix, store in stores.items():
        assert list(store.ids()) == [f"of {prefix}"]
    stores["s*s:"].clear()
    assert [store.length() for store in stores.values()] == [0, 1, 1, 1, 1, 1, 1]


def test_what_is_no_string_or_no_text_is_left_alone(server: Server, client: Any, open_for: Open) -> None:
    store = open_for(server)
    store.set("id", b"1", ttl=60)
    client.hset("sess:hash", "field", "value")
    client.set(b"sess:\xff", b"1")
    assert list(store.ids()) == ["id"]
    assert list(store.all()) == [("id", b"1")]
    assert store.length() == 1
    store.clear()
    assert client.exists("sess:hash")
    assert not client.exists(b"sess:\xff")


def test_every_record_is_listed_once_and_cleared_in_batches(
    server: Server, client: Any, open_for: Open
) -> None:
    number = BATCH * 3 + 7
    store = open_for(server)
    with client.pipeline() as pipeline:
        for n in range(number):
            pipeline.set(f"sess:{n}", str(n), ex=60)
            pipeline.set(f"other:{n}", "1", ex=60)
        pipeline.execute()
    ids = list(store.ids())
    assert len(ids) == number
    assert set(ids) == {str(n) for n in range(number)}
    records = list(store.all())
    assert len(records) == number
    assert dict(records) == {str(n): str(n).encode() for n in range(number)}
    assert store.length() == number
    store.clear()
    assert store.length() == 0
    assert sum(1 for _ in client.scan_iter("other:*", count=1000)) == number


def test_writes_during_a_listing_hide_and_double_nothing(server: Server, client: Any, open_for: Open) -> None:
    store = open_for(server)
    stays = {f"stays-{n}" for n in range(BATCH)}
    with client.pipeline() as pipeline:
        for sid in stays:
            pipeline.set(f"sess:{sid}", "1", ex=60)
        for n in range(BATCH):
            pipeline.set(f"sess:goes-{n}", "1", ex=60)
        pipeline.execute()
    listed: list[str] = []
    for number, (sid, _) in enumerate(store.all()):
        listed.append(sid)
        if number % 10 == 0:
            store.destroy(f"goes-{number // 10}")
            store.set(f"comes-{number}", b"1", ttl=60)
    assert len(listed) == len(set(listed))
    assert stays <= set(listed)


def test_a_key_that_is_found_twice_is_given_once() -> None:
    listing = Listing(Layout("sess:"), ["a server"], losses=0)
    assert listing.advance((b"7", [b"sess:a", b"sess:b", b"sess:a"]), 0) == [b"sess:a", b"sess:b"]
    assert listing.command.parts[1] == b"7"
    assert listing.advance((b"0", [b"sess:b", b"sess:c"]), 0) == [b"sess:c"]
    assert not listing.unfinished


def test_after_a_lost_connection_the_listing_begins_anew_once() -> None:
    listing = Listing(Layout("sess:"), ["first", "second"], losses=5)
    listing.advance((b"0", [b"sess:a"]), 5)
    assert listing.node == "second"
    assert listing.advance((b"9", [b"sess:b"]), 6) == []
    assert (listing.node, listing.command.parts[1]) == ("first", b"0")
    assert listing.advance((b"0", [b"sess:a", b"sess:z"]), 6) == [b"sess:z"]
    assert listing.advance((b"0", [b"sess:b"]), 6) == [b"sess:b"]
    assert not listing.unfinished
    with pytest.raises(StoreUnavailable, match="lost twice"):
        listing.advance((b"0", []), 7)


def test_a_listing_survives_one_cut_connection(
    databases: Databases, open_on: Open, open_proxy: OpenProxy
) -> None:
    server = databases.get("redis-8.2")
    proxy = open_proxy(server)
    store = open_on(server.url_at(proxy.port), prefix="cut listing:")
    number = BATCH * 2
    with redis.Redis.from_url(server.url) as client, client.pipeline() as pipeline:
        for n in range(number):
            pipeline.set(f"cut listing:{n}", "1", ex=60)
        pipeline.execute()
    listed: list[str] = []
    for n, sid in enumerate(store.ids()):
        listed.append(sid)
        if n == 10:
            proxy.cut()
    assert len(listed) == number
    assert set(listed) == {str(n) for n in range(number)}
    store.clear()
