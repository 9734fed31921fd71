"""Listing gives what lives throughout exactly once, the rest at most once; counting and clearing."""

from collections import Counter

import pytest

from coatcheck import Store
from contract.conftest import Wait
from contract.homes import Home
from contract.payloads import numbered
from contract.together import call, together

MANY = 1200
"""More than any store reads in one batch."""

pruning = pytest.mark.subjects(fits=lambda subject: "prune" not in subject.lacks)


def fill(store: Store, number: int, ttl: float = 600, start: int = 0) -> dict[str, bytes]:
    """Store records, and return them."""
    records = {f"sid {n}": numbered(n) for n in range(start, start + number)}
    items = list(records.items())
    for first in range(0, number, 100):
        calls = [call("set", sid, payload, ttl=ttl) for sid, payload in items[first : first + 100]]
        assert together(store, calls) == [None] * len(calls)
    return records


def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert (list(store.ids()), list(store.all()), store.length()) == ([], [], 0)


def test_every_record_is_listed_once(store: Store) -> None:
    records = fill(store, MANY)
    assert Counter(store.ids()) == Counter(list(records))


def test_every_record_is_listed_once_with_its_payload(store: Store) -> None:
    records = fill(store, MANY)
    assert sorted(store.all()) == sorted(records.items())


def test_every_record_is_counted_once(store: Store) -> None:
    fill(store, 321)
    assert store.length() == 321


def test_one_call_clears_everything(store: Store) -> None:
    fill(store, MANY)
    store.clear()
    assert (store.length(), list(store.ids())) == (0, [])


def test_an_empty_store_can_be_cleared(store: Store) -> None:
    store.clear()
    store.clear()
    assert store.length() == 0


def test_what_was_cleared_can_be_written_again(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    store.clear()
    assert store.get("sid") is None
    store.set("sid", numbered(2), ttl=60)
    assert dict(store.all()) == {"sid": numbered(2)}


def test_only_what_lives_is_listed_and_counted(store: Store, short: float, outlive: Wait) -> None:
    store.set("ends", numbered(1), ttl=short)
    store.set("lives", numbered(2), ttl=60)
    outlive(short)
    assert (list(store.ids()), list(store.all()), store.length()) == (["lives"], [("lives", numbered(2))], 1)


def test_ids_survives_writes_while_it_runs(store: Store) -> None:
    fill(store, MANY)
    listed: Counter[str] = Counter()
    for number, sid in enumerate(store.ids()):
        listed[sid] += 1
        disturb(store, number)
    check(listed)


def test_all_survives_writes_while_it_runs(store: Store) -> None:
    fill(store, MANY)
    listed: Counter[str] = Counter()
    for number, (sid, payload) in enumerate(store.all()):
        listed[sid] += 1
        assert payload
        disturb(store, number)
    check(listed)


def disturb(store: Store, number: int) -> None:
    """Create, end, renew and overwrite records now and then."""
    if number % 25 == 0:
        store.set(f"new {number}", numbered(number), ttl=600)
        store.destroy(f"sid {number}")
        store.touch(f"sid {number + 1}", ttl=6000)
        store.replace(f"sid {number + 2}", numbered(0, text="x" * 1000), ttl=300)


def check(listed: Counter[str]) -> None:
    """Hold what lived throughout to exactly once, and the rest to at most once."""
    throughout = [f"sid {number}" for number in range(MANY) if number % 25]
    assert {sid: listed[sid] for sid in throughout} == dict.fromkeys(throughout, 1)
    assert max(listed.values()) == 1


def test_a_listing_may_be_left_halfway(store: Store) -> None:
    fill(store, 300)
    for listing in (store.ids(), store.all()):
        next(listing)
        del listing
    assert store.length() == 300
    store.set("sid", numbered(1), ttl=60)
    assert store.get("sid") == numbered(1)


def test_records_can_be_destroyed_while_they_are_listed(store: Store) -> None:
    fill(store, 300)
    for sid in store.ids():
        assert store.destroy(sid)
    assert store.length() == 0


@pruning
def test_prune_removes_expired_records_and_says_how_many(store: Store, short: float, outlive: Wait) -> None:
    fill(store, 30, ttl=short)
    fill(store, 5, start=30)
    outlive(short)
    assert 0 <= store.prune() <= 30
    assert store.prune() == 0
    assert store.length() == 5


@pruning
def test_prune_counts_what_nothing_else_has_removed(store: Store, short: float, outlive: Wait) -> None:
    store.set("ends", numbered(1), ttl=short)
    outlive(short)
    assert store.prune() == 1


@pruning
def test_prune_of_nothing_is_zero(store: Store) -> None:
    store.set("lives", numbered(1), ttl=60)
    assert store.prune() == 0
    assert store.get("lives") == numbered(1)


@pruning
def test_many_expired_records_are_pruned_by_one_call(store: Store, short: float, outlive: Wait) -> None:
    fill(store, MANY, ttl=short)
    outlive(short)
    store.prune()
    assert store.prune() == 0
    assert store.length() == 0


@pruning
def test_many_that_prune_at_once_do_not_disturb_each_other(
    home: Home, store: Store, short: float, outlive: Wait
) -> None:
    fill(store, 200, ttl=short)
    fill(store, 10, start=200)
    outlive(short)
    counts = together(store, [call("prune")] * 8)
    assert not [count for count in counts if isinstance(count, BaseException)]
    assert sum(counts) <= 200
    assert store.length() == 10
