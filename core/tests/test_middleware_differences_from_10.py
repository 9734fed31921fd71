"""The numbered differences from express-session, from 10 on; 11 to 14 and 23 stand with their options."""

from typing import Any

import pytest
from harness import SITES, Site, attributes, settle

from coatcheck import CookieOptions, SessionClosed

pytestmark = pytest.mark.parametrize("open_site", SITES)

BOTH_STYLES = pytest.mark.parametrize("max_age", [None, 60])


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def with_session(open_site: type[Site], max_age: float | None = None, **options: Any) -> Site:
    site = open_site(cookie=CookieOptions(max_age=max_age), **options)
    site.visit(change)
    site.trace.take()
    return site


def merged(open_site: type[Site], handler: Any, **theirs: Any) -> dict[str, Any]:
    """Return what is stored after a handler and a rival changed ``{mine, theirs, both}`` at once."""
    site = open_site()
    site.visit(lambda session: session.update(mine=0, theirs=0, both=0))

    def with_a_rival(session: Any) -> None:
        handler(session)
        site.rival(**theirs)

    site.visit(with_a_rival)
    return site.data()


def test_difference_10_changes_of_different_keys_both_survive(open_site: type[Site]) -> None:
    stored = merged(open_site, lambda session: session.update(mine=1), theirs=1)

    assert stored == {"mine": 1, "theirs": 1, "both": 0}


def test_difference_10_of_the_same_key_the_later_writer_counts(open_site: type[Site]) -> None:
    assert merged(open_site, lambda session: session.update(both=1), both=2)["both"] == 1


def test_difference_10_an_equal_value_that_was_assigned_counts_as_a_change(open_site: type[Site]) -> None:
    stored = merged(open_site, lambda session: session.update(mine=1, both=0), both=2)

    assert stored == {"mine": 1, "theirs": 0, "both": 0}


def test_difference_10_a_key_that_was_deleted_stays_deleted(open_site: type[Site]) -> None:
    def delete(session: Any) -> None:
        del session["both"]

    assert merged(open_site, delete, both=2, theirs=1) == {"mine": 0, "theirs": 1}


def test_difference_10_clear_deletes_what_was_added_meanwhile_too(open_site: type[Site]) -> None:
    def clear(session: Any) -> None:
        session.clear()
        session["mine"] = 1

    assert merged(open_site, clear, added=2) == {"mine": 1}


def test_difference_10_cookie_attributes_are_merged_and_expires_is_computed_anew(
    open_site: type[Site],
) -> None:
    site = with_session(open_site, 60)

    def handler(session: Any) -> None:
        session.cookie.samesite = "lax"
        site.clock.advance(10)
        cookie = site.document()["cookie"] | {"priority": "high", "sameSite": "strict"}
        site.rival(cookie=cookie)

    site.visit(handler)
    stored = site.document()["cookie"]
    assert (stored["sameSite"], stored["priority"]) == ("lax", "high")
    assert stored["expires"] == "1970-01-12T13:47:50.000Z"


def test_difference_15_reading_does_not_prolong_a_session_with_max_age(open_site: type[Site]) -> None:
    site = with_session(open_site, 60)

    assert site.letters(lambda session: session["n"]) == "G"
    site.clock.advance(61)
    assert site.visit(lambda session: session.get("n")).value is None


def test_difference_16_a_session_cannot_be_started_while_streaming(open_site: type[Site]) -> None:
    def start_late(session: Any) -> None:
        with pytest.raises(SessionClosed, match="before the first byte"):
            session["n"] = 1
        with pytest.raises(SessionClosed):
            session.touch()
        with pytest.raises(SessionClosed):
            session.regenerate()

    site = open_site()
    assert site.letters(later=start_late) == ""


@pytest.mark.parametrize("rolling", [False, True])
def test_difference_17_an_application_that_raises_writes_nothing(
    open_site: type[Site], rolling: bool
) -> None:
    site = with_session(open_site, rolling=rolling, save_uninitialized=True)

    def change_and_raise(session: Any) -> None:
        change(session)
        session.regenerate()
        raise LookupError("of the application")

    for _ in range(2):
        with pytest.raises(LookupError, match="of the application"):
            site.visit(change_and_raise)
    assert site.trace.letters == "GG"
    assert site.data() == {"n": 1}


def test_difference_17_but_a_pending_destroy(open_site: type[Site]) -> None:
    site = with_session(open_site)

    def destroy_and_raise(session: Any) -> None:
        session.destroy()
        raise LookupError("of the application")

    with pytest.raises(LookupError, match="of the application"):
        site.visit(destroy_and_raise)
    assert site.trace.letters == "GD"


@pytest.mark.parametrize("keep_data", [False, True])
def test_difference_18_the_new_record_is_written_before_the_old_one_ends(
    open_site: type[Site], keep_data: bool
) -> None:
    site = with_session(open_site)
    old = site.sid
    site.visit(lambda session: session.regenerate(keep_data))

    ending = "replace" if keep_data else "destroy"
    assert site.trace.operations == ["get_and_touch", "set", ending]
    assert site.trace.calls[2][1][0] == old
    assert site.table.snapshot() == [site.sid]


def test_difference_18_kept_data_is_merged_with_what_was_stored_meanwhile(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(lambda session: session.update(mine=0, theirs=0))

    def log_in(session: Any) -> None:
        session.regenerate(keep_data=True)
        session["mine"] = 1
        site.rival(theirs=2)

    site.visit(log_in)
    assert site.data() == {"mine": 1, "theirs": 2}
    assert site.table.length() == 1


def test_difference_18_after_a_logout_meanwhile_only_what_was_assigned_is_kept(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(lambda session: session.update(mine=0, theirs=0, nested=[]))

    def log_in(session: Any) -> None:
        session.regenerate(keep_data=True)
        session["mine"] = 1
        session["nested"].append(1)
        site.table.destroy(site.sid)

    site.visit(log_in)
    assert site.data() == {"mine": 1}
    assert site.table.length() == 1


def test_difference_19_load_and_renewal_are_one_call(open_site: type[Site]) -> None:
    site = with_session(open_site)
    site.visit(lambda session: session["n"])

    assert site.trace.operations == ["get_and_touch"]


@BOTH_STYLES
def test_difference_20_touch_renews_the_record_and_sends_the_cookie(
    open_site: type[Site], max_age: Any
) -> None:
    site = with_session(open_site, max_age)
    site.clock.advance(30)
    response = site.visit(lambda session: session.touch())

    assert site.trace.letters == "GT"
    assert len(response.set_cookies) == 1
    assert attributes(response.set_cookies[0]).get("Max-Age") == (max_age and "60")


def test_difference_21_save_of_a_new_session_sends_its_cookie(open_site: type[Site]) -> None:
    site = open_site()

    async def save(session: Any) -> None:
        await settle(session.save())

    assert len(site.visit(save).set_cookies) == 1
    assert site.trace.letters == "S"


def test_difference_22_what_was_never_stored_is_not_destroyed(open_site: type[Site]) -> None:
    def change_and_destroy(session: Any) -> None:
        change(session)
        session.regenerate()
        session.destroy()

    site = open_site(unset="destroy")
    assert site.letters(change_and_destroy) == ""
    assert site.letters(lambda session: session.unset()) == ""
    assert site.table.length() == 0
