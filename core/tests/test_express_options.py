"""Counterparts of express-session's tests 30 to 68: the options proxy, cookie, genid and name."""

from typing import Any

import pytest
from express.counterparts import count_visits, session_js, site_of_express
from harness import Response, Site, WSGISite, attributes

from coatcheck import CookieOptions

HTTPS = ("X-Forwarded-Proto", "https")
HTTP = ("X-Forwarded-Proto", "http")
SECURE = CookieOptions(secure=True, max_age=0.005)


def sent(response: Response) -> dict[str, str] | None:
    """Return the attributes of the session's cookie, or None if it was not sent."""
    assert response.status == 200
    return attributes(response.set_cookies[0]) if response.set_cookies else None


# -- proxy: trust_proxy


@session_js(30)
def test_enabled_should_trust_the_header_when_string(new_site: type[Site]) -> None:
    site = site_of_express(new_site, trust_proxy=True, cookie=SECURE)

    assert sent(site.visit(headers=[HTTPS])) is not None


@session_js(31)
def test_enabled_should_trust_the_header_when_comma_separated_list(new_site: type[Site]) -> None:
    site = site_of_express(new_site, trust_proxy=True, cookie=SECURE)

    assert sent(site.visit(headers=[("X-Forwarded-Proto", "https,http")])) is not None
    site.another_browser()
    assert sent(site.visit(headers=[("X-Forwarded-Proto", " HTTPS , http")])) is not None
    site.another_browser()
    assert sent(site.visit(headers=[("X-Forwarded-Proto", "http,https")])) is None


@session_js(32)
def test_enabled_should_work_when_no_header(new_site: type[Site]) -> None:
    assert sent(site_of_express(new_site, trust_proxy=True, cookie=SECURE).visit()) is None


@session_js(33)
def test_disabled_should_not_trust_the_header(new_site: type[Site]) -> None:
    site = site_of_express(new_site, trust_proxy=False, cookie=SECURE)

    assert sent(site.visit(headers=[HTTPS])) is None


@session_js(35)
def test_unspecified_should_not_trust_the_header(new_site: type[Site]) -> None:
    assert sent(site_of_express(new_site, cookie=SECURE).visit(headers=[HTTPS])) is None


@session_js(36)
def test_unspecified_should_use_the_scheme_of_the_server(new_site: type[Site]) -> None:
    assert sent(site_of_express(new_site, cookie=SECURE).visit(https=True)) is not None


# -- cookie: path


@session_js(37, 38, 39, 40)
@pytest.mark.parametrize(
    ("host", "path", "inside"),
    [
        ("localhost", "/", False),
        ("foo", "/bar", False),
        ("localhost", "/foo/bar", True),
        ("localhost", "/foo/bar/baz", True),
    ],
)
def test_should_set_cookie_only_for_requests_inside_its_path(
    new_site: type[Site], host: str, path: str, inside: bool
) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(path="/foo/bar"))

    response = site.visit(lambda session: session is not None, path, [("Host", host)])

    assert response.value is inside
    assert (sent(response) is not None) is inside


@session_js(41)
def test_mounted_should_set_cookie_for_the_whole_path(new_site: type[Site]) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(path="/foo/bar"))

    assert sent(site.visit(count_visits, **mounted(site, "/foo", "/bar"))) is not None


@session_js(42)
def test_mounted_should_not_set_cookie_for_the_path_below_the_mount(new_site: type[Site]) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(path="/foo/bar"))

    assert sent(site.visit(lambda session: session, **mounted(site, "/foo", "/foo/bar"))) is None


def mounted(site: Site, mount: str, path: str) -> dict[str, Any]:
    """Say in the words of the protocol where the application is mounted, and what was asked for below."""
    if isinstance(site, WSGISite):
        return {"SCRIPT_NAME": mount, "PATH_INFO": path}
    return {"root_path": mount, "path": mount + path}


# -- cookie: secure "auto"


@session_js(43, 44, 45, 46)
@pytest.mark.parametrize(
    ("trust_proxy", "request_", "secure"),
    [
        (True, {"headers": [HTTPS]}, True),
        (False, {"headers": [HTTPS]}, False),
        (False, {"https": True}, True),
        (False, {"https": False}, False),
    ],
)
def test_auto_should_set_secure_where_the_request_is(
    new_site: type[Site], trust_proxy: bool, request_: dict[str, Any], secure: bool
) -> None:
    site = site_of_express(new_site, trust_proxy=trust_proxy, cookie=CookieOptions(secure="auto"))

    cookie = sent(site.visit(**request_))

    assert cookie is not None
    assert ("Secure" in cookie) is secure


# -- cookie: a function


@session_js(47)
def test_should_call_custom_function_and_apply_cookie_options(new_site: type[Site]) -> None:
    calls: list[Any] = []

    def cookie(request: Any) -> CookieOptions:
        calls.append(request)
        return CookieOptions(path="/test", httponly=True, secure=False)

    response = site_of_express(new_site, cookie=cookie).visit(path="/test")

    assert sent(response) == {"Path": "/test", "HttpOnly": ""}
    assert len(calls) == 1


@session_js(48)
def test_should_provide_request_argument_to_the_cookie_function(new_site: type[Site]) -> None:
    path = "PATH_INFO" if new_site is WSGISite else "path"
    site = site_of_express(new_site, cookie=lambda request: CookieOptions(path=request[path]))

    assert sent(site.visit(path="/test")) == {"Path": "/test", "HttpOnly": ""}


# -- cookie: sameSite "auto"


@session_js(49, 50, 51, 52, 53)
@pytest.mark.parametrize(
    ("trust_proxy", "request_", "samesite"),
    [
        (False, {"https": True}, "None"),
        (False, {"https": False}, "Lax"),
        (True, {"headers": [HTTPS]}, "None"),
        (True, {"headers": [HTTP]}, "Lax"),
        (False, {"headers": [HTTPS]}, "Lax"),
    ],
)
def test_auto_should_set_same_site_for_the_connection(
    new_site: type[Site], trust_proxy: bool, request_: dict[str, Any], samesite: str
) -> None:
    site = site_of_express(new_site, trust_proxy=trust_proxy, cookie=CookieOptions(samesite="auto"))

    cookie = sent(site.visit(**request_))

    assert cookie is not None
    assert cookie["SameSite"] == samesite


@session_js(54, 55, 56, 57, 58, 59)
@pytest.mark.parametrize(
    ("secure", "https", "expected"),
    [
        ("auto", True, {"Secure": "", "SameSite": "None"}),
        ("auto", False, {"SameSite": "Lax"}),
        (False, True, {"SameSite": "None"}),
        (False, False, {"SameSite": "Lax"}),
        (True, True, {"Secure": "", "SameSite": "None"}),
        (True, False, None),
    ],
)
def test_auto_should_go_together_with_secure(
    new_site: type[Site], secure: Any, https: bool, expected: dict[str, str] | None
) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(samesite="auto", secure=secure))

    cookie = sent(site.visit(https=https))

    assert cookie == (None if expected is None else {"Path": "/", "HttpOnly": "", **expected})


# -- genid: generate_id


@session_js(60)
def test_should_reject_non_function_values(new_site: type[Site]) -> None:
    with pytest.raises(TypeError, match="generate_id must be callable"):
        site_of_express(new_site, generate_id="bogus!")


@session_js(61)
def test_should_provide_default_generator(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    site.visit()

    assert len(site.sid) == 32


@session_js(62)
def test_should_allow_custom_function(new_site: type[Site]) -> None:
    site = site_of_express(new_site, generate_id=lambda _: "apple")

    site.visit()

    assert site.browser.cookies["sid"] == "s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU"


@session_js(63)
def test_should_encode_unsafe_chars(new_site: type[Site]) -> None:
    site = site_of_express(new_site, generate_id=lambda _: "%")

    site.visit()

    assert site.browser.cookies["sid"] == "s%3A%25.kzQ6x52kKVdF35Qh62AWk4ZekS28K5XYCXKa%2FOTZ01g"
    assert site.visit(lambda session: session.is_new).value is False


@session_js(64)
def test_should_provide_request_argument_to_the_generator(new_site: type[Site]) -> None:
    path = "PATH_INFO" if new_site is WSGISite else "path"
    site = site_of_express(new_site, generate_id=lambda request: request[path])

    site.visit(path="/foo")

    assert site.browser.cookies["sid"] == "s%3A%2Ffoo.paEKBtAHbV5s1IB8B2zPnzAgYmmnRPIqObW4VRYj%2FMQ"


# -- name


@session_js(67)
def test_name_should_default_to_sid(new_site: type[Site]) -> None:
    assert site_of_express(new_site).visit().set_cookies[0].startswith("sid=")


@session_js(68)
def test_should_set_the_cookie_name(new_site: type[Site]) -> None:
    site = site_of_express(new_site, name="session_id")

    site.visit(count_visits)

    assert list(site.browser.cookies) == ["session_id"]
    assert site.visit(count_visits).value == 2
