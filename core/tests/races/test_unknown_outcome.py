"""A write that was carried out and whose answer was lost is never sent a second time."""

import json
from functools import partial
from typing import Any

import pytest
from harness.races import AsyncUnansweredStore, UnansweredStore, Visitor, caught

from coatcheck import StoreUnavailable
from coatcheck_memory import MemoryStore, Table

AnyStore = UnansweredStore | AsyncUnansweredStore
WRITES = ("set", "replace", "destroy")


def put(session: Any) -> None:
    session["a"] = 1


def put_number(number: int, session: Any) -> None:
    session["n"] = number


def lose_answers(store: AnyStore, *operations: str) -> None:
    """Start to lose answers, and to count calls."""
    store.trace.take()
    store.unanswered = operations


def writes(store: AnyStore) -> list[str]:
    return [operation for operation in store.trace.operations if operation in WRITES]


@pytest.mark.parametrize(
    ("operation", "step"),
    [
        ("replace", put),
        ("destroy", lambda session: session.destroy()),
        ("set", lambda session: session.regenerate()),
        ("set", lambda session: session.regenerate(keep_data=True)),
    ],
    ids=["change", "logout", "login", "login with data"],
)
def test_the_visitor_is_told_to_come_back_and_gets_no_cookie(
    visitor: Visitor, store: AnyStore, operation: str, step: Any
) -> None:
    visitor.request(lambda session: session.update(n=0))
    lose_answers(store, *WRITES)

    answer = visitor.request(step)

    assert answer.response is not None
    assert answer.response.status == 503
    assert answer.response.all("retry-after")
    assert answer.set_cookies == []
    assert writes(store) == [operation]


def test_a_new_session_is_sent_once(visitor: Visitor, store: AnyStore) -> None:
    lose_answers(store, "set")

    answer = visitor.request(put)

    assert answer.response is not None
    assert answer.response.status == 503
    assert answer.set_cookies == []
    assert writes(store) == ["set"]


def test_a_change_that_was_carried_out_is_there_at_the_next_request(
    visitor: Visitor, store: AnyStore, table: Table
) -> None:
    visitor.request(lambda session: session.update(n=0))
    lose_answers(store, "replace")
    visitor.request(put)
    store.unanswered = ()

    assert visitor.request(dict).results == [{"n": 0, "a": 1}]
    ((_, payload),) = MemoryStore(table=table).all()
    assert json.loads(payload)["a"] == 1


@pytest.mark.parametrize(("keep_data", "operation"), [(False, "destroy"), (True, "replace")])
def test_the_end_of_the_id_of_before_a_login_is_sent_once(
    visitor: Visitor, store: AnyStore, keep_data: bool, operation: str
) -> None:
    visitor.request(lambda session: session.update(n=0))
    lose_answers(store, operation)

    answer = visitor.request(lambda session: session.regenerate(keep_data=keep_data))

    assert answer.response is not None
    assert answer.response.status == 503
    assert answer.set_cookies == []
    assert writes(store) == ["set", operation]


def test_the_error_is_the_applications_where_that_is_wanted(store: AnyStore) -> None:
    with Visitor(store, on_unavailable="raise") as visitor:
        visitor.request(lambda session: session.update(n=0))
        lose_answers(store, *WRITES)

        answer = visitor.request(put)

    assert isinstance(answer.error, StoreUnavailable)
    assert writes(store) == ["replace"]


def test_a_save_whose_error_the_application_does_not_catch_is_sent_once(
    visitor: Visitor, store: AnyStore
) -> None:
    visitor.request(lambda session: session.update(n=0))
    lose_answers(store, *WRITES)

    answer = visitor.request(put, lambda session: session.save())

    assert isinstance(answer.error, StoreUnavailable)
    assert writes(store) == ["replace"]


def test_a_logout_is_sent_once_although_the_application_raises_too(
    visitor: Visitor, store: AnyStore, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.request(lambda session: session.update(n=0))
    lose_answers(store, "destroy")

    answer = visitor.request(lambda session: session.destroy(), lambda session: session["absent"])

    assert isinstance(answer.error, KeyError)  # the application's error is the one to be heard of
    assert writes(store) == ["destroy"]
    assert "could not be destroyed" in caplog.text


def test_a_logout_ends_every_session_of_the_browser_though_each_answer_was_lost(
    visitor: Visitor, store: AnyStore, table: Table
) -> None:
    cookies = []
    for number in range(2):
        visitor.cookies = {}
        visitor.request(partial(put_number, number))
        cookies.append(visitor.cookies["sid"])
    visitor.cookies = {"sid": "; sid=".join(cookies)}
    lose_answers(store, "destroy")

    answer = visitor.request(lambda session: session.destroy())

    assert answer.response is not None
    assert answer.response.status == 503
    assert MemoryStore(table=table).length() == 0
    assert writes(store) == ["destroy", "destroy"]


def test_a_renewal_whose_answer_was_lost_writes_nothing(visitor: Visitor, store: AnyStore) -> None:
    visitor.request(lambda session: session.update(n=0))
    lose_answers(store, *WRITES)

    visitor.request(lambda session: session.touch(), caught(lambda session: session["n"], KeyError))

    assert writes(store) == []
