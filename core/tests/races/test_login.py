"""Logging in (a new id for the session) while other requests of it are under way, in every order."""

from typing import Any

import pytest
from harness.races import Ending, Fault, check, every_ending

from coatcheck import CookieOptions

pytestmark = pytest.mark.usefixtures("no_pauses")
LOGOUT = [lambda session: session.destroy()]


def login(session: Any) -> None:
    """Go on under a new id, with the cart that the visitor filled."""
    session.regenerate(keep_data=True)
    session["user"] = "ann"


def login_afresh(session: Any) -> None:
    """Go on under a new id with nothing."""
    session.regenerate()
    session["user"] = "ann"


def put(session: Any) -> None:
    session["a"] = 1


def after_login(ending: Ending) -> dict[str, Any] | None:
    """Return the data of the session that the login's browser goes on with."""
    sid = ending.answers["login"].sid
    return None if sid in (None, ending.sid) else ending.data(sid)


def wrote_the_old_record(ending: Ending) -> bool:
    return any(made.wrote and made.sid == ending.sid for made in ending.calls("writer"))


def test_a_login_that_keeps_the_data_keeps_what_was_written_while_it_was_under_way(face: str) -> None:
    def nothing_is_lost(ending: Ending) -> bool:
        # Written to the old record before its end: taken over. After it: dropped, as the session was gone.
        kept = {"a": 1} if wrote_the_old_record(ending) else {}
        return ending.sid not in ending.left and after_login(ending) == {"n": 0, "user": "ann"} | kept

    endings = check(
        face,
        {"login": [login], "writer": [put]},
        nothing_is_lost,
        broken_by=Fault.IGNORES_EXPECTED,
        stops=("before", "after"),
        cookie=CookieOptions(max_age=60),
    )

    assert any(ending.found_it_gone("writer") for ending in endings)
    assert any(len(ending.calls("login", "set")) == 2 for ending in endings)  # refused, merged, tried again
    for ending in endings:
        if ending.found_it_gone("writer"):
            assert ending.answers["writer"].set_cookies == []


def test_a_write_in_flight_does_not_bring_the_id_of_before_the_login_back(face: str) -> None:
    check(
        face,
        {"login": [login], "writer": [put]},
        lambda ending: ending.sid not in ending.left,
        broken_by=Fault.REVIVES,
    )


def test_a_login_that_keeps_nothing_ends_the_old_session_in_every_order(face: str) -> None:
    def fresh(ending: Ending) -> bool:
        return ending.sid not in ending.left and after_login(ending) == {"user": "ann"}

    check(face, {"login": [login_afresh], "writer": [put]}, fresh, broken_by=Fault.REVIVES)


@pytest.mark.parametrize("step", [login, login_afresh])
def test_the_new_record_is_written_before_the_old_one_is_ended(face: str, step: Any) -> None:
    for ending in every_ending(face, {"login": [step], "writer": [put]}):
        calls = ending.calls("login")
        new = [made.sid for made in calls].index(str(ending.answers["login"].sid))
        ends = [i for i, made in enumerate(calls) if made.sid == ending.sid and "get" not in made.operation]
        assert new < min(ends, default=len(calls)), ending.made


def test_a_login_after_the_session_was_ended_keeps_only_what_it_assigned_itself(face: str) -> None:
    def logged_out_before(ending: Ending) -> bool:
        return any(made.result is True for made in ending.calls("logout", "destroy"))

    def keeps_what_was_not_logged_out(ending: Ending) -> bool:
        kept = {} if logged_out_before(ending) else {"n": 0}
        return ending.sid not in ending.left and after_login(ending) == kept | {"user": "ann"}

    endings = check(
        face,
        {"login": [login], "logout": LOGOUT},
        keeps_what_was_not_logged_out,
        broken_by=Fault.REVIVES,
        stops=("before", "after"),
    )

    assert {logged_out_before(ending) for ending in endings} == {True, False}


def test_a_nested_change_does_not_save_what_was_logged_out(face: str) -> None:
    def login_and_shop(session: Any) -> None:
        login(session)
        if "cart" in session:
            session["cart"].append("tea")

    def logged_out_before(ending: Ending) -> bool:
        return any(made.result is True for made in ending.calls("logout", "destroy"))

    def keeps_what_was_not_logged_out(ending: Ending) -> bool:
        kept = {} if logged_out_before(ending) else {"cart": ["secret", "tea"]}
        return after_login(ending) == kept | {"user": "ann"}

    check(
        face,
        {"login": [login_and_shop], "logout": LOGOUT},
        keeps_what_was_not_logged_out,
        broken_by=Fault.REVIVES,
        start={"cart": ["secret"]},
    )


def test_a_logout_of_the_old_id_leaves_the_session_of_the_login_alone(face: str) -> None:
    for ending in every_ending(face, {"login": [login_afresh], "logout": LOGOUT}, stops=("before", "after")):
        assert ending.sid not in ending.left
        assert after_login(ending) == {"user": "ann"}
        assert ending.answers["logout"].sid is None


def test_of_two_logins_at_once_only_one_takes_the_data_over(face: str) -> None:
    endings = check(
        face,
        {"login": [login], "writer": [login]},
        lambda ending: ending.sid not in ending.left and _takers(ending) <= 1,
        broken_by=Fault.REVIVES,
    )

    assert all(len(ending.left) == 2 for ending in endings)  # each browser goes on with its own
    assert all(_takers(ending) == 1 for ending in endings)


def _takers(ending: Ending) -> int:
    return sum("n" in data for data in ending.left.values())


def test_a_renewal_in_flight_meets_the_end_of_the_old_id_and_sends_no_cookie(face: str) -> None:
    requests = {"login": [login], "reader": [lambda session: session.get("n")]}
    endings = check(
        face,
        requests,
        lambda ending: ending.sid not in ending.left,
        broken_by=Fault.TOUCH_REVIVES,
        rolling=True,
        cookie=CookieOptions(max_age=60),
    )

    assert any(ending.found_it_gone("reader") for ending in endings)
    for ending in endings:
        if ending.found_it_gone("reader"):
            assert ending.answers["reader"].set_cookies == []


def test_a_deletion_and_a_nested_change_by_the_login_hold_against_what_was_merged(face: str) -> None:
    def login_and_tidy_up(session: Any) -> None:
        login(session)
        session.pop("guest", None)
        session.setdefault("cart", []).append("tea")

    def tidy(ending: Ending) -> bool:
        kept = {"a": 1} if wrote_the_old_record(ending) else {}
        return after_login(ending) == {"user": "ann", "cart": ["tea"]} | kept

    check(
        face,
        {"login": [login_and_tidy_up], "writer": [put]},
        tidy,
        broken_by=Fault.IGNORES_EXPECTED,
        start={"guest": True, "cart": []},
    )


def test_a_login_saved_at_once_keeps_what_was_written_meanwhile(face: str) -> None:
    def nothing_is_lost(ending: Ending) -> bool:
        kept = {"a": 1} if wrote_the_old_record(ending) else {}
        return after_login(ending) == {"n": 0, "user": "ann", "later": 1} | kept

    check(
        face,
        {
            "login": [login, lambda session: session.save(), lambda session: session.update(later=1)],
            "writer": [put],
        },
        nothing_is_lost,
        broken_by=Fault.IGNORES_EXPECTED,
    )
