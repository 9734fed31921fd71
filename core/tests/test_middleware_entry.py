"""Where the session stands in scope or environ, and which requests get one."""

import logging
from typing import Any

import pytest
from harness import SITES, Site

from coatcheck import AsyncSession, CookieOptions, Session, SessionClosed

pytestmark = pytest.mark.parametrize("open_site", SITES)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def change(session: Any) -> None:
    session["a"] = 1


def test_the_session_is_of_the_kind_of_the_application(open_site: type[Site]) -> None:
    expected = AsyncSession if open_site.key == "session" else Session

    assert type(open_site().visit(lambda session: session).value) is expected


def test_the_key_names_the_entry(open_site: type[Site]) -> None:
    site = open_site(key="cart")

    def change_cart(missing: Any) -> None:
        assert missing is None
        site.request["cart"]["items"] = 3

    assert len(site.visit(change_cart).set_cookies) == 1
    assert site.data() == {"items": 3}


def test_two_middlewares_side_by_side_keep_two_sessions(open_site: type[Site]) -> None:
    def inside(app: Any) -> Any:
        return open_site.Middleware(app, secret="the secret of the second one", name="two", key="second")

    site = open_site(name="one", inside=inside)

    def change_both(session: Any) -> tuple[int, int]:
        second = site.request["second"]
        session["n"] = session.get("n", 0) + 1
        second["n"] = second.get("n", 0) + 10
        return session["n"], second["n"]

    response = site.visit(change_both)
    assert sorted(cookie.partition("=")[0] for cookie in response.set_cookies) == ["one", "two"]
    assert site.visit(change_both).value == (2, 20)


def test_a_nested_middleware_of_the_same_key_passes_through_and_says_so_once(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    def inside(app: Any) -> Any:
        return open_site.Middleware(app, secret="the secret of the nested one", name="nested")

    site = open_site(inside=inside)
    for _ in range(3):
        assert site.visit(change).status == 200

    assert site.visit(lambda session: session["a"]).value == 1
    assert [*site.browser.cookies] == ["sid"]
    (message,) = warnings(caplog)
    assert f"{open_site.key!r} exists already" in message


def test_an_entry_that_is_none_does_not_count_as_a_session(open_site: type[Site]) -> None:
    site = open_site()

    none: dict[str, Any] = {site.key: None}
    response = site.visit(change, **none)

    assert len(response.set_cookies) == 1


def test_an_excluded_request_gets_no_session_and_makes_no_store_call(open_site: type[Site]) -> None:
    path = "path" if open_site.key == "session" else "PATH_INFO"
    site = open_site(exclude=lambda request: request[path] == "/health", rolling=True)
    site.visit(change)
    site.trace.take()

    response = site.visit(lambda session: session, "/health")

    assert response.value is None
    assert response.all("vary") == response.set_cookies == []
    assert site.trace.operations == []
    assert site.visit(lambda session: session["a"], "/other").value == 1


def test_a_request_that_is_excluded_is_not_asked_for_its_cookie_options(open_site: type[Site]) -> None:
    def cookie(_: Any) -> CookieOptions:
        raise AssertionError("called for an excluded request")

    assert open_site(exclude=lambda _: True, cookie=cookie).visit().status == 200


def unset_by_deleting(site: Site, _: Any) -> None:
    del site.request[site.key]


def unset_by_none(site: Site, _: Any) -> None:
    site.request[site.key] = None


def unset_by_method(_: Site, session: Any) -> None:
    session.unset()


UNSETTING = pytest.mark.parametrize("unset", [unset_by_deleting, unset_by_none, unset_by_method])


@UNSETTING
def test_unset_keep_leaves_the_record_and_the_cookie_alone(open_site: type[Site], unset: Any) -> None:
    site = open_site(rolling=True)
    site.visit(change)

    def change_and_unset(session: Any) -> None:
        session["a"] = 2
        unset(site, session)

    site.trace.take()
    response = site.visit(change_and_unset)

    assert response.set_cookies == []
    assert site.trace.letters == "G"
    assert site.data() == {"a": 1}


@UNSETTING
def test_unset_destroy_ends_the_session_and_clears_the_cookie(open_site: type[Site], unset: Any) -> None:
    site = open_site(unset="destroy")
    site.visit(change)
    site.trace.take()

    response = site.visit(lambda session: unset(site, session))

    assert site.trace.letters == "GD"
    assert "Max-Age=0" in response.set_cookies[0]
    assert site.table.length() == 0


@UNSETTING
@pytest.mark.parametrize("option", ["keep", "destroy"])
def test_a_new_session_that_is_unset_is_not_stored(open_site: type[Site], unset: Any, option: Any) -> None:
    site = open_site(unset=option, save_uninitialized=True)

    def change_and_unset(session: Any) -> None:
        session["a"] = 2
        unset(site, session)

    assert site.letters(change_and_unset) == ""
    assert site.browser.cookies == {}


@pytest.mark.parametrize("value", [{}, False, "session", {"a": 1}])
def test_any_other_object_in_the_entry_is_a_type_error_at_the_commit(
    open_site: type[Site], value: Any
) -> None:
    site = open_site()
    site.visit(change)
    site.trace.take()

    def assign(_: Any) -> None:
        site.request[site.key] = value

    with pytest.raises(TypeError, match=f"{site.key}.*only None"):
        site.visit(assign)
    assert site.trace.letters == "G"


def test_the_session_itself_may_be_assigned_again(open_site: type[Site]) -> None:
    site = open_site()

    def assign(session: Any) -> None:
        session["a"] = 1
        site.request[site.key] = session

    site.visit(assign)
    assert site.data() == {"a": 1}


def test_a_session_that_was_unset_takes_no_more_changes(open_site: type[Site]) -> None:
    def change_after_unset(session: Any) -> None:
        session.unset()
        session["a"] = 1

    with pytest.raises(SessionClosed, match="unset"):
        open_site().visit(change_after_unset)


def test_unset_after_regenerate_still_ends_the_old_record(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(change)

    def regenerate_and_unset(session: Any) -> None:
        session.regenerate()
        session.unset()

    site.visit(regenerate_and_unset)
    assert site.table.length() == 0


def test_a_pending_unset_destroy_is_carried_out_when_the_application_raises(open_site: type[Site]) -> None:
    site = open_site(unset="destroy")
    site.visit(change)

    def unset_and_raise(_: Any) -> None:
        del site.request[site.key]
        raise LookupError("of the application")

    with pytest.raises(LookupError, match="of the application"):
        site.visit(unset_and_raise)
    assert site.table.length() == 0
