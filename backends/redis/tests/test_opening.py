"""Stores by URL, their options, and what is refused."""

import re
from collections.abc import Callable
from importlib.metadata import entry_points
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import redis
from databases.bench import Databases
from databases.server import Server

import coatcheck_redis
from coatcheck import open_async_store, open_store
from coatcheck.errors import ConfigurationError, StoreError
from coatcheck.store import Store, Supports
from coatcheck_redis import AsyncRedisStore, RedisStore

Open = Callable[..., Store]
KINDS: list[Any] = [RedisStore, AsyncRedisStore]


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix"])
def test_the_schemes_are_registered(scheme: str) -> None:
    (entry,) = entry_points(group="coatcheck.backends", name=scheme)
    assert entry.load() is coatcheck_redis


def test_open_store_finds_the_stores_and_their_options() -> None:
    store = open_store(
        "redis://:secret@example.org:6380/2?prefix=shop:&timeout=0.5&pool_size=3&client_name=x"
    )
    assert repr(store) == "<RedisStore on example.org:6380/2 with prefix='shop:'>"
    awaited = open_async_store("rediss://example.org", prefix="a*")
    assert repr(awaited) == "<AsyncRedisStore on example.org:6379/0 with prefix='a*'>"
    assert (
        repr(open_store("unix:///run/redis.sock?db=1"))
        == "<RedisStore on /run/redis.sock/1 with prefix='sess:'>"
    )


def test_everything_but_pruning_is_offered() -> None:
    for kind in KINDS:
        assert kind("redis://example.org").supports == Supports(
            touch=True, get_and_touch=True, replace=True, ids=True, all=True, length=True, clear=True
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://example.org", "redis://, rediss:// or unix://"),
        ("redis:example.org", "redis://, rediss:// or unix://"),
        ("redis://:pa/ss@example.org", "percent-encode"),
        ("redis://example.org:port", "percent-encode"),
        ("redis://example.org/0?db=first", "numbers"),
        ("redis://example.org/sessions", "number of the database"),
        ("redis://example.org?client_nam=x", "did you mean 'client_name'"),
        ("redis://example.org?timeout=1", "no connection argument 'timeout'"),
        ("rediss://example.org?ssl_cert_reqs=some", "refuses the connection arguments"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_when_the_store_is_made(kind: Any, url: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text) as refused:
        kind(url)
    assert "pa/ss" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"prefix": b"sess:"}, TypeError, "prefix is a str, not bytes"),
        ({"timeout": "1"}, TypeError, "timeout is a number of seconds, not str"),
        ({"timeout": 0}, ConfigurationError, "above zero, not 0"),
        ({"timeout": float("inf")}, ConfigurationError, "finite"),
        ({"timeout": float("nan")}, ConfigurationError, "finite"),
        ({"pool_size": 1.5}, TypeError, "pool_size is an int, not float"),
        ({"pool_size": True}, TypeError, "pool_size is an int, not bool"),
        ({"pool_size": 0}, ConfigurationError, "1 or more, not 0"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(
    kind: Any, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        kind("redis://example.org", **options)


def test_query_keys_of_the_driver_reach_it(databases: Databases, open_on: Open) -> None:
    server: Server = databases.own("redis-8.2")
    store = open_on(
        f"{server.url}?client_name=the-shop&socket_timeout=0.000001&retry_on_timeout=true&max_connections=1"
    )
    store.get("id")
    with redis.Redis.from_url(server.url) as client:
        assert "the-shop" in {found["name"] for found in client.client_list()}


def test_no_password_is_in_any_error_or_repr(databases: Databases, open_on: Open) -> None:
    server = databases.get("redis-8.2")
    for url in (
        server.url_at(server.port).replace("redis://", "redis://somebody:a-secret@"),
        "redis://somebody:a-secret@127.0.0.1:1/0",
        "redis://somebody:a-secret@no.such.host.invalid/0",
    ):
        store = open_on(url)
        with pytest.raises(StoreError) as caught:
            store.get("the-secret-id")
        shown = repr(store)
        error: BaseException | None = caught.value
        while error is not None:
            shown += f"{error!r} {error}"
            error = error.__cause__ or error.__context__
        assert "a-secret" not in shown
        assert "the-secret-id" not in shown


def test_the_documentation_has_every_option_with_its_default() -> None:
    page = (Path(__file__).parents[3] / "docs" / "redis.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r'^\| `(\w+)` \| [^|]*\| `"?([^`"]*)"?` \|', page, re.MULTILINE))
    for opener in (coatcheck_redis.open, coatcheck_redis.open_async):
        parameters = list(signature(opener).parameters.values())[1:]
        assert documented == {parameter.name: str(parameter.default) for parameter in parameters}
