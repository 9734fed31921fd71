"""What goes over the wire: one turn an operation, the layout's commands, connect-redis's records."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from databases.bench import Databases
from databases.plugin import OpenProxy
from databases.server import Server

from coatcheck.store import Store

Open = Callable[..., Store]

OPERATIONS: dict[str, tuple[Callable[[Store], Any], dict[str, int]]] = {
    "get": (lambda store: store.get("id"), {"get": 1}),
    "set": (lambda store: store.set("id", b"1", ttl=60), {"set": 1}),
    "set without lifetime": (lambda store: store.set("id", b"1", ttl=0), {"unlink": 1}),
    "destroy": (lambda store: store.destroy("id"), {"unlink": 1}),
    "touch": (lambda store: store.touch("id", ttl=70), {"pexpire": 1}),
    "touch without lifetime": (lambda store: store.touch("id", ttl=0), {"unlink": 1}),
    "get and touch": (
        lambda store: store.get_and_touch("id", ttl=90),
        {"evalsha": 1, "get": 1, "pttl": 1, "pexpire": 1},
    ),
    "get and touch within the slack": (
        lambda store: store.get_and_touch("id", ttl=61, slack=10),
        {"evalsha": 1, "get": 1, "pttl": 1},
    ),
    "replace": (lambda store: store.replace("id", b"2", ttl=60), {"set": 1}),
    "replace without lifetime": (lambda store: store.replace("id", b"2", ttl=0), {"unlink": 1}),
    "replace expected": (
        lambda store: store.replace("id", b"2", ttl=60, expected=b"1"),
        {"evalsha": 1, "get": 1, "set": 1},
    ),
    "replace expected, refused": (
        lambda store: store.replace("id", b"2", ttl=60, expected=b"0"),
        {"evalsha": 1, "get": 1},
    ),
    "replace expected without lifetime": (
        lambda store: store.replace("id", b"2", ttl=0, expected=b"1"),
        {"evalsha": 1, "get": 1, "unlink": 1},
    ),
    "ping": (lambda store: store.ping(), {"ping": 1}),
    "ids": (lambda store: list(store.ids()), {"scan": 1}),
    "all": (lambda store: list(store.all()), {"scan": 1, "get": 1}),
    "length": (lambda store: store.length(), {"scan": 1}),
    "clear": (lambda store: store.clear(), {"scan": 1, "unlink": 1}),
}
TURNS = {"all": 2, "clear": 2}


@pytest.fixture(params=["redis-6.2", "redis-7.0", "redis-8.2"])
def server(request: pytest.FixtureRequest, databases: Databases) -> Server:
    # Nobody else may send commands meanwhile, or have thousands of keys.
    return databases.own(request.param)


def commands_counted(client: Any) -> dict[str, int]:
    statistics = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): counted["calls"] for name, counted in statistics.items()}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_one_turn_of_the_commands_in_the_layout(
    name: str, server: Server, open_on: Open, open_proxy: OpenProxy
) -> None:
    operation, expected = OPERATIONS[name]
    with redis.Redis.from_url(server.url) as client, open_proxy(server) as proxy:
        client.flushdb()
        store = open_on(server.url_at(proxy.port))
        store.set("id", b"1", ttl=60)
        operation(store)  # the server knows the script from here on
        store.set("id", b"1", ttl=60)
        client.config_resetstat()
        proxy.reset()
        operation(store)
        assert (proxy.turns, proxy.connections) == (TURNS.get(name, 1), 0)
        counted = commands_counted(client)
    assert {
        name: calls for name, calls in counted.items() if name not in {"config|resetstat", "config"}
    } == expected


def test_a_record_is_what_connect_redis_writes(server: Server, open_on: Open) -> None:
    payload = b'{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"n":1}'
    store = open_on(server.url)
    with redis.Redis.from_url(server.url) as client:
        store.set("the id", payload, ttl=59.5)
        assert client.type("sess:the id") == b"string"
        assert client.get("sess:the id") == payload
        assert 58_000 < client.pttl("sess:the id") <= 59_500
        client.set("sess:from node", payload, ex=60)
        assert store.get("from node") == payload
        client.set("sess:without end", payload)
        assert store.get_and_touch("without end", ttl=60) == payload
        assert client.pttl("sess:without end") == -1
        assert store.replace("without end", b"{}", ttl=60, expected=payload).written
        assert 0 < client.pttl("sess:without end") <= 60_000


def test_a_lifetime_is_kept_to_the_millisecond_and_for_a_century(server: Server, open_on: Open) -> None:
    store = open_on(server.url)
    with redis.Redis.from_url(server.url) as client:
        for ttl in (0.7, 3600.25, 100 * 366 * 86400.0, 1e12):
            store.set("id", b"1", ttl=ttl)
            assert ttl * 1000 - 500 < client.pttl("sess:id") <= ttl * 1000
            assert store.touch("id", ttl=ttl)
            assert store.replace("id", b"2", ttl=ttl).written
            assert store.replace("id", b"1", ttl=ttl, expected=b"2").written
            assert ttl * 1000 - 500 < client.pttl("sess:id") <= ttl * 1000
        store.set("id", b"1", ttl=1e300)
        assert store.get_and_touch("id", ttl=1e300, slack=1e300) == b"1"


def test_the_first_call_of_a_script_takes_one_turn_more(
    server: Server, open_on: Open, open_proxy: OpenProxy
) -> None:
    with redis.Redis.from_url(server.url) as client, open_proxy(server) as proxy:
        store = open_on(server.url_at(proxy.port))
        store.set("id", b"1", ttl=60)
        client.script_flush()
        for turns in (2, 1):
            proxy.reset()
            assert store.get_and_touch("id", ttl=60) == b"1"
            assert proxy.turns == turns
