"""The cookie option: what is sent, when, and for which paths and schemes."""

from datetime import timedelta
from typing import Any

import pytest
from harness import SITES, Site, attributes

from coatcheck import ConfigurationError, CookieOptions

pytestmark = pytest.mark.parametrize("open_site", SITES)

FORWARDED = "X-Forwarded-Proto"


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def sent(site: Site, *visit: Any, **request: Any) -> dict[str, str]:
    """Return the attributes of the one cookie that a change sends."""
    (cookie,) = site.visit(change, *visit, **request).set_cookies
    return attributes(cookie)


def test_by_default_the_cookie_is_for_the_whole_site_http_only_and_ends_with_the_browser(
    open_site: type[Site],
) -> None:
    assert sent(open_site()) == {"Path": "/", "HttpOnly": ""}


def test_every_attribute_reaches_the_browser_and_the_record(open_site: type[Site]) -> None:
    options = CookieOptions(
        path="/app",
        domain="example.com",
        max_age=60,
        secure=True,
        httponly=False,
        samesite="strict",
        partitioned=True,
        priority="high",
    )
    site = open_site(cookie=options)

    assert sent(site, "/app", https=True) == {
        "Max-Age": "60",
        "Domain": "example.com",
        "Path": "/app",
        "Expires": "Mon, 12 Jan 1970 13:47:40 GMT",
        "Secure": "",
        "Partitioned": "",
        "Priority": "High",
        "SameSite": "Strict",
    }
    assert site.document()["cookie"] == {
        "originalMaxAge": 60000,
        "partitioned": True,
        "priority": "high",
        "expires": "1970-01-12T13:47:40.000Z",
        "secure": True,
        "httpOnly": False,
        "domain": "example.com",
        "path": "/app",
        "sameSite": "strict",
    }


def test_max_age_may_be_a_timedelta(open_site: type[Site]) -> None:
    assert sent(open_site(cookie=CookieOptions(max_age=timedelta(hours=1))))["Max-Age"] == "3600"


@pytest.mark.parametrize(
    ("https", "secure", "expected"),
    [(True, "auto", True), (False, "auto", False), (True, None, False), (True, False, False)],
)
def test_secure_auto_follows_the_scheme_of_the_request(
    open_site: type[Site], https: bool, secure: Any, expected: bool
) -> None:
    assert ("Secure" in sent(open_site(cookie=CookieOptions(secure=secure)), https=https)) is expected


@pytest.mark.parametrize(
    ("https", "secure", "expected"),
    [
        (True, None, {"SameSite": "None"}),
        (False, None, {"SameSite": "Lax"}),
        (True, "auto", {"SameSite": "None", "Secure": ""}),
        (False, "auto", {"SameSite": "Lax"}),
        (True, False, {"SameSite": "None"}),
        (False, False, {"SameSite": "Lax"}),
        (True, True, {"SameSite": "None", "Secure": ""}),
    ],
)
def test_samesite_auto_is_none_over_https_and_lax_over_http(
    open_site: type[Site], https: bool, secure: Any, expected: dict[str, str]
) -> None:
    site = open_site(cookie=CookieOptions(samesite="auto", secure=secure))

    assert sent(site, https=https) == {"Path": "/", "HttpOnly": "", **expected}


def test_a_secure_cookie_is_not_sent_over_http(open_site: type[Site]) -> None:
    site = open_site(cookie=CookieOptions(secure=True))

    assert site.visit(change).set_cookies == []
    assert site.visit(change, https=True).set_cookies != []


@pytest.mark.parametrize(
    ("trust_proxy", "forwarded", "secure"),
    [
        (True, "https", True),
        (True, "HTTPS", True),
        (True, "https,http", True),
        (True, " https , http", True),
        (True, "http,https", False),
        (True, "http", False),
        (True, "", False),
        (False, "https", False),
    ],
)
def test_trust_proxy_reads_the_first_forwarded_scheme(
    open_site: type[Site], trust_proxy: bool, forwarded: str, secure: bool
) -> None:
    auto = open_site(trust_proxy=trust_proxy, cookie=CookieOptions(secure="auto"))
    always = open_site(trust_proxy=trust_proxy, cookie=CookieOptions(secure=True))
    headers = [(FORWARDED, forwarded)] if forwarded else []

    assert ("Secure" in sent(auto, "/", headers)) is secure
    assert bool(always.visit(change, "/", headers).set_cookies) is secure


def test_a_server_that_speaks_https_itself_needs_no_forwarded_scheme(open_site: type[Site]) -> None:
    site = open_site(trust_proxy=True, cookie=CookieOptions(secure=True))

    assert "Secure" in sent(site, "/", [(FORWARDED, "http")], https=True)


@pytest.mark.parametrize(
    ("path", "matches"),
    [
        ("/", False),
        ("/foo", False),
        ("/foo/bar", True),
        ("/foo/bar/", True),
        ("/foo/bar/baz", True),
        ("/foo/barbaz", False),
        ("/FOO/bar", False),
        ("/foo/bar?next=/", True),
    ],
)
def test_only_requests_inside_the_cookies_path_have_a_session(
    open_site: type[Site], path: str, matches: bool
) -> None:
    site = open_site(cookie=CookieOptions(path="/foo/bar"))

    assert (site.visit(lambda session: session is not None, path).value) is matches


def test_the_host_header_and_the_query_do_not_count_as_path(open_site: type[Site]) -> None:
    site = open_site(cookie=CookieOptions(path="/foo/bar"))

    assert site.visit(lambda session: session, "/?/foo/bar", [("Host", "x/foo/bar")]).value is None


def mounted(site: Site, prefix: str, path: str) -> Any:
    """Visit an application that is mounted under a prefix; return its session."""
    if site.key == "session":
        return site.visit(lambda session: session, f"{prefix}{path}", root_path=prefix).value
    return site.visit(lambda session: session, path, SCRIPT_NAME=prefix).value


def test_a_mounted_application_is_matched_by_the_whole_path(open_site: type[Site]) -> None:
    site = open_site(cookie=CookieOptions(path="/foo/bar"))

    assert mounted(site, "/foo", "/bar") is not None
    assert mounted(site, "/foo", "/foo/bar") is None
    assert mounted(site, "/foo/bar", "/x") is not None
    assert mounted(site, "/foo", "/barbaz") is None


def test_a_path_beyond_ascii_matches_none_but_is_served(open_site: type[Site]) -> None:
    site = open_site(cookie=CookieOptions(path="/caf"))

    assert site.visit(lambda session: session, "/caf%C3%A9").value is None
    assert site.visit(lambda session: session, "/caf/%FF%C3%A9").value is not None


def test_an_empty_path_is_the_root(open_site: type[Site]) -> None:
    assert len(open_site().visit(change, "").set_cookies) == 1


def test_the_cookie_may_be_a_function_of_the_request_and_is_called_once(open_site: type[Site]) -> None:
    paths: list[str] = []

    def cookie(request: Any) -> CookieOptions:
        paths.append(request["path"] if "path" in request else request["PATH_INFO"])
        return CookieOptions(path=paths[-1], httponly=False)

    def regenerate(session: Any) -> None:
        session["a"] = 1
        session.regenerate()
        session["b"] = session.cookie.path

    site = open_site(cookie=cookie)
    (set_cookie,) = site.visit(regenerate, "/shop").set_cookies

    assert attributes(set_cookie) == {"Path": "/shop"}
    assert paths == ["/shop"]


@pytest.mark.parametrize("result", [None, {"path": "/"}, "/"])
def test_a_cookie_function_that_gives_something_else_is_a_type_error(
    open_site: type[Site], result: Any
) -> None:
    with pytest.raises(TypeError, match="cookie callable must return CookieOptions"):
        open_site(cookie=lambda _: result).visit()


def test_a_cookie_function_must_heed_the_prefix_of_the_name(open_site: type[Site]) -> None:
    site = open_site(name="__Host-sid", cookie=lambda _: CookieOptions())

    with pytest.raises(ConfigurationError, match="__Host-sid"):
        site.visit()


def test_a_session_cookie_is_sent_once(open_site: type[Site]) -> None:
    site = open_site()

    assert [len(site.visit(change).set_cookies) for _ in range(3)] == [1, 0, 0]


def test_a_lasting_cookie_is_sent_with_every_change_and_only_then(open_site: type[Site]) -> None:
    site = open_site(cookie=CookieOptions(max_age=60))

    assert [len(site.visit(handler).set_cookies) for handler in (change, len, change)] == [1, 0, 1]


def test_rolling_sends_the_cookie_with_every_response_of_a_session(open_site: type[Site]) -> None:
    site = open_site(rolling=True, cookie=CookieOptions(max_age=60))
    assert site.visit(len).set_cookies == []

    site.visit(change)
    site.clock.advance(30)

    (set_cookie,) = site.visit().set_cookies
    assert attributes(set_cookie)["Expires"] == "Mon, 12 Jan 1970 13:48:10 GMT"


def test_a_later_release_with_other_cookie_options_keeps_a_stored_sessions_own(open_site: type[Site]) -> None:
    old = open_site(cookie=CookieOptions(path="/", samesite="lax", max_age=60))
    old.visit(change)
    new = open_site(store=old.store, cookie=CookieOptions(samesite="strict", max_age=90), clock=old.clock)
    new.browser.cookies = old.browser.cookies

    assert sent(new)["SameSite"] == "Lax"
