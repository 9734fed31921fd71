"""A request that changes its session while it waits for its own ``save`` or ``transact``."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from harness.races import CancelledScene, Visitor

pytestmark = pytest.mark.usefixtures("no_pauses")
Operation = Callable[[Any], Awaitable[Any]]


async def save(session: Any) -> None:
    await session.save()


async def transact(session: Any) -> None:
    await session.transact(lambda data: data.update(t=1))


def play(operation: Operation, place: str, change: Callable[[Any], Any], *, rival: bool) -> Any:
    """Make a change while the operation stands at ``place``; return the session's data in the end."""

    async def playing() -> Any:
        scene = CancelledScene()
        sid = await scene.begin()

        async def overlap(session: Any) -> None:
            session["a"] = []
            if rival:
                await scene.visitor.request([lambda session: session.update(r=1)])
            scene.gate.place = place
            waiting = asyncio.create_task(_run(operation, session))
            await scene.gate.reached.wait()
            change(session)
            scene.gate.go.set()
            await waiting

        await scene.visitor.request([overlap])
        return scene.data(sid)

    return asyncio.run(playing())


async def _run(operation: Operation, session: Any) -> None:
    await operation(session)


@pytest.mark.parametrize("rival", [False, True])
@pytest.mark.parametrize("place", ["before replace", "after replace"])
@pytest.mark.parametrize("operation", [save, transact])
def test_an_assignment_during_a_write_is_saved_with_the_response(
    operation: Operation, place: str, rival: bool
) -> None:
    data = play(operation, place, lambda session: session.update(b=2, a=5), rival=rival)

    assert (data["a"], data["b"], data["n"]) == (5, 2, 0)
    assert data.get("r") == (1 if rival else None)
    assert data.get("t") == (1 if operation is transact else None)


@pytest.mark.parametrize("rival", [False, True])
@pytest.mark.parametrize("operation", [save, transact])
def test_a_deletion_during_a_write_is_saved_with_the_response(operation: Operation, rival: bool) -> None:
    data = play(operation, "before replace", lambda session: session.pop("n"), rival=rival)

    assert "n" not in data
    assert data["a"] == []


@pytest.mark.parametrize("operation", [save, transact])
def test_a_nested_change_during_a_write_is_saved_with_the_response(operation: Operation) -> None:
    data = play(operation, "before replace", lambda session: session["a"].append("late"), rival=False)

    assert data["a"] == ["late"]


@pytest.mark.parametrize("operation", [save, transact])
def test_a_cookie_that_is_set_during_a_write_is_sent_and_stored(operation: Operation) -> None:
    async def playing() -> None:
        scene = CancelledScene()
        sid = await scene.begin()

        async def overlap(session: Any) -> None:
            session["a"] = 1
            scene.gate.place = "before replace"
            waiting = asyncio.create_task(_run(operation, session))
            await scene.gate.reached.wait()
            session.cookie.max_age = 60
            scene.gate.go.set()
            await waiting

        answer = await scene.visitor.request([overlap])

        assert len(answer.set_cookies) == 1
        assert scene.left()[sid]["cookie"]["originalMaxAge"] == 60_000

    asyncio.run(playing())


@pytest.mark.parametrize("operation", [save, transact])
def test_a_change_during_a_second_attempt_is_saved_too(operation: Operation) -> None:
    async def rival() -> None:
        await scene.visitor.request([lambda session: session.update(r=session.get("r", 0) + 1)])

    async def overlap(session: Any) -> None:
        session["a"] = 1
        scene.gate.place = "before replace"
        waiting = asyncio.create_task(_run(operation, session))
        await scene.gate.reached.wait()
        await rival()  # the first attempt is refused
        scene.gate.reached.clear()
        scene.gate.place = "before replace"
        scene.gate.go.set()
        scene.gate.go.clear()
        await scene.gate.reached.wait()
        await rival()  # and the second one
        session["late"] = 1
        session.cookie.max_age = 60
        scene.gate.go.set()
        await waiting

    async def playing() -> None:
        sid = await scene.begin()
        async with asyncio.timeout(10):
            await scene.visitor.request([overlap])
        expected = {"n": 0, "a": 1, "r": 2, "late": 1} | ({"t": 1} if operation is transact else {})
        assert scene.data(sid) == expected
        assert scene.left()[sid]["cookie"]["originalMaxAge"] == 60_000

    scene = CancelledScene()
    asyncio.run(playing())


@pytest.mark.parametrize(
    "operation",
    [lambda session: session.save(), lambda session: session.transact(lambda data: data.update(t=1))],
    ids=["save", "transact"],
)
def test_objects_taken_out_before_a_write_still_belong_to_the_session_after_it(
    visitor: Visitor, operation: Callable[[Any], Any]
) -> None:
    visitor.request(lambda session: session.update(cart=[]))
    held: list[Any] = []

    visitor.request(
        lambda session: held.append(session["cart"]),
        lambda session: session.update(a=1),
        operation,
        lambda _: held[0].append("tea"),
    )

    assert visitor.request(lambda session: session["cart"]).results == [["tea"]]
