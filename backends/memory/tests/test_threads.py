"""Many threads at one table, some of them with blocking stores, some with async ones, as chance has it.

The switches that matter are forced in ``test_switches.py``.
"""

import random
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from faces import AwaitedStore, FakeClock

from coatcheck.store import Store
from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table

THREADS = 16


@pytest.fixture(autouse=True)
def frequent_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@contextmanager
def opened(table: Table, number: int) -> Generator[Store]:
    """Open a store of the kind that falls to a thread's number."""
    if number % 2:
        yield MemoryStore(table=table)
        return
    face = AwaitedStore(AsyncMemoryStore(table=table))
    try:
        yield face
    finally:
        face.stop()


def in_threads(table: Table, work: Callable[[Store, int], object]) -> None:
    def thread(number: int) -> None:
        with opened(table, number) as store:
            work(store, number)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(thread, number) for number in range(THREADS)]:
            done.result()


def test_no_increment_is_lost() -> None:
    table = Table(10)
    table.set("sid", b"0", 60)

    def increment(store: Store, _: int) -> None:
        for _ in range(50):
            current = store.get("sid")
            while current is not None:
                outcome = store.replace("sid", b"%d" % (int(current) + 1), ttl=60, expected=current)
                current = None if outcome.written else outcome.current

    in_threads(table, increment)
    assert table.get("sid") == b"%d" % (THREADS * 50)


def test_records_and_their_shelves_agree_after_a_stampede() -> None:
    clock = FakeClock()
    table = Table(200, clock)

    def one_of(store: Store, sid: str, ttl: float) -> list[Callable[[], object]]:
        return [
            lambda: store.set(sid, sid.encode(), ttl=ttl),
            lambda: store.touch(sid, ttl=ttl),
            lambda: store.get_and_touch(sid, ttl=ttl),
            lambda: store.replace(sid, sid.encode(), ttl=ttl),
            lambda: store.destroy(sid),
            lambda: store.get(sid),
            lambda: store.length(),
            lambda: clock.advance(0.1),
        ]

    def stampede(store: Store, number: int) -> None:
        chance = random.Random(number)
        for _ in range(400):
            sid = f"sid-{chance.randrange(400)}"
            chance.choice(one_of(store, sid, chance.choice([0.5, 5, 65, 600])))()
            if chance.random() < 0.01:
                assert all(sid.encode() == payload for sid, payload in store.all())
                store.prune()

    in_threads(table, stampede)
    assert table.length() == len([sid for sid in table.snapshot() if table.peek(sid) is not None]) <= 200
    clock.advance(1000)
    assert table.length() == 0
    assert table.snapshot() == []
