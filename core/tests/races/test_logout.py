"""Logging out while other requests of the session are under way is final, in every order."""

from typing import Any

import pytest
from harness.races import Ending, Fault, caught, check, every_ending

from coatcheck import CookieOptions, SessionDestroyed

pytestmark = pytest.mark.usefixtures("no_pauses")
BOTH = ("before", "after")
LOGOUT = [lambda session: session.destroy()]


def put(session: Any) -> None:
    session["a"] = 1


def count(session: Any) -> Any:
    return session.transact(lambda data: data.update(n=data.get("n", 0) + 1))


def gone(ending: Ending) -> bool:
    return ending.sid not in ending.left


def silent_where_gone(ending: Ending, request: str) -> bool:
    """Tell whether a request that met the end of its session left the browser's cookies alone."""
    return not ending.found_it_gone(request) or ending.answers[request].set_cookies == []


def test_a_write_in_flight_does_not_revive_a_session(face: str) -> None:
    endings = check(
        face,
        {"logout": LOGOUT, "writer": [put]},
        gone,
        broken_by=Fault.REVIVES,
        stops=BOTH,
        cookie=CookieOptions(max_age=60),
    )

    assert any(ending.found_it_gone("writer") for ending in endings)
    assert any(ending.answers["writer"].set_cookies for ending in endings)  # written before, renewed by it
    assert all(silent_where_gone(ending, "writer") for ending in endings)
    assert all(ending.answers["writer"].response for ending in endings)  # dropped, not failed


def test_a_request_that_comes_after_the_logout_starts_a_session_of_its_own(face: str) -> None:
    def has_one_of_its_own_if_it_came_after(ending: Ending) -> bool:
        came_after = ending.calls("writer")[0].result is None
        fresh = ending.answers["writer"].sid
        return (fresh != ending.sid) == came_after and list(ending.left) == ([fresh] if came_after else [])

    check(
        face,
        {"logout": LOGOUT, "writer": [put]},
        has_one_of_its_own_if_it_came_after,
        broken_by=Fault.REVIVES,
    )


@pytest.mark.parametrize("step", [lambda session: session["n"], lambda session: session.touch()])
def test_a_renewal_in_flight_meets_the_end_and_sends_no_cookie(face: str, step: Any) -> None:
    requests = {"logout": LOGOUT, "reader": [lambda session: session.get("n") == 0 and step(session)]}
    endings = check(
        face,
        requests,
        gone,
        broken_by=Fault.TOUCH_REVIVES,
        stops=BOTH,
        rolling=True,
        cookie=CookieOptions(max_age=60),
    )

    assert any(ending.found_it_gone("reader") for ending in endings)
    assert any(ending.answers["reader"].set_cookies for ending in endings)  # renewed before the logout
    for ending in endings:
        assert silent_where_gone(ending, "reader"), ending


def test_a_reader_that_resaves_does_not_revive_a_session(face: str) -> None:
    endings = check(
        face,
        {"logout": LOGOUT, "reader": [lambda session: session.get("n")]},
        gone,
        broken_by=Fault.REVIVES,
        resave=True,
        rolling=True,
    )

    assert all(silent_where_gone(ending, "reader") for ending in endings)


@pytest.mark.parametrize(
    "operation",
    [lambda session: session.save(), count],
    ids=["save", "transact"],
)
def test_save_and_transact_in_flight_say_that_the_session_was_destroyed(face: str, operation: Any) -> None:
    def was_told(ending: Ending) -> bool:
        return isinstance(ending.answers["writer"].results[1], SessionDestroyed)

    endings = check(
        face,
        {"logout": LOGOUT, "writer": [put, caught(operation, SessionDestroyed)]},
        gone,
        broken_by=Fault.REVIVES,
        cookie=CookieOptions(max_age=60),
    )

    for ending in endings:
        loaded = ending.calls("writer")[0].result is not None
        told = was_told(ending)
        written = any(made.wrote for made in ending.calls("writer", "replace"))
        assert told == (loaded and not written), ending
        assert bool(ending.answers["writer"].set_cookies) != told, ending
    assert {was_told(ending) for ending in endings} == {True, False}


def test_unsetting_with_unset_destroy_is_as_final(face: str) -> None:
    check(
        face,
        {"logout": [lambda session: session.unset()], "writer": [put]},
        gone,
        broken_by=Fault.REVIVES,
        unset="destroy",
    )


def test_a_logout_ends_the_session_between_two_writers(face: str) -> None:
    check(
        face,
        {"logout": LOGOUT, "writer": [put], "counter": [caught(count, SessionDestroyed)]},
        gone,
        broken_by=Fault.REVIVES,
    )


def test_two_logouts_at_once_both_clear_the_cookie(face: str) -> None:
    for ending in every_ending(face, {"here": LOGOUT, "there": LOGOUT}, stops=BOTH):
        assert ending.left == {}
        for answer in ending.answers.values():
            assert answer.sid is None
            (cookie,) = answer.set_cookies
            assert "Max-Age=0" in cookie


def test_what_a_request_does_to_a_session_that_ended_meanwhile_cannot_be_undone_by_its_next_write(
    face: str,
) -> None:
    steps = [
        put,
        caught(lambda session: session.save(), SessionDestroyed),
        lambda session: session.update(again=True),
    ]

    endings = check(face, {"logout": LOGOUT, "writer": steps}, gone, broken_by=Fault.REVIVES)

    assert all(silent_where_gone(ending, "writer") for ending in endings)
