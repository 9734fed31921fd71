"""Sixteen requests of one session at once, nobody telling them when to go on, three hundred times."""

import asyncio
import random
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
from harness.races import Answer, ASGIVisitor, AsyncGatedStore, Fault, Step, WSGIVisitor, caught

from coatcheck import SessionDestroyed, load_session
from coatcheck_memory import MemoryStore, Table

pytestmark = pytest.mark.usefixtures("no_pauses")
PARALLEL = 16
REPETITIONS = 300


class Left(NamedTuple):
    """What a play comes to."""

    sid: str
    """The id that all requests came with."""
    sessions: dict[str, dict[str, Any]]
    """The data of every session that the store holds, by id."""
    results: list[Any]
    """What the steps returned, in their order."""

    @property
    def data(self) -> dict[str, Any] | None:
        """What the session that all requests came with holds; None: it is gone."""
        return self.sessions.get(self.sid)


Play = Callable[[Fault, Sequence[Step]], Left]
"""Serves one request per step, all at once, and returns what is left."""


@pytest.fixture(params=["wsgi", "asgi"])
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    """Return what plays a race over WSGI in threads, or over ASGI in tasks."""
    if request.param == "wsgi":
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        with ThreadPoolExecutor(PARALLEL) as pool:
            yield lambda fault, steps: _play_in_threads(pool, fault, steps)
        sys.setswitchinterval(before)
    else:
        with asyncio.Runner() as runner:
            yield lambda fault, steps: runner.run(_play_in_tasks(fault, steps))


def _play_in_threads(pool: ThreadPoolExecutor, fault: Fault, steps: Sequence[Step]) -> Left:
    table, barrier = Table(), threading.Barrier(len(steps))
    visitor = WSGIVisitor(fault.blocking_store(table))
    sid = visitor.request([_begin], keep=True).sid
    answers = list(pool.map(lambda step: visitor.request([lambda _: barrier.wait(), step]), steps))
    assert [answer.error for answer in answers if answer.error] == []
    return _left(table, sid, answers)


async def _play_in_tasks(fault: Fault, steps: Sequence[Step]) -> Left:
    table, barrier = Table(), asyncio.Barrier(len(steps))
    visitor = ASGIVisitor(AsyncGatedStore(fault.async_store(table), _hesitate))
    sid = (await visitor.request([_begin], keep=True)).sid
    answers = await asyncio.gather(*(visitor.request([lambda _: barrier.wait(), step]) for step in steps))
    assert [answer.error for answer in answers if answer.error] == []
    return _left(table, sid, answers)


async def _hesitate(_where: str) -> None:
    """Let other tasks run for a while, as a store across a network does."""
    for _ in range(random.randrange(3)):
        await asyncio.sleep(0)


def _begin(session: Any) -> None:
    session["n"] = 0


def _left(table: Table, sid: str | None, answers: Iterable[Answer]) -> Left:
    store = MemoryStore(table=table)
    sessions = {stored: dict(load_session(store, stored) or {}) for stored in table.snapshot()}
    return Left(str(sid), sessions, [answer.results[1] for answer in answers])


def putting(key: str) -> Step:
    return lambda session: session.update({key: 1})


def read(session: Any) -> Any:
    return session.get("n")


def touch(session: Any) -> None:
    session.touch()


def log_out(session: Any) -> None:
    session.destroy()


def increment(session: Any) -> Any:
    return session.transact(lambda data: data.update(n=data["n"] + 1))


def increment_or_learn_that_it_ended(session: Any) -> Any:
    return caught(increment, SessionDestroyed)(session)


def putting_at_once(key: str) -> Step:
    """Return a step that stores a key and returns it, or the error that it was not stored."""

    def put(data: dict[str, Any]) -> str:
        data[key] = 1
        return key

    return caught(lambda session: session.transact(put), SessionDestroyed)


def log_in(session: Any) -> None:
    session.regenerate(keep_data=True)
    session["user"] = "ann"


def log_in_afresh(session: Any) -> None:
    session.regenerate()
    session["user"] = "ann"


def check(play: Play, steps: list[Step], holds: Callable[[Left], bool], *broken_by: Fault) -> None:
    """Assert that ``holds`` is true of every play, and that each fault of a store is found out by it."""
    for _ in range(REPETITIONS):
        random.shuffle(steps)
        left = play(Fault.NONE, steps)
        assert holds(left), left
    for fault in broken_by:
        assert any(not holds(play(fault, steps)) for _ in range(REPETITIONS)), fault


def gone(left: Left) -> bool:
    return left.data is None


def test_sixteen_writers_of_different_keys_lose_nothing(play: Play) -> None:
    keys = [f"key{number}" for number in range(PARALLEL)]
    everything = {"n": 0} | dict.fromkeys(keys, 1)

    check(play, [putting(key) for key in keys], lambda left: left.data == everything, Fault.IGNORES_EXPECTED)


def test_sixteen_increments_are_all_counted(play: Play) -> None:
    check(play, [increment] * PARALLEL, lambda left: left.data == {"n": PARALLEL}, Fault.IGNORES_EXPECTED)


def test_a_logout_among_writers_and_readers_is_final(play: Play) -> None:
    writers = [putting(f"key{number}") for number in range(9)]

    check(play, [log_out, *writers, *[read] * 3, *[touch] * 3], gone, Fault.REVIVES)


def test_a_logout_among_increments_is_final(play: Play) -> None:
    others = [increment_or_learn_that_it_ended] * (PARALLEL - 1)

    check(play, [log_out, *others], gone, Fault.REVIVES)


def test_a_login_among_writers_ends_the_old_id_and_loses_nothing_that_was_stored(play: Play) -> None:
    writers = [putting_at_once(f"key{number}") for number in range(PARALLEL - 1)]

    def nothing_is_lost(left: Left) -> bool:
        (goes_on,) = [data for data in left.sessions.values() if "user" in data]
        stored = {key for key in left.results if isinstance(key, str)}
        return gone(left) and goes_on == {"n": 0, "user": "ann"} | dict.fromkeys(stored, 1)

    check(play, [log_in, *writers], nothing_is_lost, Fault.REVIVES, Fault.IGNORES_EXPECTED)


def test_a_login_that_keeps_nothing_ends_the_old_id_among_writers(play: Play) -> None:
    writers = [putting(f"key{number}") for number in range(9)]

    def is_fresh(left: Left) -> bool:
        (goes_on,) = [data for data in left.sessions.values() if "user" in data]
        return gone(left) and goes_on == {"user": "ann"}

    check(play, [log_in_afresh, *writers, *[read] * 3, *[touch] * 3], is_fresh, Fault.REVIVES)
