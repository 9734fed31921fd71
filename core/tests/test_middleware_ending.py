"""regenerate() and destroy(): a new id, and an end; and what is left when a request is over."""

import gc
import weakref
from typing import Any

import pytest
from harness import SITES, Site, attributes, settle

from coatcheck import CookieOptions, SessionClosed, SessionDestroyed

pytestmark = pytest.mark.parametrize("open_site", SITES)


def with_session(open_site: type[Site], **options: Any) -> Site:
    site = open_site(**options)
    site.visit(lambda session: session.update(n=1))
    site.trace.take()
    return site


def test_regenerate_gives_a_new_id_at_once_and_empties_the_session(open_site: type[Site]) -> None:
    site = with_session(open_site)
    old = site.sid

    def regenerate(session: Any) -> Any:
        session.regenerate()
        return session.id, session.is_new, dict(session)

    sid, is_new, data = site.visit(regenerate).value
    assert (is_new, data) == (True, {})
    assert old != sid == site.sid
    assert site.data() == {}


def test_regenerate_with_its_data_keeps_data_and_cookie_attributes(open_site: type[Site]) -> None:
    site = with_session(open_site)

    def regenerate(session: Any) -> Any:
        session.cookie.samesite = "strict"
        session.regenerate(keep_data=True)
        session["user"] = "kim"
        return dict(session)

    response = site.visit(regenerate)
    assert response.value == site.data() == {"n": 1, "user": "kim"}
    assert attributes(response.set_cookies[0])["SameSite"] == "Strict"


def test_regenerate_without_data_makes_a_new_cookie_too(open_site: type[Site]) -> None:
    site = with_session(open_site, cookie=CookieOptions(samesite="lax"))
    site.visit(lambda session: setattr(session.cookie, "samesite", "strict"))

    (set_cookie,) = site.visit(lambda session: session.regenerate()).set_cookies
    assert attributes(set_cookie)["SameSite"] == "Lax"


@pytest.mark.parametrize("keep_data", [False, True])
def test_the_old_id_is_unusable_when_the_response_leaves(open_site: type[Site], keep_data: bool) -> None:
    site = with_session(open_site)
    old = site.sid
    stored_at_the_first_byte: list[Any] = []
    site.visit(
        lambda session: session.regenerate(keep_data),
        later=lambda _: stored_at_the_first_byte.append(site.table.peek(old)),
    )

    assert stored_at_the_first_byte == [None]


def test_regenerate_twice_makes_one_new_record_and_ends_one(open_site: type[Site]) -> None:
    def twice(session: Any) -> Any:
        session.regenerate(keep_data=True)
        first = session.id
        session.regenerate(keep_data=True)
        return first != session.id

    site = with_session(open_site)
    assert site.visit(twice).value
    assert site.trace.operations == ["get_and_touch", "set", "replace"]
    assert site.table.snapshot() == [site.sid]
    assert site.data() == {"n": 1}


def test_data_that_one_of_two_regenerations_dropped_does_not_come_back(open_site: type[Site]) -> None:
    def drop_and_keep(session: Any) -> None:
        session.regenerate()
        session["fresh"] = True
        session.regenerate(keep_data=True)

    site = with_session(open_site)
    site.visit(drop_and_keep)
    assert site.data() == {"fresh": True}
    assert site.table.snapshot() == [site.sid]


def test_regenerate_of_a_new_session_stores_one_record(open_site: type[Site]) -> None:
    site = open_site()

    assert site.letters(lambda session: session.regenerate()) == "S"
    assert site.table.snapshot() == [site.sid]


def test_save_after_regenerate_ends_the_old_record_at_once(open_site: type[Site]) -> None:
    site = with_session(open_site)
    old = site.sid

    async def regenerate_and_save(session: Any) -> Any:
        session.regenerate(keep_data=True)
        await settle(session.save())
        return site.table.peek(old), site.data(session.id)

    assert site.visit(regenerate_and_save).value == (None, {"n": 1})


def test_destroy_leaves_an_empty_session_that_refuses_everything_but_reading(open_site: type[Site]) -> None:
    async def destroy(session: Any) -> Any:
        session.destroy()
        session.destroy()
        for attempt in (lambda: session.update(n=2), session.clear, session.touch):
            with pytest.raises(SessionDestroyed, match=r"regenerate\(\) starts a new one"):
                attempt()
        with pytest.raises(SessionDestroyed):
            del session["n"]
        with pytest.raises(SessionDestroyed):
            await settle(session.save())
        with pytest.raises(SessionDestroyed):
            await settle(session.reload())
        with pytest.raises(SessionDestroyed):
            await settle(session.transact(dict))
        return dict(session), session.get("n"), len(session)

    site = with_session(open_site)
    response = site.visit(destroy)

    assert response.value == ({}, None, 0)
    assert attributes(response.set_cookies[0])["Max-Age"] == "0"
    assert site.trace.letters == "GD"
    assert site.table.length() == 0


def test_a_change_before_destroy_is_not_written(open_site: type[Site]) -> None:
    def change_and_destroy(session: Any) -> None:
        session["n"] = 2
        session.destroy()

    assert with_session(open_site).letters(change_and_destroy) == "GD"


def test_the_application_may_go_on_with_a_new_session_after_destroy(open_site: type[Site]) -> None:
    site = with_session(open_site)
    old = site.sid

    def start_anew(session: Any) -> Any:
        session.destroy()
        session.regenerate()
        session["fresh"] = True
        return dict(session)

    response = site.visit(start_anew)
    assert response.value == site.data() == {"fresh": True}
    assert site.table.snapshot() == [site.sid] != [old]
    assert [cookie.startswith("sid=;") for cookie in response.set_cookies] == [False]


def test_data_cannot_be_kept_beyond_destroy(open_site: type[Site]) -> None:
    site = with_session(open_site)

    def start_anew(session: Any) -> None:
        session.destroy()
        session.regenerate(keep_data=True)

    site.visit(start_anew)
    assert site.data() == {}


def test_destroy_after_regenerate_ends_the_session_that_came_with_the_request(open_site: type[Site]) -> None:
    def regenerate_and_destroy(session: Any) -> None:
        session.regenerate()
        session.destroy()

    site = with_session(open_site)
    response = site.visit(regenerate_and_destroy)

    assert site.trace.letters == "GD"
    assert site.table.length() == 0
    assert site.browser.cookies == {}
    assert len(response.set_cookies) == 1


def test_destroy_after_regenerate_and_save_ends_the_new_record_too(open_site: type[Site]) -> None:
    async def regenerate_save_destroy(session: Any) -> None:
        session.regenerate()
        await settle(session.save())
        session.destroy()

    site = with_session(open_site)
    site.visit(regenerate_save_destroy)

    assert site.table.length() == 0


def test_a_session_that_was_destroyed_elsewhere_is_a_new_one(open_site: type[Site]) -> None:
    site = with_session(open_site)
    old = site.sid
    site.table.destroy(old)

    assert site.visit(lambda session: (session.is_new, dict(session))).value == (True, {})
    site.visit(lambda session: session.update(n=1))
    assert site.sid != old


def test_a_session_is_freed_with_its_request_without_the_garbage_collector(open_site: type[Site]) -> None:
    site = with_session(open_site)
    gc.disable()
    try:
        state = site.visit(lambda session: weakref.ref(session._state) if session["n"] else None).value
        site.visit()  # the site itself holds on to the last request
        assert state() is None
    finally:
        gc.enable()


def test_a_session_that_nobody_used_gets_no_id_any_more(open_site: type[Site]) -> None:
    session = open_site().visit(lambda session: session).value

    with pytest.raises(SessionClosed, match="the request is over"):
        _ = session.id


def test_the_cookie_is_cleared_with_the_attributes_that_the_browser_has_it_with(
    open_site: type[Site],
) -> None:
    def in_domain(session: Any) -> None:
        session["n"] = 1
        session.cookie.domain = "example.com"

    def begin_anew_and_end(session: Any) -> None:
        session.regenerate()
        session.destroy()

    def change_and_end(session: Any) -> None:
        session.cookie.domain = None
        session.destroy()

    for end in (begin_anew_and_end, change_and_end):
        site = open_site()
        site.visit(in_domain)
        (cleared,) = site.visit(end).set_cookies
        assert attributes(cleared)["Domain"] == "example.com"


def test_an_id_that_is_generated_a_second_time_is_written_over_and_not_ended(open_site: type[Site]) -> None:
    for keep_data in (False, True):
        site = with_session(open_site, generate_id=lambda request: "apple")

        def log_in(session: Any, keep_data: bool = keep_data) -> None:
            session.regenerate(keep_data=keep_data)
            session["m"] = 2

        site.visit(log_in)

        assert site.data() == ({"n": 1, "m": 2} if keep_data else {"m": 2})
