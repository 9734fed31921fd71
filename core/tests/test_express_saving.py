"""Counterparts of express-session's tests 69 to 96: when a session is saved."""

import secrets
from typing import Any

import pytest
from express.counterparts import KEYBOARD_CAT, count_visits, fail, session_js, site_of_express
from harness import Site

from coatcheck import ConfigurationError, StoreError


def unset(site: Site) -> Any:
    """Make a handler that takes the session away, as ``req.session = null`` does."""

    def handler(_session: Any) -> None:
        site.request[site.key] = None

    return handler


# -- rolling


@session_js(69)
def test_rolling_should_default_to_false(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)

    assert site.visit().set_cookies == []


@session_js(70)
def test_should_force_cookie_on_unmodified_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site, rolling=True)
    site.visit(count_visits)

    assert len(site.visit().set_cookies) == 1


@session_js(71)
def test_should_not_force_cookie_on_uninitialized_session_that_is_not_saved(new_site: type[Site]) -> None:
    site = site_of_express(new_site, rolling=True, save_uninitialized=False)

    assert site.visit().set_cookies == []
    assert site.trace.operations == []


@session_js(72)
def test_should_force_cookie_and_save_uninitialized_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site, rolling=True, save_uninitialized=True)

    assert len(site.visit().set_cookies) == 1
    assert site.trace.letters == "S"


@session_js(73)
def test_should_force_cookie_and_save_modified_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site, rolling=True, save_uninitialized=False)

    assert len(site.visit(count_visits).set_cookies) == 1
    assert site.trace.letters == "S"


# -- resave


@session_js(74)
def test_resave_should_default_to_false(new_site: type[Site]) -> None:
    site = new_site()
    site.visit(count_visits)

    assert site.letters() == "G"


@session_js(75)
def test_should_force_save_on_unmodified_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site, resave=True)
    site.visit(count_visits)

    assert site.letters() == "GS"


@session_js(76)
def test_should_prevent_save_on_unmodified_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site, resave=False)
    site.visit(lambda session: session.update(user="bob"))

    assert site.letters(lambda session: session.update(user="bob")) == "G"


@session_js(77)
def test_should_still_save_modified_session_without_resave(new_site: type[Site]) -> None:
    site = site_of_express(new_site, resave=False)

    def put(name: str) -> str:
        return site.letters(lambda session: session.update(token=name))

    assert [put("one"), site.letters(dict), put("two"), site.letters(dict)] == ["S", "G", "GS", "G"]
    assert site.data() == {"token": "two"}


@session_js(78)
def test_should_detect_a_nested_cookie_property_as_modified(new_site: type[Site]) -> None:
    site = site_of_express(new_site, resave=False)
    site.visit(lambda session: session.update(user={"name": "bob", "cookie": 1}))

    def count(session: Any) -> None:
        session["user"]["cookie"] += 1

    assert site.letters(count) == "GS"
    assert site.data() == {"user": {"name": "bob", "cookie": 2}}


@session_js(79)
def test_should_pass_session_touch_error(new_site: type[Site]) -> None:
    site = site_of_express(new_site, resave=False, rolling=True)
    site.visit(count_visits)
    site.trace.before["touch"] = fail

    with pytest.raises(StoreError, match="boom!"):
        site.visit()


# -- saveUninitialized: save_uninitialized


@session_js(80)
def test_save_uninitialized_should_default_to_false(new_site: type[Site]) -> None:
    site = new_site()

    assert site.visit().set_cookies == []
    assert site.trace.operations == []


@session_js(81)
def test_should_force_save_of_uninitialized_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site, save_uninitialized=True)

    assert len(site.visit().set_cookies) == 1
    assert site.trace.letters == "S"


@session_js(82)
def test_should_prevent_save_of_uninitialized_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site, save_uninitialized=False)

    assert site.visit(dict).set_cookies == []
    assert site.trace.operations == []


@session_js(83)
def test_should_still_save_modified_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site, save_uninitialized=False)

    assert len(site.visit(count_visits).set_cookies) == 1
    assert site.trace.letters == "S"


@session_js(84)
def test_should_pass_session_save_error(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.trace.before["set"] = fail

    with pytest.raises(StoreError, match="boom!"):
        site.visit(count_visits)


@session_js(85)
def test_should_prevent_uninitialized_session_from_being_touched(new_site: type[Site]) -> None:
    site = site_of_express(new_site, save_uninitialized=False, rolling=True)

    site.visit(dict)

    assert site.trace.operations == []


# -- secret


@session_js(86)
def test_should_reject_empty_lists(new_site: type[Site]) -> None:
    with pytest.raises(ConfigurationError, match="secret"):
        site_of_express(new_site, secret=[])


@session_js(87, 88)
@pytest.mark.parametrize("secret", ["awesome cat", secrets.token_bytes(32)], ids=["string", "bytes"])
def test_should_sign_and_unsign_with(new_site: type[Site], secret: str | bytes) -> None:
    site = site_of_express(new_site, secret=secret)

    site.visit(count_visits)

    assert site.visit(count_visits).value == 2


@session_js(89)
def test_list_should_sign_cookies(new_site: type[Site]) -> None:
    site = site_of_express(new_site, secret=[KEYBOARD_CAT, "nyan cat"])

    assert len(site.visit().set_cookies) == 1


@session_js(90)
def test_list_should_sign_cookies_with_first_element(new_site: type[Site]) -> None:
    site = site_of_express(new_site, secret=[KEYBOARD_CAT, "nyan cat"])

    assert visits_after_changing_secret(site, "nyan cat") == 1
    assert visits_after_changing_secret(site, KEYBOARD_CAT) == 2


@session_js(91)
def test_list_should_read_cookies_using_all_elements(new_site: type[Site]) -> None:
    site = site_of_express(new_site, secret="nyan cat")

    assert visits_after_changing_secret(site, [KEYBOARD_CAT, "nyan cat"]) == 2


def visits_after_changing_secret(site: Site, secret: Any) -> Any:
    """Visit once, and then again the same store behind a middleware with another secret."""
    first = site.middleware
    site.another_browser()
    site.visit(count_visits)
    cookies = site.browser.cookies
    site.serve(site.Middleware(site.application, secret=secret, store=site.store, clock=site.clock))
    site.browser.cookies.update(cookies)
    visits = site.visit(count_visits).value
    site.serve(first)
    return visits


# -- unset


@session_js(92)
def test_should_reject_unknown_values_of_unset(new_site: type[Site]) -> None:
    with pytest.raises(ConfigurationError, match="unset must be one of"):
        site_of_express(new_site, unset="bogus!")


@session_js(93)
def test_unset_should_default_to_keep(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)

    site.visit(unset(site))

    assert site.table.length() == 1


@session_js(94)
def test_should_allow_destroy_on_unset(new_site: type[Site]) -> None:
    site = site_of_express(new_site, unset="destroy")
    site.visit(count_visits)
    assert site.table.length() == 1

    site.visit(unset(site))

    assert site.table.length() == 0


@session_js(95)
def test_should_not_set_cookie_if_initial_session_destroyed(new_site: type[Site]) -> None:
    site = site_of_express(new_site, unset="destroy")

    response = site.visit(unset(site))

    assert response.set_cookies == []
    assert site.table.length() == 0


@session_js(96)
def test_should_pass_session_destroy_error(new_site: type[Site]) -> None:
    site = site_of_express(new_site, unset="destroy")
    site.visit(count_visits)
    site.trace.before["destroy"] = fail

    with pytest.raises(StoreError, match="boom!"):
        site.visit(unset(site))
