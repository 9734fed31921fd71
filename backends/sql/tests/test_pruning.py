"""Expired records go: in batches, by many at once, and by themselves."""

import asyncio
import gc
import json
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from sqlalchemy import text

from coatcheck_sql import SQLStore, pruning

EXPIRED = {
    "sqlite": "INSERT INTO {table} (sid, payload, expires) VALUES (:sid, '{}', 1)",
    "postgresql": "INSERT INTO {table} (sid, sess, expire) VALUES (:sid, '{}', now() - interval '2 days')",
    "mariadb": "INSERT INTO {table} (session_id, data, expires) VALUES (:sid, '{}', 1)",
}

PRUNER = """
import json, sys, warnings
warnings.simplefilter("error")
from coatcheck_sql import SQLStore
with SQLStore(sys.argv[1], table=sys.argv[2], timeout=30) as store:
    store.ping()
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(store.prune()))
"""


def expire(place: Any, number: int) -> None:
    """Put so many records there whose time is over."""
    place.open().ping()
    statement = EXPIRED[place.kind.server or "sqlite"]
    quoted = f"`{place.table}`" if place.kind.server == "mariadb" else f'"{place.table}"'
    with place.engine().begin() as connection:
        rows = [{"sid": f"over {n}"} for n in range(number)]
        connection.execute(text(statement.replace("{table}", quoted)), rows)


def test_pruning_takes_more_than_one_batch_and_leaves_the_living(place: Any) -> None:
    expire(place, 2500)
    store = place.open()
    store.set("sid", b"{}", ttl=600)
    assert store.prune() == 2500
    assert store.prune() == 0
    assert place.sql("SELECT count(*) FROM {table}") == [(1,)]
    assert list(store.ids()) == ["sid"]


def test_a_listing_takes_more_than_one_batch(place: Any) -> None:
    store = place.open()
    for number in range(250):
        store.set(f"sid {number}", b'{"n":%d}' % number, ttl=600)
    found = dict(store.all())
    assert found == {f"sid {number}": b'{"n":%d}' % number for number in range(250)}
    store.clear()
    assert store.length() == 0


@pytest.mark.kinds("sqlite", "postgresql", "mariadb", asynchronous=False)
def test_several_processes_may_prune_at_once(place: Any) -> None:
    expire(place, 6000)
    pruners = [
        subprocess.Popen(
            [sys.executable, "-c", PRUNER, place.url(), place.table],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for pruner in pruners:
        assert pruner.stdout is not None
        assert pruner.stdout.readline() == "ready\n"
    for pruner in pruners:
        assert pruner.stdin is not None
        pruner.stdin.write("go\n")
        pruner.stdin.flush()
    ended = [pruner.communicate(timeout=120) for pruner in pruners]
    assert [errors for _, errors in ended] == [""] * 4
    counts = [json.loads(answer) for answer, _ in ended]
    # What one has locked the others leave to it, so that the sum is exact when all have ended.
    assert sum(counts) + place.open().prune() == 6000
    assert place.sql("SELECT count(*) FROM {table}") == [(0,)]


@pytest.mark.kinds("postgresql")
def test_pruning_does_not_wait_for_a_record_that_is_in_use(place: Any) -> None:
    expire(place, 3)
    store = place.open(timeout=2)
    with place.engine().connect() as connection:
        connection.execute(text(f"SELECT 1 FROM {place.table} WHERE sid = 'over 1' FOR UPDATE"))
        assert store.prune() == 2
    assert store.prune() == 1


def test_a_store_prunes_by_itself_while_it_is_used(place: Any) -> None:
    expire(place, 5)
    store = place.open(prune_interval=0.2)
    patience = time.monotonic() + 30
    while place.sql("SELECT count(*) FROM {table}") != [(0,)]:
        assert time.monotonic() < patience
        store.get("sid")
        if place.kind.asynchronous:
            place.run(asyncio.sleep(0.05))
    store.close()


def pruning_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "coatcheck-sql-pruning"]


def test_nothing_is_pruned_where_that_is_turned_off(place: Any) -> None:
    expire(place, 5)
    before = set(pruning_threads())
    store = place.open(prune_interval=None)
    store.get("sid")
    assert set(pruning_threads()) <= before
    assert place.sql("SELECT count(*) FROM {table}") == [(5,)]


def ended(threads: list[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(10)
    return not any(thread.is_alive() for thread in threads)


def test_the_thread_that_prunes_ends_with_the_store() -> None:
    before = set(pruning_threads())
    store = SQLStore("sqlite://")
    assert set(pruning_threads()) == before, "it begins at the first use"
    store.get("sid")
    begun = [thread for thread in pruning_threads() if thread not in before]
    assert len(begun) == 1
    store.close()
    assert ended(begun)


def test_the_thread_that_prunes_ends_with_a_store_that_is_forgotten() -> None:
    before = set(pruning_threads())
    store = SQLStore("sqlite://")
    store.get("sid")
    begun = [thread for thread in pruning_threads() if thread not in before]
    del store
    gc.collect()
    assert ended(begun)


def test_a_pause_is_half_the_interval_to_one_and_a_half() -> None:
    pauses = [pruning._pause(100) for _ in range(1000)]
    assert 50 <= min(pauses) < 60
    assert 140 < max(pauses) <= 150


def test_pruning_that_fails_is_logged_and_tried_again(
    caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    store = SQLStore(f"sqlite:///{tmp_path}/missing/a.db", prune_interval=0.05)
    with pytest.raises(Exception, match="SQLite is unavailable"):
        store.get("sid")
    patience = time.monotonic() + 30
    while len(caplog.records) < 2 and time.monotonic() < patience:
        time.sleep(0.02)
    store.close()
    assert [record.name for record in caplog.records[:2]] == ["coatcheck"] * 2
    assert "could not be removed, which will be tried again: SQLite is unavailable" in caplog.text
