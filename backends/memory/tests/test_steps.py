"""No call keeps others waiting for more than a few records: long ones go in steps."""

from collections.abc import Callable

import pytest
from faces import FakeClock

from coatcheck.store import Store
from coatcheck_memory import Table
from coatcheck_memory.table import BATCH

MANY = 5_000
SPAN = 960.0


class Gauge:
    """Counts records between two pauses of a store, in which no lock is held."""

    def __init__(self) -> None:
        self.visited: set[int] = set()
        self.freed = 0
        self.most = 0

    def pause(self) -> None:
        self.most = max(self.most, len(self.visited), self.freed)
        self.visited.clear()
        self.freed = 0


@pytest.fixture
def table(clock: FakeClock) -> Table:
    return Table(MANY, clock)


@pytest.fixture
def gauge(table: Table, monkeypatch: pytest.MonkeyPatch) -> Gauge:
    gauge = Gauge()

    def pause(_: float) -> None:
        assert not table._lock.locked()
        gauge.pause()

    async def async_pause(seconds: float) -> None:
        pause(seconds)

    monkeypatch.setattr("coatcheck_memory.store.time.sleep", pause)
    monkeypatch.setattr("coatcheck_memory.store.asyncio.sleep", async_pause)
    return gauge


def fill(store: Store, clock: FakeClock, gauge: Gauge, within: float) -> None:
    """Store many records that end ``within`` so many seconds, and go to the moment when half of them have."""

    class CountedId(str):
        __slots__ = ()

        def __hash__(self) -> int:
            gauge.visited.add(id(self))
            return super().__hash__()

        def __del__(self) -> None:
            gauge.freed += 1

    clock.now = 1000 * SPAN
    for number in range(MANY):
        store.set(CountedId(number), b"1", ttl=2 * SPAN + within * (number + 1) / MANY)
    clock.advance(2 * SPAN + within / 2)
    gauge.pause()
    gauge.most = 0


CALLS: dict[str, Callable[[Store], object]] = {
    "length": lambda store: store.length(),
    "prune": lambda store: store.prune(),
    "clear": lambda store: store.clear(),
    "ids": lambda store: sum(1 for _ in store.ids()),
    "all": lambda store: sum(1 for _ in store.all()),
    "get": lambda store: store.get("other"),
    "set": lambda store: store.set("other", b"1", ttl=60),
}


@pytest.mark.parametrize("within", [60, 1, 1e-6])
@pytest.mark.parametrize("call", CALLS)
def test_no_call_visits_more_than_a_batch_of_records_at_once(
    store: Store, clock: FakeClock, gauge: Gauge, call: str, within: float
) -> None:
    fill(store, clock, gauge, within)
    result = CALLS[call](store)
    gauge.pause()
    assert 0 < gauge.most <= BATCH
    assert result in (None, MANY // 2)


@pytest.mark.parametrize("within", [60, 1, 1e-6])
def test_what_a_step_leaves_is_done_by_the_next(
    store: Store, clock: FakeClock, gauge: Gauge, within: float
) -> None:
    fill(store, clock, gauge, within)
    store.get("other")
    assert store.length() == MANY // 2
    clock.advance(within / 4)
    assert store.prune() == pytest.approx(MANY // 4, abs=1)
    assert store.length() == len(list(store.ids()))
    clock.advance(within)
    store.clear()
    assert (store.length(), list(store.ids())) == (0, [])


def test_a_listing_takes_the_ids_a_part_at_a_time(table: Table) -> None:
    for number in range(MANY):
        table.set(f"sid-{number}", b"1", 60 + number)
    parts = [len(sids) for sids in table.listings()]
    assert sum(parts) == MANY
    assert max(parts) < MANY / 8


def test_what_comes_while_records_are_cleared_away_stays(table: Table) -> None:
    for number in range(MANY):
        table.set(f"sid-{number}", b"1", 60)
    for step, _ in enumerate(table.clear()):
        table.set(f"sid-{step}", b"2", 60)
        table.set(f"new-{step}", b"2", 60)
    assert len(table.snapshot()) == 2 * (MANY // BATCH + 1)
    assert {table.get(sid) for sid in table.snapshot()} == {b"2"}
