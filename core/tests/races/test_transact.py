"""``transact`` makes read-modify-write exact, and says so where it cannot."""

import json
from collections.abc import Callable
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest
from harness.races import AsyncUnansweredStore, Step, UnansweredStore, Visitor, caught

from coatcheck import NotSerializable, SessionConflict, SessionDestroyed, SessionError
from coatcheck_memory import MemoryStore, Table

AnyStore = UnansweredStore | AsyncUnansweredStore
Data = dict[str, Any]


def increment(data: Data) -> int:
    data["n"] = data.get("n", 0) + 1
    return int(data["n"])


def transacting(function: Callable[[Data], Any] = increment, **options: Any) -> Step:
    return lambda session: session.transact(function, **options)


def put(**values: Any) -> Step:
    return lambda session: session.update(values)


def stored(table: Table) -> Data:
    """Return the one session there is."""
    ((_, payload),) = MemoryStore(table=table).all()
    data: Data = json.loads(payload)
    del data["cookie"]
    return data


def write_meanwhile(table: Table, **values: Any) -> None:
    """Write to the one session there is, as another request would."""
    records = MemoryStore(table=table)
    ((sid, payload),) = records.all()
    records.set(sid, json.dumps(json.loads(payload) | values).encode(), ttl=100)


def test_what_the_function_returns_is_returned(visitor: Visitor, table: Table) -> None:
    visitor.request(put(n=41))

    answer = visitor.request(transacting())

    assert answer.results == [42]
    assert stored(table) == {"n": 42}


def test_the_function_is_called_again_with_fresh_data_at_a_conflict(visitor: Visitor, table: Table) -> None:
    visitor.request(put(n=0, seen=[]))
    given: list[Data] = []

    def meet_two_others(data: Data) -> int:
        given.append(deepcopy(data))
        data["seen"].append("mine")
        if len(given) < 3:
            write_meanwhile(table, n=10 * len(given))
        return increment(data)

    answer = visitor.request(transacting(meet_two_others))

    assert given == [{"n": 0, "seen": []}, {"n": 10, "seen": []}, {"n": 20, "seen": []}]
    assert answer.results == [21]
    assert stored(table) == {"n": 21, "seen": ["mine"]}


def test_a_function_that_raises_leaves_everything_as_it_was(
    visitor: Visitor, table: Table, store: AnyStore
) -> None:
    visitor.request(put(cart=[]))
    store.trace.take()

    def spoil(data: Data) -> None:
        data["cart"].append("tea")
        data["more"] = 1
        raise LookupError

    answer = visitor.request(
        caught(transacting(spoil), LookupError), lambda session: (dict(session), session.modified)
    )

    assert answer.results[1] == ({"cart": []}, False)
    assert stored(table) == {"cart": []}
    assert store.trace.letters == "GG"  # the session's and the function's; nothing is written


def test_unsaved_changes_outlive_a_function_that_raises(visitor: Visitor, table: Table) -> None:
    visitor.request(put(n=0))

    visitor.request(put(a=1), caught(transacting(lambda data: data["absent"]), KeyError))

    assert stored(table) == {"n": 0, "a": 1}


def test_a_function_that_would_have_to_be_awaited_is_refused(visitor: Visitor, table: Table) -> None:
    visitor.request(put(n=0))

    async def increment_later(data: Data) -> None:
        increment(data)

    answer = visitor.request(caught(transacting(increment_later), TypeError))

    (error,) = answer.results
    assert isinstance(error, TypeError)
    assert "plain function" in str(error)
    assert stored(table) == {"n": 0}


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("attempts", [1, 3])
def test_attempts_that_all_met_conflicts_end_in_a_conflict(
    visitor: Visitor, table: Table, attempts: int
) -> None:
    visitor.request(put(n=0))
    calls: list[Data] = []

    answer = visitor.request(caught(transacting(_meddled(table, calls), attempts=attempts), SessionConflict))

    assert isinstance(answer.results[0], SessionConflict)
    assert len(calls) == attempts
    assert stored(table) == {"n": 0, "others": attempts}


@pytest.mark.usefixtures("no_pauses")
def test_a_hundred_attempts_are_made_unless_told_otherwise(visitor: Visitor, table: Table) -> None:
    visitor.request(put(n=0))
    calls: list[Data] = []

    visitor.request(caught(transacting(_meddled(table, calls)), SessionConflict))

    assert len(calls) == 100


@pytest.mark.usefixtures("no_pauses")
def test_five_seconds_of_conflicts_end_in_a_conflict(
    visitor: Visitor, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.request(put(n=0))
    calls: list[Data] = []
    monkeypatch.setattr("coatcheck.engine.writing.time", SimpleNamespace(monotonic=lambda: len(calls)))

    answer = visitor.request(caught(transacting(_meddled(table, calls)), SessionConflict))

    assert isinstance(answer.results[0], SessionConflict)
    assert len(calls) == 5


def test_the_pauses_between_attempts_are_short_and_uneven(
    visitor: Visitor, table: Table, face: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    shell, sleep = {"wsgi": ("time", pauses.append), "asgi": ("asyncio", note)}[face]
    monkeypatch.setattr(f"coatcheck._run.{shell}.sleep", sleep)
    visitor.request(put(n=0))

    visitor.request(caught(transacting(_meddled(table, []), attempts=21), SessionConflict))

    waits = [seconds for seconds in pauses if seconds]  # a listing of the memory store sleeps for none
    assert len(set(waits)) > 10
    assert all(0.001 <= seconds <= 0.020 for seconds in waits)
    assert len(waits) == 20


def _meddled(table: Table, calls: list[Data]) -> Callable[[Data], int]:
    """Return a function with whose write another request always interferes."""

    def function(data: Data) -> int:
        calls.append(data)
        write_meanwhile(table, others=len(calls))
        return increment(data)

    return function


def test_a_session_that_is_gone_is_reported_and_stays_gone(visitor: Visitor, table: Table) -> None:
    visitor.request(put(n=0))

    def log_out_elsewhere(data: Data) -> None:
        increment(data)
        MemoryStore(table=table).clear()

    answer = visitor.request(caught(transacting(log_out_elsewhere), SessionDestroyed), put(again=1))

    assert isinstance(answer.results[0], SessionDestroyed)
    assert answer.set_cookies == []
    assert MemoryStore(table=table).length() == 0


def test_a_session_that_this_request_destroyed_is_refused(visitor: Visitor, table: Table) -> None:
    visitor.request(put(n=0))

    answer = visitor.request(lambda session: session.destroy(), caught(transacting(), SessionDestroyed))

    assert isinstance(answer.results[1], SessionDestroyed)
    assert MemoryStore(table=table).length() == 0


def test_a_new_session_is_stored_and_its_cookie_sent(visitor: Visitor, table: Table, store: AnyStore) -> None:
    answer = visitor.request(transacting())

    assert answer.results == [1]
    assert len(answer.set_cookies) == 1
    assert store.trace.letters == "S"
    assert visitor.request(transacting()).results == [2]
    assert stored(table) == {"n": 2}


def test_unsaved_changes_are_merged_into_what_the_function_gets_and_saved_with_it(
    visitor: Visitor, table: Table, store: AnyStore
) -> None:
    visitor.request(put(n=0, old=1, cart=[]))
    given: list[Data] = []

    def look(data: Data) -> None:
        given.append(dict(data))
        data["looked"] = True

    store.trace.take()
    visitor.request(
        put(a=1),
        lambda session: session["cart"].append("tea"),
        lambda session: session.pop("old"),
        lambda _: write_meanwhile(table, b=2),
        transacting(look),
    )

    assert given == [{"n": 0, "cart": ["tea"], "a": 1, "b": 2}]
    assert stored(table) == {**given[0], "looked": True}
    assert store.trace.letters == "GGS"  # nothing is left to be saved at the end


@pytest.mark.parametrize("key", ["cookie", "__started"])
def test_reserved_keys_are_refused(visitor: Visitor, table: Table, key: str) -> None:
    visitor.request(put(n=0))

    answer = visitor.request(caught(transacting(lambda data: data.update({key: 1})), ValueError))

    assert isinstance(answer.results[0], ValueError)
    assert "reserved" in str(answer.results[0])
    assert stored(table) == {"n": 0}


def test_what_json_cannot_carry_is_refused_by_its_key_path(visitor: Visitor, table: Table) -> None:
    visitor.request(put(n=0))

    answer = visitor.request(caught(transacting(lambda data: data.update(a=[{1}])), SessionError))

    assert isinstance(answer.results[0], NotSerializable)
    assert "a" in str(answer.results[0])
    assert stored(table) == {"n": 0}


def test_the_session_holds_afterwards_what_is_stored(visitor: Visitor, table: Table) -> None:
    visitor.request(put(n=0, cart=["pot"]))
    calls: list[Data] = []

    def shop(data: Data) -> None:
        if not calls:
            write_meanwhile(table, b=1)
        calls.append(data)
        data["cart"].append("tea")

    answer = visitor.request(
        transacting(shop),
        lambda session: deepcopy(dict(session)),
        lambda _: stored(table),
        lambda session: session["cart"].append("cup"),
    )

    assert answer.results[1] == answer.results[2] == {"n": 0, "cart": ["pot", "tea"], "b": 1}
    assert stored(table) == {"n": 0, "cart": ["pot", "tea", "cup"], "b": 1}


def test_an_unknown_outcome_is_reported_and_nothing_is_repeated(
    visitor: Visitor, table: Table, store: AnyStore
) -> None:
    visitor.request(put(n=0))
    store.trace.take()
    store.unanswered = ("replace",)

    answer = visitor.request(caught(transacting(), ConnectionError))

    assert isinstance(answer.results[0], ConnectionError)
    assert stored(table) == {"n": 1}
    assert store.trace.letters == "GGS"
