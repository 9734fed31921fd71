"""Requests that change one session at the same time: every order of their calls."""

from typing import Any

import pytest
from harness.races import Ending, Fault, check, every_ending

from coatcheck import CookieOptions

pytestmark = pytest.mark.usefixtures("no_pauses")
BOTH = ("before", "after")


def put(**values: Any) -> list[Any]:
    """Return the steps of a request that assigns keys."""
    return [lambda session: session.update(values)]


def test_changes_of_different_keys_by_two_requests_both_survive(face: str) -> None:
    endings = check(
        face,
        {"ann": put(a=1), "bob": put(b=2)},
        lambda ending: ending.data() == {"n": 0, "a": 1, "b": 2},
        broken_by=Fault.IGNORES_EXPECTED,
        stops=BOTH,
    )

    assert {ending.last_writer() for ending in endings} == {"ann", "bob"}
    assert {len(ending.made) for ending in endings} == {4, 5}  # a refused write is made once more


def test_changes_of_different_keys_by_three_requests_all_survive(face: str) -> None:
    endings = check(
        face,
        {"ann": put(a=1), "bob": put(b=2), "cat": put(c=3)},
        lambda ending: ending.data() == {"n": 0, "a": 1, "b": 2, "c": 3},
        broken_by=Fault.IGNORES_EXPECTED,
    )

    assert {ending.last_writer() for ending in endings} == {"ann", "bob", "cat"}


def test_the_same_key_has_the_value_of_the_later_writer_and_nothing_else_is_lost(face: str) -> None:
    def later_value_stays(ending: Ending) -> bool:
        return ending.data() == {"n": 0, "shared": ending.last_writer(), "a": 1, "b": 2}

    check(
        face,
        {"ann": put(shared="ann", a=1), "bob": put(shared="bob", b=2)},
        later_value_stays,
        broken_by=Fault.IGNORES_EXPECTED,
    )


def test_a_key_assigned_to_the_value_it_had_counts_as_changed(face: str) -> None:
    check(
        face,
        {"ann": put(n=0, a=1), "bob": put(n=5)},
        lambda ending: ending.data() == {"n": 0 if ending.last_writer() == "ann" else 5, "a": 1},
        broken_by=Fault.IGNORES_EXPECTED,
    )


def test_nested_changes_under_different_keys_both_survive(face: str) -> None:
    check(
        face,
        {
            "ann": [lambda session: session["cart"].append("tea")],
            "bob": [lambda session: session["seen"].update(home=True)],
        },
        lambda ending: ending.data() == {"cart": ["pot", "tea"], "seen": {"home": True}},
        broken_by=Fault.IGNORES_EXPECTED,
        start={"cart": ["pot"], "seen": {}},
    )


def test_nested_changes_under_one_key_leave_the_later_writers_whole_value(face: str) -> None:
    items = {"ann": "tea", "bob": "cup"}

    def later_value_stays(ending: Ending) -> bool:
        at_once = len(ending.made) > 4  # a write was refused
        bought = [items[writer] for writer in ending.writers()]
        return ending.data() == {"cart": bought[-1:] if at_once else bought, "a": 1, "b": 2}

    check(
        face,
        {
            "ann": [lambda session: session["cart"].append("tea"), *put(a=1)],
            "bob": [lambda session: session["cart"].append("cup"), *put(b=2)],
        },
        later_value_stays,
        broken_by=Fault.IGNORES_EXPECTED,
        start={"cart": []},
    )


def test_a_deleted_key_stays_deleted_beside_another_ones_write(face: str) -> None:
    check(
        face,
        {"ann": [lambda session: session.pop("old")], "bob": put(b=2)},
        lambda ending: ending.data() == {"n": 0, "b": 2},
        broken_by=Fault.IGNORES_EXPECTED,
        start={"n": 0, "old": True},
    )


def test_of_a_deletion_and_a_write_of_one_key_the_later_counts(face: str) -> None:
    def later_counts(ending: Ending) -> bool:
        rest = {} if ending.last_writer() == "ann" else {"old": "new"}
        return ending.data() == {"n": 0, "a": 1, "b": 2} | rest

    check(
        face,
        {"ann": [lambda session: session.pop("old"), *put(a=1)], "bob": put(old="new", b=2)},
        later_counts,
        broken_by=Fault.IGNORES_EXPECTED,
        start={"n": 0, "old": True},
    )


def test_clear_deletes_also_the_keys_that_were_added_meanwhile(face: str) -> None:
    def only_what_came_after_is_left(ending: Ending) -> bool:
        cleared_last = ending.last_writer() == "ann"
        return ending.data() == {"fresh": 1} | ({} if cleared_last else {"b": 2})

    check(
        face,
        {"ann": [lambda session: session.clear(), *put(fresh=1)], "bob": put(b=2)},
        only_what_came_after_is_left,
        broken_by=Fault.IGNORES_EXPECTED,
    )


def test_the_cookie_of_one_request_and_the_data_of_another_both_survive(face: str) -> None:
    def set_lifetime(session: Any) -> None:
        session.cookie.max_age = 60

    def both_survive(ending: Ending) -> bool:
        cookie = ending.left[ending.sid]["cookie"]
        return cookie["originalMaxAge"] == 60_000 and ending.data() == {"n": 0, "b": 2}

    check(
        face,
        {"ann": [set_lifetime], "bob": put(b=2)},
        both_survive,
        broken_by=Fault.IGNORES_EXPECTED,
    )


def test_different_cookie_attributes_set_by_two_requests_both_survive(face: str) -> None:
    def set_samesite(session: Any) -> None:
        session.cookie.samesite = "strict"

    def set_lifetime(session: Any) -> None:
        session.cookie.max_age = 60

    def both_survive(ending: Ending) -> bool:
        cookie = ending.left[ending.sid]["cookie"]
        return (cookie["originalMaxAge"], cookie.get("sameSite")) == (60_000, "strict")

    check(
        face,
        {"ann": [set_samesite], "bob": [set_lifetime]},
        both_survive,
        broken_by=Fault.IGNORES_EXPECTED,
        cookie=CookieOptions(max_age=3600),
    )


@pytest.mark.parametrize("rolling", [False, True])
def test_a_reader_takes_nothing_from_a_writer(face: str, rolling: bool) -> None:
    for ending in every_ending(
        face,
        {"reader": [lambda session: session["n"]], "writer": put(n=1)},
        stops=BOTH,
        rolling=rolling,
        cookie=CookieOptions(max_age=60),
    ):
        assert ending.data() == {"n": 1}
        assert not any(made.wrote for made in ending.calls("reader")), ending.made
        assert ending.answers["reader"].results[0] in (0, 1)


def test_a_reader_that_resaves_takes_nothing_from_a_writer(face: str) -> None:
    check(
        face,
        {"reader": [lambda session: session["n"]], "writer": put(n=1)},
        lambda ending: ending.data() == {"n": 1},
        broken_by=Fault.IGNORES_EXPECTED,
        resave=True,
    )


def test_what_is_saved_in_the_middle_and_at_the_end_survives_beside_another_writer(face: str) -> None:
    check(
        face,
        {"ann": [*put(a=1), lambda session: session.save(), *put(later=True)], "bob": put(b=2)},
        lambda ending: ending.data() == {"n": 0, "a": 1, "later": True, "b": 2},
        broken_by=Fault.IGNORES_EXPECTED,
    )
