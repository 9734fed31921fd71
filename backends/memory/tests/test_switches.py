"""One thread is stopped at every step of an operation while another tries a second one: they take turns.

An id is hashed wherever its record is looked up or moved, so that an id of a type of our own can stop a
thread there. The other thread then goes on until it is done or waits for the lock: nothing is left to chance.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, current_thread, main_thread
from typing import Any, Self

import pytest
from faces import AwaitedStore, FakeClock

from coatcheck.store import Store
from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table

Operation = Callable[[Store, str], Any]
LONGEST = 30.0

OPERATIONS: dict[str, Operation] = {
    "get": lambda store, sid: store.get(sid),
    "set": lambda store, sid: store.set(sid, b"set", ttl=600),
    "destroy": lambda store, sid: store.destroy(sid),
    "touch": lambda store, sid: store.touch(sid, ttl=2000),
    "get_and_touch": lambda store, sid: store.get_and_touch(sid, ttl=3000),
    "replace": lambda store, sid: store.replace(sid, b"replaced", ttl=600),
    "replace what was expected": lambda store, sid: store.replace(sid, b"new", ttl=600, expected=b"start"),
    "end what was expected": lambda store, sid: store.replace(sid, b"", ttl=0, expected=b"start"),
    "all": lambda store, _: list(store.all()),
    "length": lambda store, _: store.length(),
    "prune": lambda store, _: store.prune(),
    "clear": lambda store, _: store.clear(),
}


class Stop:
    """The step of the main thread's operation at which the other thread has its chance."""

    def __init__(self, step: int, meanwhile: Callable[[], object]) -> None:
        self.steps_left = step
        self.meanwhile = meanwhile

    def step(self) -> None:
        if current_thread() is main_thread():
            self.steps_left -= 1
            if self.steps_left == 0:
                self.meanwhile()


class SteppingId(str):
    """An id that takes a step whenever it is hashed."""

    __slots__ = ("stop",)
    stop: Stop | None

    def __new__(cls, sid: str) -> Self:
        new = super().__new__(cls, sid)
        new.stop = None
        return new

    def __hash__(self) -> int:
        if self.stop is not None:
            self.stop.step()
        return super().__hash__()


class TellingLock:
    """A lock that tells when somebody has to wait for it."""

    def __init__(self, lock: Any, told: Event) -> None:
        self._lock = lock
        self._told = told

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._told.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Scene:
    """One record in a table of its own, living or ended and not freed yet."""

    def __init__(self, ended: bool) -> None:
        self.sid = SteppingId("sid")
        self.clock = FakeClock()
        self.table = Table(10, self.clock)
        self.table.set(self.sid, b"start", 1000)
        self.clock.advance(1000 if ended else 500)

    def outcome(self, *results: Any) -> tuple[Any, ...]:
        """Return the results and what they leave: payload, number, time, and ``[]`` in the end."""
        left = self.table.peek(self.sid), self.table.length()
        times = [self._lives_on() for _ in range(6)]
        return (*results, left, times, self.table.snapshot())

    def _lives_on(self) -> bool:
        lives = self.table.peek(self.sid) is not None
        self.clock.advance(550)
        self.table.length()
        return lives


def one_after_the_other(ended: bool, first: Operation, second: Operation) -> list[tuple[Any, ...]]:
    """Return what the two operations come to in both orders, the first one's result first."""
    scene, reversed_scene = Scene(ended), Scene(ended)
    store, reversed_store = MemoryStore(table=scene.table), MemoryStore(table=reversed_scene.table)
    result = first(store, scene.sid)
    after = second(store, scene.sid)
    before = second(reversed_store, reversed_scene.sid)
    last = first(reversed_store, reversed_scene.sid)
    return [scene.outcome(result, after), reversed_scene.outcome(last, before)]


def at_every_step(
    other: ThreadPoolExecutor,
    kind: Callable[[Table], Store],
    ended: bool,
    first: Operation,
    second: Operation,
) -> Iterator[tuple[Any, ...]]:
    """Yield what the two come to when the second one is tried at each step of the first one."""
    step = 0
    while True:
        step += 1
        scene, told = Scene(ended), Event()
        scene.table._lock = TellingLock(scene.table._lock, told)  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
        store = kind(scene.table)
        tried: list[Future[Any]] = []

        def let_the_other_try(
            scene: Scene = scene, store: Store = store, told: Event = told, tried: list[Future[Any]] = tried
        ) -> None:
            scene.sid.stop = None
            tried.append(other.submit(second, store, scene.sid))
            tried[0].add_done_callback(lambda _: told.set())
            assert told.wait(LONGEST)

        scene.sid.stop = Stop(step, let_the_other_try)
        result = first(MemoryStore(table=scene.table), scene.sid)
        if not tried:
            return
        yield scene.outcome(result, tried[0].result(LONGEST))


@pytest.fixture(scope="module")
def other() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.mark.parametrize("ended", [False, True], ids=["living", "ended"])
@pytest.mark.parametrize("first", OPERATIONS)
def test_operations_of_two_threads_come_to_what_they_do_one_after_the_other(
    other: ThreadPoolExecutor, first: str, ended: bool
) -> None:
    steps = 0
    for second in OPERATIONS.values():
        in_turn = one_after_the_other(ended, OPERATIONS[first], second)
        for outcome in at_every_step(
            other, lambda table: MemoryStore(table=table), ended, OPERATIONS[first], second
        ):
            steps += 1
            assert outcome in in_turn
    assert steps or first in ("clear", "length", "prune")


@pytest.mark.parametrize("second", OPERATIONS)
def test_an_async_store_takes_turns_with_a_blocking_one(other: ThreadPoolExecutor, second: str) -> None:
    faces: list[AwaitedStore] = []

    def kind(table: Table) -> Store:
        faces.append(AwaitedStore(AsyncMemoryStore(table=table)))
        return faces[-1]

    first = OPERATIONS["replace what was expected"]
    in_turn = one_after_the_other(False, first, OPERATIONS[second])
    for outcome in at_every_step(other, kind, False, first, OPERATIONS[second]):
        assert outcome in in_turn
    for face in faces:
        face.stop()
