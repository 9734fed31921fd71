"""Counterparts of express-session's tests 100 to 114, 137 and 138: what can be done to a session."""

import asyncio
from typing import Any

import pytest
from express.counterparts import count_visits, session_js, site_of_express
from harness import Site, WSGISite, settle

from coatcheck import SessionDestroyed, load_session, load_session_async

LACKING = ("touch", "get_and_touch", "replace")


def load(site: Site) -> Any:
    """Load the browser's session as a job outside a request does."""
    if isinstance(site, WSGISite):
        return load_session(site.store, site.sid)
    return asyncio.run(load_session_async(site.store, site.sid))


def expect_cookies(site: Site, handler: Any) -> int:
    return len(site.visit(handler).set_cookies)


# -- the session


@session_js(100)
def test_should_persist(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    assert [site.visit(count_visits).value, site.visit(count_visits).value] == [1, 2]
    assert load(site)["visits"] == 2


@session_js(101)
def test_should_only_set_cookie_when_modified(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    assert [expect_cookies(site, handler) for handler in (count_visits, dict, count_visits)] == [1, 0, 1]


@session_js(102)
def test_should_not_have_enumerable_methods(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    site.visit(lambda session: session.update(foo="foo", bar="bar"))

    assert site.visit(sorted).value == ["bar", "foo"]


@session_js(103)
def test_should_go_on_without_session_if_store_is_unavailable(new_site: type[Site]) -> None:
    site = site_of_express(new_site, on_unavailable="anonymous")
    site.visit(count_visits)
    site.outage()

    response = site.visit(lambda session: (dict(session), session.is_new))

    assert (response.status, response.set_cookies) == (200, [])
    assert response.value == ({}, True)


@session_js(104)
def test_should_be_set_when_store_is_available_again(new_site: type[Site]) -> None:
    site = site_of_express(new_site, on_unavailable="anonymous")
    site.visit(count_visits)
    site.outage()
    site.visit()

    site.recovery()

    assert site.visit(count_visits).value == 2


# -- destroy and regenerate


@session_js(105)
def test_should_destroy_the_previous_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)

    def destroy(session: Any) -> dict[str, Any]:
        session.destroy()
        return dict(session)

    response = site.visit(destroy)

    assert response.value == {}
    assert site.browser.cookies == {}
    assert site.table.length() == 0


@session_js(106)
def test_should_replace_the_previous_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)
    old = site.sid

    def regenerate(session: Any) -> tuple[str, str, bool]:
        before = session.id
        session.regenerate()
        return before, session.id, session.is_new

    response = site.visit(regenerate)

    assert response.value == (old, site.sid, True)
    assert site.sid != old
    assert (site.table.length(), site.data()) == (1, {})


# -- reload


@session_js(107)
def test_should_reload_session_from_store(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(lambda session: session.update(url="/"))

    async def reload(session: Any) -> str:
        session["url"] = "/mine"
        site.rival(url="/theirs")
        await settle(session.reload())
        return str(session["url"])

    assert site.visit(reload).value == "/theirs"
    assert site.data() == {"url": "/theirs"}


@session_js(108)
def test_should_error_if_session_is_missing(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)

    async def reload(session: Any) -> None:
        site.table.clear()
        await settle(session.reload())

    with pytest.raises(SessionDestroyed, match="nothing to reload"):
        site.visit(reload)


@session_js(109)
def test_should_survive_many_failing_reloads(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)

    async def reload(session: Any) -> int:
        site.table.clear()
        for _ in range(20):
            with pytest.raises(SessionDestroyed):
                await settle(session.reload())
        return int(session["visits"])

    response = site.visit(reload)

    assert (response.status, response.value) == (200, 1)


# -- save


@session_js(110)
def test_should_save_session_to_store(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    async def save(session: Any) -> dict[str, Any]:
        session["hit"] = True
        await settle(session.save())
        return site.data(session.id)

    assert site.visit(save).value == {"hit": True}


async def count_and_save(session: Any) -> None:
    count_visits(session)
    await settle(session.save())


async def reload_count_and_save(session: Any) -> None:
    await settle(session.reload())
    await count_and_save(session)


@session_js(111)
def test_should_prevent_end_of_request_save(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    assert [site.letters(count_and_save), site.letters(count_and_save)] == ["S", "GS"]


@session_js(112)
def test_should_prevent_end_of_request_save_on_reloaded_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)

    assert site.letters(reload_count_and_save) == "GGS"


@session_js(113)
def test_should_prevent_end_of_request_save_without_save_uninitialized(new_site: type[Site]) -> None:
    site = site_of_express(new_site, save_uninitialized=False)

    assert [site.letters(count_and_save), site.letters(count_and_save)] == ["S", "GS"]


# -- touch


@session_js(114)
def test_should_reset_session_expiration(new_site: type[Site]) -> None:
    site = site_of_express(new_site, resave=False)
    site.visit(count_visits)

    site.clock.advance(40)
    response = site.visit(lambda session: session.touch())
    site.clock.advance(40)

    assert "Max-Age=60" in response.set_cookies[0]
    assert site.visit(count_visits).value == 2


# -- a store with the three operations only: express-session's "synchronous store"


@session_js(137)
def test_should_respond_correctly_on_save(new_site: type[Site]) -> None:
    site = new_site(lacks=LACKING)

    responses = [site.visit(count_visits) for _ in range(2)]
    site.visit(dict)

    assert [(response.body, response.value) for response in responses] == [(b"whole", 1), (b"whole", 2)]
    assert site.trace.operations == ["set", *["get", "get", "set"], "get"]


@session_js(138)
def test_should_respond_correctly_on_destroy(new_site: type[Site]) -> None:
    site = site_of_express(new_site, lacks=LACKING, unset="destroy")
    site.visit(count_visits)

    def count_and_unset(session: Any) -> int:
        visits = count_visits(session)
        site.request[site.key] = None
        return visits

    response = site.visit(count_and_unset, later=lambda session: None)

    assert (response.body, response.value) == (b"firstlast", 2)
    assert site.trace.operations == ["set", "get", "destroy"]
    assert site.table.length() == 0
