"""Listing, counting and clearing."""

from faces import FakeClock

from coatcheck.store import Store
from coatcheck_memory import Table


def test_ids_and_all_give_each_living_record_once(store: Store, clock: FakeClock) -> None:
    for number in range(700):
        store.set(f"sid-{number}", b"%d" % number, ttl=30 if number % 2 else 90)
    clock.advance(30)
    living = {f"sid-{number}": b"%d" % number for number in range(0, 700, 2)}
    assert sorted(store.ids()) == sorted(living)
    assert sorted(store.all()) == sorted(living.items())


def test_listing_survives_changes_and_gives_what_lives_throughout_once(store: Store) -> None:
    for number in range(600):
        store.set(f"sid-{number}", b"1", ttl=60)
    listing = store.ids()
    seen = [next(listing)]
    for number in range(300, 600):
        store.destroy(f"sid-{number}")
        store.set(f"new-{number}", b"1", ttl=60)
    for number in range(300):
        store.touch(f"sid-{number}", ttl=600)
        store.set(f"sid-{number}", b"2", ttl=6000)
    seen += listing
    assert len(seen) == len(set(seen))
    assert {f"sid-{number}" for number in range(300)} <= set(seen)


def test_listing_gives_nothing_that_ended_meanwhile(store: Store, clock: FakeClock) -> None:
    for number in range(10):
        store.set(f"sid-{number}", b"1", ttl=60)
    listing = store.all()
    next(listing)
    clock.advance(60)
    assert list(listing) == []


def test_listing_does_not_count_as_use(store: Store, table: Table) -> None:
    store.set("oldest", b"1", ttl=60)
    for number in range(table.max_sessions - 1):
        store.set(f"sid-{number}", b"1", ttl=60)
    assert len(list(store.all())) == table.max_sessions
    store.set("one more", b"1", ttl=60)
    assert store.get("oldest") is None


def test_length_counts_the_living_freed_or_not(store: Store, clock: FakeClock) -> None:
    for number in range(600):
        store.set(f"sid-{number}", b"1", ttl=1 + number)
    counts: list[tuple[int, int]] = []
    for passed in range(601):
        counts.append((passed, store.length()))
        clock.advance(1)
        if passed % 70 == 0:
            store.get("sweep")
    assert counts == [(passed, 600 - passed) for passed in range(601)]


def test_length_counts_within_a_second(store: Store, clock: FakeClock) -> None:
    clock.now = 1000.0
    for tenth in range(1, 11):
        store.set(f"sid-{tenth}", b"1", ttl=tenth / 10)
    clock.now = 1000.5
    assert store.length() == 5


def test_clear_removes_everything_and_the_store_stays_usable(store: Store) -> None:
    for number in range(100):
        store.set(f"sid-{number}", b"1", ttl=60)
    store.clear()
    assert (store.length(), list(store.ids()), store.get("sid-1")) == (0, [], None)
    store.set("sid", b"1", ttl=60)
    assert list(store.ids()) == ["sid"]


def test_a_store_sees_and_clears_only_its_own_table(store: Store) -> None:
    other = Table()
    other.set("sid", b"1", 60)
    assert store.get("sid") is None
    store.clear()
    assert other.get("sid") == b"1"


def test_prune_frees_every_ended_record_and_counts_them(store: Store, table: Table, clock: FakeClock) -> None:
    for number in range(900):
        store.set(f"sid-{number}", b"1", ttl=1 + number / 10)
    clock.advance(70)
    assert store.prune() == 691
    assert len(table.snapshot()) == store.length() == 209
    assert store.prune() == 0
