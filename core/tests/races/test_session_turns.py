"""One async session in several tasks: its flows run one after the other, also those of cancelled callers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from harness.races import ASGIVisitor, AsyncGatedStore

from coatcheck_memory import AsyncMemoryStore

pytestmark = pytest.mark.usefixtures("no_pauses")
Operation = Callable[[Any], Awaitable[Any]]


class Crowd:
    """A visitor whose store takes its time and counts the calls that are under way."""

    def __init__(self) -> None:
        self.under_way = self.most = 0
        self.visitor = ASGIVisitor(AsyncGatedStore(AsyncMemoryStore(), self._stop))

    async def _stop(self, where: str) -> None:
        self.under_way += 1 if where.startswith("before") else -1
        self.most = max(self.most, self.under_way)
        for _ in range(10):
            await asyncio.sleep(0)

    async def begin(self) -> None:
        """Start a session."""
        await self.visitor.request([lambda session: session.update(n=0, k=0)], keep=True)

    async def request(self, *steps: Any) -> None:
        """Send a request that must succeed, and start counting anew."""
        self.most = 0
        async with asyncio.timeout(10):
            answer = await self.visitor.request(steps)
        assert answer.error is None


def bump(data: Any) -> None:
    data["n"] += 1


async def save(session: Any) -> None:
    session["k"] += 1
    await session.save()


async def transact(session: Any) -> None:
    await session.transact(bump)


async def reload(session: Any) -> None:
    await session.reload()


@pytest.mark.parametrize("one", [save, transact, reload])
@pytest.mark.parametrize("other", [save, transact, reload])
def test_two_tasks_of_a_request_never_work_on_its_session_at_once(one: Operation, other: Operation) -> None:
    async def play() -> None:
        crowd = Crowd()
        await crowd.begin()

        async def overlap(session: Any) -> None:
            await asyncio.gather(one(session), other(session), one(session))

        await crowd.request(overlap)

        assert crowd.most == 1

    asyncio.run(play())


@pytest.mark.parametrize("operation", [save, transact, reload])
def test_the_commit_waits_for_what_another_task_has_begun(operation: Operation) -> None:
    async def play() -> None:
        crowd = Crowd()
        await crowd.begin()
        tasks: list[asyncio.Task[Any]] = []

        async def begin_and_answer(session: Any) -> None:
            session["n"] += 1
            tasks.append(asyncio.ensure_future(operation(session)))
            await asyncio.sleep(0)

        await crowd.request(begin_and_answer)

        assert crowd.most == 1
        await asyncio.wait(tasks)

    asyncio.run(play())


@pytest.mark.parametrize("operation", [save, transact])
def test_what_a_cancelled_task_has_begun_still_has_its_turn(operation: Operation) -> None:
    async def play() -> None:
        crowd = Crowd()
        await crowd.begin()

        async def cancel_and_go_on(session: Any) -> None:
            task = asyncio.ensure_future(operation(session))
            await asyncio.sleep(0)
            while not task.done():
                task.cancel()
                await asyncio.sleep(0)
            assert crowd.under_way == 1
            await transact(session)

        await crowd.request(cancel_and_go_on)

        assert crowd.most == 1
        results: list[Any] = []
        await crowd.request(lambda session: results.append(dict(session)))
        assert results == [{"n": 1, "k": 1} if operation is save else {"n": 2, "k": 0}]

    asyncio.run(play())


def test_one_who_gave_up_waiting_for_a_turn_holds_nobody_up() -> None:
    async def play() -> None:
        crowd = Crowd()
        await crowd.begin()

        async def give_up(session: Any) -> None:
            first = asyncio.ensure_future(transact(session))
            await asyncio.sleep(0)
            waiting = asyncio.ensure_future(session.reload())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(first, transact(session))

        await crowd.request(give_up)

        assert crowd.most == 1

    asyncio.run(play())


def test_no_increment_of_one_session_object_is_lost_among_many_tasks() -> None:
    async def play() -> None:
        crowd = Crowd()
        await crowd.begin()

        async def several(session: Any) -> None:
            for _ in range(5):
                await transact(session)

        async def many(session: Any) -> None:
            await asyncio.gather(*(several(session) for _ in range(5)))
            assert session["n"] == 25

        await crowd.request(many)

        assert crowd.most == 1

    asyncio.run(play())
