"""A session that is regenerated or destroyed while its own ``save``, ``transact`` or ``reload`` waits."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from harness.races import AsyncUnansweredStore, CancelledScene, UnansweredStore, Visitor, caught

from coatcheck import SessionConflict, SessionDestroyed, StoreUnavailable
from coatcheck_memory import MemoryStore, Table

pytestmark = pytest.mark.usefixtures("no_pauses")
Step = Callable[[Any], Any]


class Meanwhile:
    """Plays one request: an operation stands at ``place`` while the application does something else."""

    def __init__(self) -> None:
        self.scene = CancelledScene()
        self.old = ""
        self.results: list[Any] = []

    def play(self, start: Step, operation: Step, place: str, meanwhile: Step, *, known: bool = True) -> Any:
        """Return the answer; ``known`` visitors come with a session that holds ``n=0``."""

        async def overlap(session: Any) -> None:
            start(session)
            self.scene.gate.place = place
            waiting = asyncio.create_task(_run(operation, session))
            await self.scene.gate.reached.wait()
            meanwhile(session)
            self.scene.gate.go.set()
            self.results = [await asyncio.gather(waiting, return_exceptions=True), dict(session)]

        async def playing() -> Any:
            if known:
                self.old = await self.scene.begin()
            async with asyncio.timeout(10):
                return await self.scene.visitor.request([overlap])

        return asyncio.run(playing())

    def left(self) -> list[dict[str, Any]]:
        """Return the data of every stored session."""
        return [self.scene.data(sid) or {} for sid in self.scene.left()]


async def _run(operation: Step, session: Any) -> Any:
    return await operation(session)


@pytest.fixture
def meanwhile() -> Meanwhile:
    return Meanwhile()


def change(session: Any) -> None:
    session["a"] = 1


def log_in(session: Any) -> None:
    session.regenerate(keep_data=True)
    session["user"] = "ann"


def log_in_afresh(session: Any) -> None:
    session.regenerate()
    session["user"] = "ann"


def log_out(session: Any) -> None:
    session.destroy()


def save(session: Any) -> Any:
    return session.save()


def transact(session: Any) -> Any:
    return session.transact(lambda data: data.update(t=1))


@pytest.mark.parametrize("place", ["before replace", "after replace"])
@pytest.mark.parametrize(
    ("login", "kept"),
    [(log_in, {"n": 0, "a": 1, "user": "ann"}), (log_in_afresh, {"user": "ann"})],
)
def test_a_login_during_a_save_is_stored_under_its_new_id(
    meanwhile: Meanwhile, place: str, login: Step, kept: dict[str, Any]
) -> None:
    answer = meanwhile.play(change, save, place, login)

    assert meanwhile.left() == [kept]
    assert answer.sid in meanwhile.scene.left()
    assert answer.sid != meanwhile.old


def test_a_login_during_a_transaction_that_was_written_keeps_it(meanwhile: Meanwhile) -> None:
    answer = meanwhile.play(change, transact, "after replace", log_in)

    assert meanwhile.left() == [{"n": 0, "a": 1, "t": 1, "user": "ann"}]
    assert answer.sid != meanwhile.old


def test_a_transaction_says_when_a_login_came_first(meanwhile: Meanwhile) -> None:
    meanwhile.play(change, transact, "after get", log_in_afresh)

    ((error,), _) = meanwhile.results
    assert isinstance(error, SessionConflict) or meanwhile.left() == [{"user": "ann"}]


@pytest.mark.parametrize("operation", [save, transact])
@pytest.mark.parametrize("place", ["before replace", "after replace"])
def test_a_logout_during_a_write_is_final(meanwhile: Meanwhile, operation: Step, place: str) -> None:
    answer = meanwhile.play(change, operation, place, log_out)

    assert meanwhile.left() == []
    assert "Max-Age=0" in answer.set_cookies[0]


@pytest.mark.parametrize("place", ["before set", "after set"])
def test_a_logout_while_a_new_session_is_stored_leaves_nothing(meanwhile: Meanwhile, place: str) -> None:
    meanwhile.play(change, save, place, log_out, known=False)

    assert meanwhile.left() == []


@pytest.mark.parametrize("place", ["before set", "after set"])
@pytest.mark.parametrize("login", [log_in, log_in_afresh])
def test_a_login_while_a_new_session_is_stored_leaves_the_new_id_only(
    meanwhile: Meanwhile, place: str, login: Step
) -> None:
    answer = meanwhile.play(change, save, place, login, known=False)

    assert list(meanwhile.scene.left()) == [answer.sid]


@pytest.mark.parametrize("place", ["before set", "after set", "before replace", "after replace"])
def test_a_logout_while_a_login_is_stored_leaves_nothing(meanwhile: Meanwhile, place: str) -> None:
    meanwhile.play(log_in, save, place, log_out)

    assert meanwhile.left() == []


def test_a_logout_during_a_reload_brings_nothing_back(meanwhile: Meanwhile) -> None:
    meanwhile.play(change, lambda session: session.reload(), "after get", log_out)

    ((error,), shown) = meanwhile.results
    assert isinstance(error, SessionDestroyed)
    assert shown == {}


def test_a_login_during_a_reload_is_not_undone(meanwhile: Meanwhile) -> None:
    answer = meanwhile.play(change, lambda session: session.reload(), "after get", log_in_afresh)

    assert meanwhile.left() == [{"user": "ann"}]
    assert answer.sid != meanwhile.old


def test_an_end_that_took_place_although_its_answer_was_lost_is_no_logout(
    visitor: Visitor, store: UnansweredStore | AsyncUnansweredStore, table: Table
) -> None:
    visitor.request(lambda session: session.update(cart=["tea"]))
    store.unanswered = ("replace",)

    visitor.request(
        log_in,
        caught(lambda session: session.save(), StoreUnavailable),
        lambda _: setattr(store, "unanswered", ()),
    )

    ((_, payload),) = MemoryStore(table=table).all()
    assert b'"cart":["tea"]' in payload


def test_what_a_transaction_wrote_survives_a_login_after_a_logout_elsewhere(
    visitor: Visitor, table: Table
) -> None:
    visitor.request(lambda session: session.update(n=0))

    visitor.request(
        transact,
        lambda session: session.regenerate(keep_data=True),
        lambda _: MemoryStore(table=table).clear(),
    )

    ((_, payload),) = MemoryStore(table=table).all()
    assert b'"t":1' in payload
