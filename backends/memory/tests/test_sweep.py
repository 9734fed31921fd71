"""Ended records are freed without being asked for, a bounded number at a time."""

import sys
from collections.abc import Callable
from itertools import pairwise

import pytest
from faces import FakeClock

from coatcheck.store import Store
from coatcheck_memory import Table
from coatcheck_memory.buckets import Buckets
from coatcheck_memory.shelves import Shelf
from coatcheck_memory.table import SWEEP

OPERATIONS: list[Callable[[Store], object]] = [
    lambda store: store.get("other"),
    lambda store: store.set("other", b"1", ttl=0),
    lambda store: store.destroy("other"),
    lambda store: store.touch("other", ttl=60),
    lambda store: store.get_and_touch("other", ttl=60),
    lambda store: store.replace("other", b"1", ttl=60),
]


def stored(table: Table) -> int:
    """Count the records that take up room, ended or not."""
    return len(table.snapshot())


@pytest.fixture
def table(clock: FakeClock) -> Table:
    return Table(100_000, clock)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_on_a_record_frees_some_others(
    store: Store, table: Table, clock: FakeClock, operation: Callable[[Store], object]
) -> None:
    for number in range(10):
        store.set(f"sid-{number}", b"1", ttl=5)
    clock.advance(6)
    operation(store)
    assert stored(table) == 0


@pytest.mark.parametrize("wait", [6, 61, 86400])
def test_one_operation_frees_a_bounded_number(
    store: Store, table: Table, clock: FakeClock, wait: float
) -> None:
    for number in range(1000):
        store.set(f"sid-{number}", b"1", ttl=5 + wait / 2)
    clock.advance(6 + wait)
    counts = [stored(table)]
    while counts[-1]:
        store.get("other")
        counts.append(stored(table))
        assert len(counts) <= 1000 // SWEEP * 2 + 2
    freed = [before - after for before, after in pairwise(counts)]
    assert max(freed) == SWEEP


def test_the_bound_holds_for_all_that_is_due_together(table: Table, clock: FakeClock) -> None:
    clock.now = 600.0
    for number in range(200):
        table.set(f"second-{number}", b"1", 5)
        table.set(f"minute-{number}", b"1", 65)
    clock.advance(200)
    for turn in range(1, 7):
        table.get("other")
        assert stored(table) == 400 - turn * SWEEP


def test_room_is_made_before_anything_living_is_evicted(clock: FakeClock) -> None:
    table = Table(10, clock)
    for number in range(9):
        table.set(f"ended-{number}", b"1", 5)
    table.set("living", b"1", 500)
    table.get("ended-0")
    clock.advance(6)
    for number in range(9):
        table.set(f"new-{number}", b"1", 500)
    assert table.get("living") == b"1"
    assert table.length() == 10


@pytest.mark.parametrize("ttl", [0.5, 5, 59, 61, 3600, 86400])
def test_no_record_stays_two_seconds_after_its_end(table: Table, clock: FakeClock, ttl: float) -> None:
    for number in range(50):
        table.set(f"sid-{number}", b"1", ttl)
    clock.advance(ttl - 0.25)
    table.get("other")
    assert stored(table) == 50
    clock.advance(2.25)
    table.get("other")
    assert stored(table) == 0


def test_records_that_are_due_are_freed_though_others_have_their_minute(
    table: Table, clock: FakeClock
) -> None:
    clock.now = 600.0
    for number in range(120):
        table.set(f"sid-{number}", b"%d" % number, 60 + number)
    for passed in range(1, 185):
        clock.advance(1)
        table.get("other")
        ended = min(120, max(0, passed - 59))
        assert 120 - ended <= stored(table) <= 120 - ended + 1
        assert dict(table_contents(table)) == {
            f"sid-{number}": b"%d" % number for number in range(ended, 120)
        }


def table_contents(table: Table) -> list[tuple[str, bytes]]:
    return [(sid, payload) for sid in table.snapshot() if (payload := table.peek(sid)) is not None]


def test_renewed_sessions_are_not_swept(table: Table, clock: FakeClock) -> None:
    for _ in range(300):
        table.set("sid", b"1", 60)
        clock.advance(7)
        assert table.touch("sid", 90, 0)
        clock.advance(11)
        assert table.get_and_touch("sid", 30, 0) == b"1"
        clock.advance(29)
        assert table.replace("sid", b"2", 120, b"1").written
        assert table.get("sid") == b"2"
    assert stored(table) == 1
    clock.advance(121)
    table.get("other")
    assert stored(table) == 0


def test_an_interrupted_write_leaves_one_of_both_payloads(
    table: Table, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    table.set("sid", b"old", 65)
    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "leave", interrupted)
        with pytest.raises(KeyboardInterrupt):
            table.set("sid", b"new", 600)
    for _ in range(59):
        clock.advance(10)
        assert table.get("sid") == b"new"
    clock.advance(12)
    assert table.get("sid") is None
    assert stored(table) == 0


def test_a_bucket_gives_back_the_room_of_what_left_it() -> None:
    buckets = Buckets(60.0)
    for number in range(10_000):
        buckets.put(f"sid-{number}", b"1", 30.0)
    [bucket] = buckets
    full = sys.getsizeof(bucket)
    for number in range(9_900):
        assert buckets.remove(f"sid-{number}", 30.0)
    [bucket] = buckets
    assert len(bucket) == 100
    assert sys.getsizeof(bucket) < full / 20


def test_sessions_renewed_for_years_leave_no_trail(table: Table, clock: FakeClock) -> None:
    shelf = table._shelves.of("sid")
    for _ in range(5_000):
        table.set("sid", b"1", 10 * 365 * 86400)
        clock.advance(60)
    assert stored(table) == 1
    assert len(list(shelf._spans)) == 1
    assert len(shelf._spans._spans) < 100
