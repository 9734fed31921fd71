"""Sixteen requests of one session at once, nobody telling them when to go on, three hundred times."""

import asyncio
import random
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness.races import ASGIVisitor, AsyncGatedStore, Fault, Step, WSGIVisitor, caught

from coatcheck import SessionDestroyed, load_session
from coatcheck_memory import MemoryStore, Table

pytestmark = pytest.mark.usefixtures("no_pauses")
PARALLEL = 16
REPETITIONS = 300
Play = Callable[[Fault, Sequence[Step]], dict[str, Any] | None]
"""Serves one request per step, all at once, and returns what the session holds then; None: it is gone."""


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


def _play_in_threads(pool: ThreadPoolExecutor, fault: Fault, steps: Sequence[Step]) -> dict[str, Any] | None:
    table, barrier = Table(), threading.Barrier(len(steps))
    visitor = WSGIVisitor(fault.blocking_store(table))
    sid = visitor.request([_begin], keep=True).sid
    answers = list(pool.map(lambda step: visitor.request([lambda _: barrier.wait(), step]), steps))
    assert [answer.error for answer in answers if answer.error] == []
    return _left(table, sid)


async def _play_in_tasks(fault: Fault, steps: Sequence[Step]) -> dict[str, Any] | None:
    table, barrier = Table(), asyncio.Barrier(len(steps))
    visitor = ASGIVisitor(AsyncGatedStore(fault.async_store(table), _hesitate))
    sid = (await visitor.request([_begin], keep=True)).sid
    answers = await asyncio.gather(*(visitor.request([lambda _: barrier.wait(), step]) for step in steps))
    assert [answer.error for answer in answers if answer.error] == []
    return _left(table, sid)


async def _hesitate(_where: str) -> None:
    """Let other tasks run for a while, as a store across a network does."""
    for _ in range(random.randrange(3)):
        await asyncio.sleep(0)


def _begin(session: Any) -> None:
    session["n"] = 0


def _left(table: Table, sid: str | None) -> dict[str, Any] | None:
    session = load_session(MemoryStore(table=table), str(sid))
    return None if session is None else dict(session)


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


def noticed(play: Play, fault: Fault, steps: Sequence[Step], wanted: dict[str, Any] | None) -> bool:
    """Tell whether a store with a fault fails what one without it has to keep."""
    return any(play(fault, steps) != wanted for _ in range(REPETITIONS))


def test_sixteen_writers_of_different_keys_lose_nothing(play: Play) -> None:
    keys = [f"key{number}" for number in range(PARALLEL)]
    writers = [putting(key) for key in keys]
    everything = {"n": 0} | dict.fromkeys(keys, 1)

    for _ in range(REPETITIONS):
        assert play(Fault.NONE, writers) == everything
    assert noticed(play, Fault.IGNORES_EXPECTED, writers, everything)


def test_sixteen_increments_are_all_counted(play: Play) -> None:
    increments = [increment] * PARALLEL

    for _ in range(REPETITIONS):
        assert play(Fault.NONE, increments) == {"n": PARALLEL}
    assert noticed(play, Fault.IGNORES_EXPECTED, increments, {"n": PARALLEL})


def test_a_logout_among_writers_and_readers_is_final(play: Play) -> None:
    visits = [log_out, *[putting(f"key{number}") for number in range(9)], *[read] * 3, *[touch] * 3]

    for _ in range(REPETITIONS):
        random.shuffle(visits)
        assert play(Fault.NONE, visits) is None
    assert noticed(play, Fault.REVIVES, visits, None)


def test_a_logout_among_increments_is_final(play: Play) -> None:
    def try_to_increment(session: Any) -> Any:
        return caught(increment, SessionDestroyed)(session)

    visits = [log_out, *[try_to_increment] * (PARALLEL - 1)]

    for _ in range(REPETITIONS // 3):
        random.shuffle(visits)
        assert play(Fault.NONE, visits) is None
    assert noticed(play, Fault.REVIVES, visits, None)
