"""touch(), save() and reload(), and what is impossible once the response was sent."""

from typing import Any

import pytest
from harness import SITES, Site, settle

from coatcheck import CookieOptions, SessionClosed, SessionDestroyed

pytestmark = pytest.mark.parametrize("open_site", SITES)


def with_session(open_site: type[Site], **options: Any) -> Site:
    site = open_site(**options)
    site.visit(lambda session: session.update(n=1, cart={"items": ["coat"]}))
    site.trace.take()
    return site


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def test_touch_starts_the_lifetime_over(open_site: type[Site]) -> None:
    site = with_session(open_site, cookie=CookieOptions(max_age=60))
    site.clock.advance(50)
    site.visit(lambda session: session.touch())
    site.clock.advance(50)

    assert site.visit(lambda session: session["n"]).value == 1


def test_touch_of_a_new_session_stores_nothing(open_site: type[Site]) -> None:
    assert open_site().letters(lambda session: session.touch()) == ""


def test_save_writes_at_once(open_site: type[Site]) -> None:
    site = with_session(open_site)

    async def save(session: Any) -> Any:
        change(session)
        before = site.data()["n"]
        await settle(session.save())
        return before, site.data()["n"]

    assert site.visit(save).value == (1, 2)
    assert site.trace.letters == "GS"


def test_a_change_after_save_is_saved_at_the_end(open_site: type[Site]) -> None:
    async def save_and_change(session: Any) -> None:
        change(session)
        await settle(session.save())
        change(session)

    site = with_session(open_site)
    assert site.letters(save_and_change) == "GSS"
    assert site.data()["n"] == 3


def test_touch_after_save_renews_once_more_and_touch_before_save_does_not(open_site: type[Site]) -> None:
    async def save_and_touch(session: Any) -> None:
        change(session)
        await settle(session.save())
        session.touch()

    async def touch_and_save(session: Any) -> None:
        session.touch()
        change(session)
        await settle(session.save())

    site = with_session(open_site)
    assert site.letters(save_and_touch) == "GST"
    assert site.letters(touch_and_save) == "GS"


def test_save_writes_also_what_was_not_changed(open_site: type[Site]) -> None:
    async def save(session: Any) -> None:
        await settle(session.save())

    assert with_session(open_site).letters(save) == "GS"


def test_reload_brings_what_is_stored_and_drops_unsaved_changes(open_site: type[Site]) -> None:
    site = with_session(open_site)

    async def reload(session: Any) -> Any:
        session["n"] = 99
        session.cookie.priority = "low"
        site.rival(n=5, added=1)
        await settle(session.reload())
        return dict(session), session.cookie.priority, session.modified

    data, priority, _ = site.visit(reload).value
    assert (data, priority) == ({"n": 5, "cart": {"items": ["coat"]}, "added": 1}, None)
    assert site.data()["n"] == 5
    assert site.trace.operations[:2] == ["get_and_touch", "get"]


def test_reload_that_brings_nothing_new_saves_nothing(open_site: type[Site]) -> None:
    async def reload(session: Any) -> None:
        session["n"] = 99
        await settle(session.reload())

    assert with_session(open_site).letters(reload) == "GG"


@pytest.mark.parametrize("stored", [None, b"unreadable"])
def test_reload_of_a_session_that_is_gone_raises(open_site: type[Site], stored: bytes | None) -> None:
    site = with_session(open_site)

    async def reload(session: Any) -> Any:
        if stored is None:
            site.table.destroy(site.sid)
        else:
            site.plant(stored)
        with pytest.raises(SessionDestroyed, match="nothing to reload"):
            await settle(session.reload())
        return session["n"]

    assert site.visit(reload).value == 1


def test_reload_of_a_new_session_raises(open_site: type[Site]) -> None:
    async def reload(session: Any) -> None:
        with pytest.raises(SessionDestroyed):
            await settle(session.reload())

    assert open_site().letters(reload) == ""


# -- what is impossible once the response was sent


def test_a_loaded_session_may_change_while_its_answer_streams_but_not_its_id(open_site: type[Site]) -> None:
    def later(session: Any) -> None:
        change(session)
        with pytest.raises(SessionClosed, match="regenerate"):
            session.regenerate()

    site = with_session(open_site)
    site.visit(later=later)
    assert site.data()["n"] == 2


def test_a_destroy_while_streaming_ends_the_session(open_site: type[Site]) -> None:
    site = with_session(open_site)
    response = site.visit(later=lambda session: session.destroy())

    assert site.table.length() == 0
    assert response.set_cookies == []


def test_after_the_response_assignments_save_and_the_rest_raise(open_site: type[Site]) -> None:
    site = with_session(open_site)
    session = site.visit(lambda session: session).value

    for attempt in (
        lambda: session.update(n=2),
        session.clear,
        session.touch,
        session.destroy,
        session.regenerate,
    ):
        with pytest.raises(SessionClosed, match="has been sent"):
            attempt()
    assert session["n"] == 1
    assert site.data()["n"] == 1
