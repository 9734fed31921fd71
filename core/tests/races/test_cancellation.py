"""Requests that are cancelled at every call of the store: what was begun is carried out, nothing else."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from harness.races import (
    ASGIVisitor,
    AsyncGatedStore,
    Cancel,
    CancelledScene,
    Step,
    WSGIVisitor,
    cancel_again_and_again,
    cancel_once,
)

from coatcheck import CookieOptions, StoreUnavailable
from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table


@pytest.fixture(params=[cancel_once, cancel_again_and_again])
def cancel(request: pytest.FixtureRequest) -> Cancel:
    chosen: Cancel = request.param
    return chosen


def put(session: Any) -> None:
    session["a"] = 1


def logout(session: Any) -> None:
    session.destroy()


def login(session: Any) -> None:
    session.regenerate(keep_data=True)
    session["user"] = "ann"


@pytest.mark.parametrize("place", ["before replace", "after replace"])
def test_a_change_that_is_being_written_is_not_lost(place: str, cancel: Cancel) -> None:
    async def play() -> None:
        scene = CancelledScene()
        sid = await scene.begin()

        await scene.cancel_at(place, cancel, put)

        assert scene.data(sid) == {"n": 0, "a": 1}

    asyncio.run(play())


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("place", ["before replace", "after replace"])
def test_a_change_is_merged_and_written_although_its_request_was_cancelled(
    place: str, cancel: Cancel
) -> None:
    async def play() -> None:
        scene = CancelledScene()
        sid = await scene.begin()

        async def write_meanwhile(_session: Any) -> None:
            await scene.visitor.request([lambda session: session.update(b=2)])

        async def stop_from_now_on(_session: Any) -> None:
            scene.gate.place = place

        await scene.cancel_at("", cancel, put, write_meanwhile, stop_from_now_on)

        assert scene.data(sid) == {"n": 0, "a": 1, "b": 2}

    asyncio.run(play())


@pytest.mark.parametrize("place", ["before get_and_touch", "after get_and_touch"])
def test_a_request_that_is_cancelled_while_its_session_is_loaded_changes_nothing(
    place: str, cancel: Cancel
) -> None:
    async def play() -> None:
        scene = CancelledScene()
        sid = await scene.begin()

        await scene.cancel_at(place, cancel, put)

        assert scene.data(sid) == {"n": 0}

    asyncio.run(play())


@pytest.mark.parametrize("place", ["before set", "after set"])
def test_a_new_session_that_is_being_stored_is_stored(place: str, cancel: Cancel) -> None:
    async def play() -> None:
        scene = CancelledScene()

        await scene.cancel_at(place, cancel, put)

        (stored,) = scene.left().values()
        assert stored["a"] == 1

    asyncio.run(play())


@pytest.mark.parametrize("place", ["before destroy", "after destroy"])
def test_a_logout_that_is_being_carried_out_is_final(place: str, cancel: Cancel) -> None:
    async def play() -> None:
        scene = CancelledScene()
        await scene.begin()

        await scene.cancel_at(place, cancel, logout)

        assert scene.left() == {}

    asyncio.run(play())


@pytest.mark.parametrize("place", ["before set", "after set", "before replace", "after replace"])
def test_a_login_that_is_being_written_is_carried_out_to_its_end(place: str, cancel: Cancel) -> None:
    async def play() -> None:
        scene = CancelledScene()
        sid = await scene.begin()

        await scene.cancel_at(place, cancel, login)

        ((new, stored),) = scene.left().items()
        assert new != sid
        assert (stored["n"], stored["user"]) == (0, "ann")

    asyncio.run(play())


@pytest.mark.parametrize("place", ["before touch", "after touch"])
def test_a_renewal_that_is_cancelled_leaves_the_session_alive(place: str, cancel: Cancel) -> None:
    async def play() -> None:
        scene = CancelledScene(rolling=True, cookie=CookieOptions(max_age=60))
        sid = await scene.begin()

        await scene.cancel_at(place, cancel, lambda session: session["n"])

        assert scene.data(sid) == {"n": 0}

    asyncio.run(play())


@pytest.mark.parametrize("place", ["before replace", "after replace"])
@pytest.mark.parametrize(
    "step", [lambda session: session.save(), lambda session: session.transact(lambda data: data.update(a=1))]
)
def test_a_save_that_was_begun_is_carried_out_though_it_is_cancelled(
    place: str, cancel: Cancel, step: Step
) -> None:
    async def play() -> None:
        scene = CancelledScene()
        sid = await scene.begin()

        await scene.cancel_at(place, cancel, put, step)

        assert scene.data(sid) == {"n": 0, "a": 1}
        await scene.visitor.request([lambda session: session.update(c=3)])
        assert (scene.data(sid) or {})["c"] == 3

    asyncio.run(play())


def wait_for_ever(reached: asyncio.Event) -> Step:
    async def wait(_session: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    return wait


def test_a_pending_logout_is_carried_out_when_the_application_is_cancelled(cancel: Cancel) -> None:
    async def play() -> None:
        scene = CancelledScene()
        await scene.begin()
        reached = asyncio.Event()
        request = asyncio.create_task(scene.visitor.request([put, logout, wait_for_ever(reached)]))
        await reached.wait()

        await cancel(request)
        await asyncio.wait([request])
        await scene.visitor.app.aclose()

        assert request.cancelled()
        assert scene.left() == {}

    asyncio.run(play())


@pytest.mark.parametrize("place", ["before destroy", "after destroy"])
def test_a_logout_is_carried_out_when_the_cancelled_application_is_cancelled_again(
    place: str, cancel: Cancel
) -> None:
    async def play() -> None:
        scene = CancelledScene()
        await scene.begin()
        reached = asyncio.Event()
        scene.gate.place = place
        request = asyncio.create_task(scene.visitor.request([logout, wait_for_ever(reached)]))
        await reached.wait()
        request.cancel()
        await scene.gate.reached.wait()

        await cancel(request)
        scene.gate.go.set()
        await asyncio.wait([request])
        await scene.visitor.app.aclose()

        assert scene.left() == {}

    asyncio.run(play())


def test_an_application_that_is_cancelled_writes_nothing_else(cancel: Cancel) -> None:
    async def play() -> None:
        scene = CancelledScene()
        sid = await scene.begin()
        reached = asyncio.Event()
        request = asyncio.create_task(scene.visitor.request([put, wait_for_ever(reached)]))
        await reached.wait()

        await cancel(request)
        await asyncio.wait([request])

        assert scene.data(sid) == {"n": 0}

    asyncio.run(play())


@pytest.mark.parametrize("face", ["wsgi", "asgi"])
def test_an_application_that_raises_writes_nothing_but_its_logout(face: str) -> None:
    def fail(_session: Any) -> None:
        raise LookupError

    table = Table()
    ask = _asker(face, table)
    ask(lambda session: session.update(n=0))

    assert isinstance(ask(put, fail).error, LookupError)
    ((_, payload),) = MemoryStore(table=table).all()
    assert "a" not in json.loads(payload)

    assert isinstance(ask(put, logout, fail).error, LookupError)
    assert MemoryStore(table=table).length() == 0


def _asker(face: str, table: Table) -> Callable[..., Any]:
    if face == "wsgi":
        blocking = WSGIVisitor(MemoryStore(table=table))
        return lambda *steps: blocking.request(steps, keep=True)
    visitor = ASGIVisitor(AsyncMemoryStore(table=table))
    return lambda *steps: asyncio.run(visitor.request(steps, keep=True))


class FailingStore(AsyncMemoryStore):
    """Reads, and cannot write."""

    async def replace(self, sid: str, payload: bytes, /, **options: Any) -> Any:
        raise StoreUnavailable("no longer there")


def test_a_write_that_fails_after_its_request_was_cancelled_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def play() -> None:
        scene = CancelledScene()
        await scene.begin()
        failing = AsyncGatedStore(FailingStore(table=scene.table), scene.gate.stop)
        cookies = scene.visitor.cookies
        scene.visitor = ASGIVisitor(failing)
        scene.visitor.cookies = cookies

        await scene.cancel_at("before replace", cancel_once, put)

    asyncio.run(play())

    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "cancelled" in record.getMessage()
