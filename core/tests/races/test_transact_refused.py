"""What ``transact`` leaves behind, and says, where it wrote nothing."""

import json
from typing import Any

import pytest
from harness.races import AsyncUnansweredStore, Step, UnansweredStore, Visitor, caught

from coatcheck import CookieOptions, NotSerializable, SessionDestroyed, SessionError
from coatcheck_memory import MemoryStore, Table

AnyStore = UnansweredStore | AsyncUnansweredStore


def put(**values: Any) -> Step:
    return lambda session: session.update(values)


def test_a_session_that_is_gone_is_no_conflict_even_at_the_last_attempt(
    visitor: Visitor, table: Table
) -> None:
    visitor.request(put(n=0))

    def log_out_elsewhere(_data: dict[str, Any]) -> None:
        MemoryStore(table=table).clear()

    answer = visitor.request(
        caught(lambda session: session.transact(log_out_elsewhere, attempts=1), SessionError)
    )

    assert isinstance(answer.results[0], SessionDestroyed)


def test_a_function_that_raises_leaves_the_cookie_as_it_was(store: AnyStore, table: Table) -> None:
    def change_the_cookie_elsewhere(_session: Any) -> None:
        records = MemoryStore(table=table)
        ((sid, payload),) = records.all()
        document = json.loads(payload)
        document["cookie"]["originalMaxAge"] = 5000
        records.set(sid, json.dumps(document).encode(), ttl=100)

    def fail(_data: dict[str, Any]) -> None:
        raise LookupError

    with Visitor(store, cookie=CookieOptions(max_age=60)) as visitor:
        visitor.request(put(n=0))
        store.trace.take()
        answer = visitor.request(
            change_the_cookie_elsewhere,
            caught(lambda session: session.transact(fail), LookupError),
            lambda session: (session.modified, session.cookie.original_max_age),
        )

    assert answer.results[2] == (False, 60.0)
    assert answer.set_cookies == []
    assert store.trace.letters == "GG"  # nothing is written


@pytest.mark.parametrize(
    "steps",
    [
        [lambda session: session.transact(lambda data: None)],
        [lambda session: session.regenerate(keep_data=True), lambda session: session.save()],
    ],
    ids=["transact", "login"],
)
def test_an_unsaved_change_that_json_cannot_carry_is_named_by_its_key(
    visitor: Visitor, steps: list[Step]
) -> None:
    visitor.request(put(cart=[1]))

    *before, last = steps
    answer = visitor.request(
        lambda session: session["cart"].append({1}), *before, caught(last, NotSerializable), _make_it_right
    )

    assert "cart[1]" in str(answer.results[-2])


def _make_it_right(session: Any) -> None:
    session["cart"] = []
