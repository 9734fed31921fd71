"""Records on every kind of server: what is kept, for how long, and what each operation tells."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from databases.bench import Databases

from coatcheck.errors import StoreError
from coatcheck.store import Replaced, Store
from coatcheck_redis import RedisStore

Open = Callable[..., Store]
KINDS = ["redis-6.2", "redis-7.0", "redis-8.2", "redis-cluster", "redis-sentinel"]


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, open_for: Open, databases: Databases) -> Store:
    return open_for(databases.get(request.param), prefix=f"{request.node.name}:", timeout=20)


def test_a_payload_comes_back_until_it_is_destroyed(store: Store) -> None:
    assert store.get("id") is None
    store.set("id", b'{"n":1}', ttl=60)
    store.set("id", b'{"n":2}', ttl=60)
    assert store.get("id") == b'{"n":2}'
    assert store.destroy("id")
    assert not store.destroy("id")
    assert store.get("id") is None


def test_replace_writes_over_living_records_only(store: Store) -> None:
    assert store.replace("id", b"1", ttl=60) == Replaced(written=False)
    store.set("id", b"1", ttl=60)
    assert store.replace("id", b"2", ttl=60) == Replaced(written=True)
    assert store.get("id") == b"2"
    assert store.replace("id", b"3", ttl=0) == Replaced(written=True)
    assert store.replace("id", b"4", ttl=0) == Replaced(written=False)
    assert store.get("id") is None


def test_replace_with_expected_compares_and_tells_what_is_there(store: Store) -> None:
    assert store.replace("id", b"1", ttl=60, expected=b"0") == Replaced(written=False)
    store.set("id", b"1", ttl=60)
    assert store.replace("id", b"2", ttl=60, expected=b"0") == Replaced(written=False, current=b"1")
    assert store.replace("id", b"2", ttl=60, expected=b"1") == Replaced(written=True)
    assert store.replace("id", b"3", ttl=0, expected=b"1") == Replaced(written=False, current=b"2")
    assert store.replace("id", b"3", ttl=0, expected=b"2") == Replaced(written=True)
    assert store.replace("id", b"4", ttl=60, expected=b"2") == Replaced(written=False)


def test_lifetimes_end_and_dead_records_are_gone_for_every_operation(store: Store) -> None:
    store.set("short", b"1", ttl=0.15)
    store.set("long", b"1", ttl=60)
    time.sleep(0.3)
    assert store.get("short") is None
    assert not store.touch("short", ttl=60)
    assert store.get_and_touch("short", ttl=60) is None
    assert store.replace("short", b"2", ttl=60) == Replaced(written=False)
    assert store.replace("short", b"2", ttl=60, expected=b"1") == Replaced(written=False)
    assert not store.destroy("short")
    assert (list(store.ids()), list(store.all()), store.length()) == (["long"], [("long", b"1")], 1)


def test_touch_moves_the_end_both_ways(store: Store) -> None:
    store.set("id", b"1", ttl=0.2)
    assert store.touch("id", ttl=60)
    time.sleep(0.3)
    assert store.get("id") == b"1"
    assert store.touch("id", ttl=0.1)
    time.sleep(0.2)
    assert store.get("id") is None
    assert not store.touch("id", ttl=60)
    store.set("id", b"1", ttl=60)
    assert store.touch("id", ttl=0)
    assert not store.touch("id", ttl=0)


def test_get_and_touch_never_brings_the_end_nearer(store: Store) -> None:
    store.set("id", b"1", ttl=0.2)
    assert store.get_and_touch("id", ttl=60) == b"1"
    assert store.get_and_touch("id", ttl=0.1) == b"1"
    assert store.get_and_touch("id", ttl=-1) == b"1"
    time.sleep(0.3)
    assert store.get("id") == b"1"


def test_get_and_touch_heeds_the_slack(store: Store) -> None:
    store.set("id", b"1", ttl=0.5)
    assert store.get_and_touch("id", ttl=60, slack=59.9) == b"1"
    time.sleep(0.7)
    assert store.get("id") is None


def test_what_is_alive_is_listed_and_cleared(store: Store) -> None:
    store.set("a", b"1", ttl=60)
    store.set("b", b"2", ttl=60)
    assert sorted(store.ids()) == ["a", "b"]
    assert sorted(store.all()) == [("a", b"1"), ("b", b"2")]
    assert store.length() == 2
    store.clear()
    assert (list(store.ids()), store.length()) == ([], 0)


def test_fifteen_megabytes_come_back(store: Store) -> None:
    payload = b'"' + b"x" * 15_000_000 + b'"'
    store.set("id", payload, ttl=60)
    assert store.get("id") == payload
    assert store.replace("id", payload[::-1], ttl=60, expected=payload) == Replaced(written=True)
    assert store.destroy("id")


def test_of_rivals_one_wins_and_the_others_learn_what_is_there(databases: Databases) -> None:
    with (
        RedisStore(databases.get("redis-8.2").url, prefix="rivals:", timeout=20) as store,
        ThreadPoolExecutor(8) as threads,
    ):
        for number in range(20):
            before, after = b"%d" % number, [b"%d-%d" % (number, rival) for rival in range(8)]
            store.set("id", before, ttl=60)
            outcomes = list(
                threads.map(lambda p, b=before: store.replace("id", p, ttl=60, expected=b), after)
            )
            (winner,) = [p for p, outcome in zip(after, outcomes, strict=True) if outcome.written]
            assert store.get("id") == winner
            assert all(outcome.written or outcome.current == winner for outcome in outcomes)


def test_use_after_closing_is_refused(store: Store) -> None:
    store.get("id")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.get("id")
