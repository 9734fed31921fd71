"""The numbered differences from express-session, 1 to 9, each by its number."""

from typing import Any

import pytest
from harness import SITES, Site, attributes, settle

from coatcheck import CookieOptions

pytestmark = pytest.mark.parametrize("open_site", SITES)

BOTH_STYLES = pytest.mark.parametrize("max_age", [None, 60])


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def with_session(open_site: type[Site], max_age: float | None = None, **options: Any) -> Site:
    site = open_site(cookie=CookieOptions(max_age=max_age), **options)
    site.visit(change)
    site.trace.take()
    return site


def test_difference_01_the_session_is_written_before_the_first_byte(open_site: type[Site]) -> None:
    site = with_session(open_site)
    at_the_first_byte: list[Any] = []
    site.visit(change, later=lambda _: at_the_first_byte.append(site.data()))

    assert at_the_first_byte == [{"n": 2}]


def test_difference_01_a_change_while_streaming_is_written_before_the_end(open_site: type[Site]) -> None:
    site = with_session(open_site)
    site.visit(change, later=change)

    assert site.data() == {"n": 3}
    assert site.trace.letters == "GSS"


def test_difference_01_a_failed_save_is_an_error_that_the_client_sees(open_site: type[Site]) -> None:
    site = with_session(open_site)
    site.outage("replace")

    assert site.visit(change, status=302, reply=[("Location", "/next")]).status == 503


@pytest.mark.parametrize("option", ["destroy", "keep"])
def test_difference_02_destroy_and_unset_destroy_expire_the_browsers_cookie(
    open_site: type[Site], option: Any
) -> None:
    site = with_session(open_site, unset=option)
    ending = (lambda session: session.unset()) if option == "destroy" else (lambda session: session.destroy())
    (set_cookie,) = site.visit(ending).set_cookies

    assert set_cookie.startswith("sid=; Max-Age=0;")
    assert site.browser.cookies == {}


def test_difference_02_a_browser_without_a_cookie_is_sent_none_to_expire(open_site: type[Site]) -> None:
    assert open_site().visit(lambda session: session.destroy()).set_cookies == []


def test_difference_03_set_cookie_has_max_age_beside_expires(open_site: type[Site]) -> None:
    sent = attributes(open_site(cookie=CookieOptions(max_age=1.5)).visit(change).set_cookies[0])

    assert (sent["Max-Age"], sent["Expires"]) == ("2", "Mon, 12 Jan 1970 13:46:41 GMT")


def test_difference_04_a_path_that_only_begins_like_the_cookies_is_outside(open_site: type[Site]) -> None:
    site = open_site(cookie=CookieOptions(path="/foo"))

    assert site.visit(lambda session: session, "/foobar").value is None
    assert site.visit(lambda session: session, "/foo/bar").value is not None


def test_difference_05_auto_is_resolved_where_the_cookie_is_a_function_called_once(
    open_site: type[Site],
) -> None:
    called: list[bool] = []

    def cookie(_: Any) -> CookieOptions:
        called.append(True)
        return CookieOptions(secure="auto", samesite="auto")

    (set_cookie,) = open_site(cookie=cookie).visit(change, https=True).set_cookies
    assert attributes(set_cookie) == {"Path": "/", "HttpOnly": "", "Secure": "", "SameSite": "None"}
    assert called == [True]


@BOTH_STYLES
def test_difference_06_changing_only_the_cookies_attributes_is_saved_and_sent(
    open_site: type[Site], max_age: Any
) -> None:
    site = with_session(open_site, max_age)
    response = site.visit(lambda session: setattr(session.cookie, "samesite", "strict"))

    assert site.trace.letters == "GS"
    assert attributes(response.set_cookies[0])["SameSite"] == "Strict"
    assert site.document()["cookie"]["sameSite"] == "strict"


def test_difference_06_it_also_starts_a_new_session(open_site: type[Site]) -> None:
    response = open_site().visit(lambda session: setattr(session.cookie, "max_age", 5))

    assert attributes(response.set_cookies[0])["Max-Age"] == "5"


async def regenerate_and_save(session: Any) -> None:
    session.regenerate()
    session["n"] = 5
    await settle(session.save())


async def change_and_save(session: Any) -> None:
    change(session)
    await settle(session.save())


def destroy_and_unset(session: Any) -> None:
    session.destroy()
    session.unset()


@BOTH_STYLES
@pytest.mark.parametrize("rolling", [False, True])
@pytest.mark.parametrize(
    ("handler", "letters"),
    [(regenerate_and_save, "GSD"), (destroy_and_unset, "GD"), (change_and_save, "GS")],
)
def test_difference_07_no_call_is_made_twice(
    open_site: type[Site], handler: Any, letters: str, rolling: bool, max_age: Any
) -> None:
    site = with_session(open_site, max_age, unset="destroy", rolling=rolling)

    assert site.letters(handler) == letters


@pytest.mark.parametrize(
    ("options", "letters"), [({"rolling": True}, "GT"), ({"resave": True}, "GS"), ({}, "G")]
)
def test_difference_07_a_streaming_answer_makes_no_call_twice(
    open_site: type[Site], options: Any, letters: str
) -> None:
    site = with_session(open_site, **options)

    assert site.letters(lambda session: session["n"], later=lambda session: session["n"]) == letters


def test_difference_08_a_new_session_whose_cookie_cannot_be_sent_is_not_stored(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(cookie=CookieOptions(secure=True), save_uninitialized=True)

    assert site.letters(change) == ""
    assert "cannot be sent: Secure cookie over http, X-Forwarded-Proto not trusted" in caplog.text


def test_difference_08_save_does_not_store_it_either(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(cookie=CookieOptions(secure=True), trust_proxy=True)

    assert site.letters(change_and_save) == ""
    assert "cannot be sent: Secure cookie over http, X-Forwarded-Proto does not say https" in caplog.text


@BOTH_STYLES
def test_difference_09_logging_out_is_final(open_site: type[Site], max_age: Any) -> None:
    site = with_session(open_site, max_age, rolling=True)

    def change_while_logging_out(session: Any) -> None:
        change(session)
        site.table.destroy(site.sid)

    response = site.visit(change_while_logging_out)
    assert (response.status, response.set_cookies) == (200, [])
    assert site.table.length() == 0


def test_difference_09_a_renewal_does_not_bring_it_back_either(open_site: type[Site]) -> None:
    site = with_session(open_site, rolling=True)

    assert site.visit(lambda _: site.table.destroy(site.sid)).set_cookies == []
    assert site.table.length() == 0
