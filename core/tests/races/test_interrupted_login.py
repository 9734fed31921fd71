"""A login that is not carried out in one go: saved in the middle, cut off, or followed by ``transact``."""

import asyncio
from typing import Any

import pytest
from harness.races import (
    AsyncUnansweredStore,
    CancelledScene,
    Ending,
    Fault,
    Step,
    UnansweredStore,
    Visitor,
    caught,
    check,
    every_ending,
)

from coatcheck import SessionDestroyed, StoreUnavailable, load_session_async
from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table

pytestmark = pytest.mark.usefixtures("no_pauses")


def put(**values: Any) -> Step:
    return lambda session: session.update(values)


def regenerate(session: Any) -> None:
    session.regenerate(keep_data=True)


def increment(session: Any) -> Any:
    return session.transact(lambda data: data.update(n=data["n"] + 1, user="ann"))


def after_login(ending: Ending) -> dict[str, Any]:
    """Return the data of the session that the login's browser goes on with."""
    return ending.data(ending.answers["login"].sid) or {}


def test_an_increment_after_a_login_is_counted_beside_those_under_the_old_id(face: str) -> None:
    def all_are_counted(ending: Ending) -> bool:
        before = any(made.wrote and made.sid == ending.sid for made in ending.calls("other"))
        return bool(after_login(ending)["n"] == (2 if before else 1))

    check(
        face,
        {"login": [regenerate, increment], "other": [caught(increment, SessionDestroyed)]},
        all_are_counted,
        broken_by=Fault.IGNORES_EXPECTED,
    )


def test_transact_after_a_login_writes_or_tells_though_the_old_session_was_ended(face: str) -> None:
    def assign(session: Any) -> Any:
        return session.transact(lambda data: data.update(user="ann"))

    requests = {"login": [regenerate, assign], "logout": [lambda session: session.destroy()]}
    for ending in every_ending(face, requests):
        assert after_login(ending)["user"] == "ann", ending
        assert ending.sid not in ending.left


@pytest.mark.parametrize(("keep_data", "operation"), [(True, "replace"), (False, "destroy")])
def test_the_old_id_is_dead_when_the_response_leaves_though_save_failed_to_end_it(
    visitor: Visitor,
    store: UnansweredStore | AsyncUnansweredStore,
    table: Table,
    keep_data: bool,
    operation: str,
) -> None:
    sid = str(visitor.request(put(n=0)).sid)
    store.unreached = (operation,)

    answer = visitor.request(
        lambda session: session.regenerate(keep_data=keep_data),
        caught(lambda session: session.save(), StoreUnavailable),
        lambda _: setattr(store, "unreached", ()),
    )

    assert isinstance(answer.results[1], StoreUnavailable)
    assert answer.set_cookies == [] or MemoryStore(table=table).get(sid) is None


def test_the_old_id_is_dead_when_the_response_leaves_though_save_was_cancelled() -> None:
    async def play() -> None:
        scene = CancelledScene()
        sid = await scene.begin()
        scene.gate.place = "before replace"

        async def save_and_cancel(session: Any) -> None:
            saving = asyncio.create_task(session.save())
            await scene.gate.reached.wait()
            for _ in range(2):  # a first cancellation waits for the save, a second one does not
                saving.cancel()
                await asyncio.sleep(0)
            await asyncio.wait([saving])
            scene.gate.go.set()

        async with asyncio.timeout(10):
            answer = await scene.visitor.request([regenerate, save_and_cancel])

        assert answer.error is None
        assert answer.set_cookies == [] or sid not in scene.left()

    asyncio.run(play())


def test_an_id_that_a_login_ended_is_not_destroyed_again(
    visitor: Visitor, store: UnansweredStore | AsyncUnansweredStore
) -> None:
    visitor.request(put(n=0))
    store.trace.take()

    visitor.request(
        lambda session: session.regenerate(),
        lambda session: session.save(),
        lambda session: session.destroy(),
    )

    assert store.trace.letters == "GSDD"  # the old one and the new one


def test_a_session_that_is_ended_and_started_anew_outside_a_request_leaves_nothing_of_the_old_one() -> None:
    async def play() -> None:
        scene = CancelledScene()
        sid = await scene.begin()
        session = await load_session_async(AsyncMemoryStore(table=scene.table), sid)
        assert session is not None

        session.destroy()
        session.regenerate()
        session["fresh"] = 1
        await session.save()

        assert set(scene.left()) == {session.id} != {sid}

    asyncio.run(play())
