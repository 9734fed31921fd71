"""Counterparts of express-session's tests 115 to 136: the cookie of a session, seen from the application."""

from datetime import UTC, datetime
from typing import Any

import pytest
from express.counterparts import count_visits, session_js, site_of_express
from harness import Response, Site, attributes

from coatcheck import CookieOptions

HTTPS = ("X-Forwarded-Proto", "https")
UNLIMITED = CookieOptions()


def sent(response: Response) -> dict[str, str]:
    """Return the attributes of the session's cookie, which is the last one."""
    return attributes(response.set_cookies[-1])


@session_js(115)
def test_should_serialize_as_parameters(new_site: type[Site]) -> None:
    site = site_of_express(new_site, trust_proxy=True, cookie=UNLIMITED)

    def change(session: Any) -> None:
        session.cookie.httponly = False
        session.cookie.secure = True

    def restrict(session: Any) -> None:
        session.cookie.samesite = "strict"

    assert sent(site.visit(change, headers=[HTTPS])) == {"Path": "/", "Secure": ""}
    assert sent(site.visit(restrict, headers=[HTTPS])) == {"Path": "/", "Secure": "", "SameSite": "Strict"}


@session_js(116)
def test_should_default_to_a_browser_session_length_cookie(new_site: type[Site]) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(path="/admin"))

    assert sent(site.visit(path="/admin")) == {"Path": "/admin", "HttpOnly": ""}


@session_js(117)
def test_should_set_cookie_only_once_for_browser_session_cookies(new_site: type[Site]) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(path="/admin"))

    assert len(site.visit(path="/admin").set_cookies) == 1
    assert site.visit(path="/admin").set_cookies == []


@session_js(118)
def test_should_override_defaults(new_site: type[Site]) -> None:
    options = CookieOptions(path="/admin", httponly=False, secure=True, max_age=5, priority="high")
    site = site_of_express(new_site, cookie=options)

    def insecure(session: Any) -> None:
        session.cookie.secure = False

    cookie = sent(site.visit(insecure, "/admin"))

    assert sorted(cookie) == ["Expires", "Max-Age", "Path", "Priority"]
    assert (cookie["Path"], cookie["Priority"], cookie["Max-Age"]) == ("/admin", "High", "5")


@session_js(119)
def test_should_refuse_at_once_what_cannot_be_a_cookie(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    def bad_cookie(session: Any) -> None:
        with pytest.raises(TypeError, match="expires"):
            session.cookie.expires = float("nan")

    response = site.visit(bad_cookie)

    assert (response.status, response.body, len(response.set_cookies)) == (200, b"whole", 1)


@session_js(120, 121)
@pytest.mark.parametrize("theirs", [["previous=cookie"], ["previous=cookie", "another=one; Path=/"]])
def test_should_preserve_cookies_of_the_application(new_site: type[Site], theirs: list[str]) -> None:
    site = site_of_express(new_site)

    response = site.visit(count_visits, reply=[("Set-Cookie", cookie) for cookie in theirs])

    *before, last = response.set_cookies
    assert before == theirs
    assert last.startswith("sid=")


# -- original_max_age


@session_js(122)
def test_should_equal_original_max_age(new_site: type[Site]) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(max_age=2))

    assert site.visit(lambda session: session.cookie.original_max_age).value == 2
    assert site.document()["cookie"]["originalMaxAge"] == 2000


@session_js(123)
def test_should_equal_original_max_age_for_all_requests(new_site: type[Site]) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(max_age=2))

    for _ in range(3):
        assert site.visit(lambda session: session.cookie.original_max_age).value == 2
        assert site.document()["cookie"]["originalMaxAge"] == 2000
        site.clock.advance(0.1)


# -- secure


@session_js(125)
def test_should_set_cookie_when_secure(new_site: type[Site]) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(secure=True))

    assert "Secure" in sent(site.visit(https=True))


@session_js(126)
def test_should_not_set_cookie_when_insecure(new_site: type[Site]) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(secure=True))

    response = site.visit()

    assert (response.status, response.set_cookies) == (200, [])
    assert site.trace.operations == []


# -- max_age


@session_js(127, 128, 129)
@pytest.mark.parametrize("seconds", [2, 5, 3_000_000])
def test_should_set_cookie_expires_relative_to_max_age(new_site: type[Site], seconds: float) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(max_age=2))

    def last(session: Any) -> None:
        session.cookie.max_age = seconds

    cookie = sent(site.visit(last))

    assert cookie["Max-Age"] == str(seconds)
    assert expires(cookie) == datetime.fromtimestamp(site.clock() + seconds, UTC)
    site.clock.advance(seconds - 0.5)
    assert site.visit(lambda session: session.is_new).value is False


# -- expires


@session_js(130)
def test_should_set_absolute(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    def past(session: Any) -> None:
        session.cookie.expires = datetime.fromtimestamp(0, UTC)

    cookie = sent(site.visit(past))

    assert (cookie["Expires"], cookie["Max-Age"]) == ("Thu, 01 Jan 1970 00:00:00 GMT", "0")


def without_end(session: Any) -> int:
    session.cookie.expires = None
    return count_visits(session)


@session_js(131)
def test_none_should_be_a_browser_session_cookie(new_site: type[Site]) -> None:
    assert sent(site_of_express(new_site).visit(without_end)) == {"Path": "/", "HttpOnly": ""}


@session_js(132)
def test_none_should_not_reset_cookie(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(without_end)

    assert site.visit(dict).set_cookies == []


@session_js(133)
def test_none_should_not_reset_cookie_when_modified(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(without_end)

    response = site.visit(without_end)

    assert (response.value, response.set_cookies) == (2, [])


# -- partitioned


@session_js(134, 135, 136)
@pytest.mark.parametrize("partitioned", [None, False, True])
def test_should_set_partitioned_attribute_only_if_true(
    new_site: type[Site], partitioned: bool | None
) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(secure=True, partitioned=partitioned))

    assert ("Partitioned" in sent(site.visit(https=True))) is bool(partitioned)


def expires(cookie: dict[str, str]) -> datetime:
    return datetime.strptime(cookie["Expires"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
