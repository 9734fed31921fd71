"""The text of Set-Cookie headers, as browsers and other parsers understand it."""

import re
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from http.cookiejar import Cookie as JarCookie
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import unquote
from urllib.request import Request

import pytest
from faces import FakeClock
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_cookie

from coatcheck import Cookie, CookieOptions
from coatcheck.cookie import cookie_values

NOW = datetime(2026, 11, 23, 21, 14, 17, 500_000, tzinfo=UTC)
CLOCK = FakeClock(NOW.timestamp())

EVERYTHING = CookieOptions(
    max_age=60,
    path="/app",
    domain="example.com",
    secure=True,
    httponly=True,
    samesite="strict",
    partitioned=True,
    priority="medium",
)
VALUES = st.text(st.characters(codec="utf-8"), min_size=1)


class Answer:
    """A response that a cookie jar can read."""

    def __init__(self, set_cookie: str) -> None:
        self._message = Message()
        self._message["Set-Cookie"] = set_cookie

    def info(self) -> Message:
        return self._message


def kept_by_a_jar(set_cookie: str) -> JarCookie:
    (cookie,) = CookieJar().make_cookies(Answer(set_cookie), Request("https://www.example.com/app/x"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return cookie


def test_the_attributes_come_in_the_order_of_node() -> None:
    assert Cookie(EVERYTHING, clock=CLOCK).serialize("sid", "x") == (
        "sid=x; Max-Age=60; Domain=example.com; Path=/app; Expires=Mon, 23 Nov 2026 21:15:17 GMT"
        "; HttpOnly; Secure; Partitioned; Priority=Medium; SameSite=Strict"
    )


def test_a_cookie_without_options_has_path_and_httponly_alone() -> None:
    assert Cookie().serialize("sid", "x") == "sid=x; Path=/; HttpOnly"


def test_a_value_is_encoded_as_in_node() -> None:
    plain = "-_.!~*'()" + "azAZ09"
    encoded = Cookie().serialize("sid", plain + 's:/+=% ;,"\\é€😀\x00\r\n')

    assert encoded.startswith(
        f"sid={plain}s%3A%2F%2B%3D%25%20%3B%2C%22%5C%C3%A9%E2%82%AC%F0%9F%98%80%00%0D%0A; Path=/"
    )


@given(value=VALUES)
def test_a_value_comes_back_through_a_browser_unchanged(value: str) -> None:
    pair = Cookie().serialize("sid", value).partition(";")[0]

    assert list(cookie_values(f"a=b; {pair}; c=d", "sid")) == [value]
    assert unquote(parse_cookie(pair)["sid"]) == value


@given(
    value=VALUES,
    max_age=st.none() | st.integers(1, 10**9),
    path=st.sampled_from(["/", "/app"]),
    domain=st.sampled_from([None, "example.com", ".example.com"]),
    secure=st.booleans(),
    httponly=st.booleans(),
    samesite=st.sampled_from([None, "lax", "strict"]),
    priority=st.sampled_from([None, "low", "high"]),
)
def test_a_cookie_jar_understands_every_attribute(
    value: str, httponly: bool, samesite: str | None, priority: str | None, **options: Any
) -> None:
    now = datetime.now(UTC)
    cookie = Cookie(
        CookieOptions(httponly=httponly, samesite=samesite, priority=priority, **options),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        clock=now.timestamp,
    )
    kept = kept_by_a_jar(cookie.serialize("sid", value))

    assert (kept.name, unquote(kept.value or "")) == ("sid", value)
    assert (kept.path, kept.secure) == (options["path"], options["secure"])
    assert kept.domain_specified is (options["domain"] is not None)
    assert kept.domain.removeprefix(".") == (options["domain"] or "www.example.com").removeprefix(".")
    assert kept.has_nonstandard_attr("HttpOnly") is httponly
    assert kept.get_nonstandard_attr("SameSite") == (samesite.capitalize() if samesite else None)
    assert kept.get_nonstandard_attr("Priority") == (priority.capitalize() if priority else None)
    if options["max_age"] is None:
        assert kept.expires is None
    else:
        assert kept.expires == pytest.approx(now.timestamp() + options["max_age"], abs=30)


@given(lifetime=st.floats(-1e6, 1e10), passed=st.floats(0, 1e6))
def test_max_age_and_expires_name_the_same_moment(lifetime: float, passed: float) -> None:
    clock = FakeClock(NOW.timestamp())
    cookie = Cookie(clock=clock)
    cookie.max_age = lifetime
    clock.advance(passed)
    header = cookie.serialize("sid", "x")
    found = re.search(r"Max-Age=(\d+).*Expires=([^;]+)", header)
    assert found
    expires = parsedate_to_datetime(found[2])

    if lifetime - passed <= -1:
        assert found[1] == "0"
    assert expires <= NOW + timedelta(seconds=lifetime + 0.001)
    assert expires > NOW + timedelta(seconds=lifetime - 1.001)
    assert int(found[1]) == pytest.approx(max(0.0, lifetime - passed), abs=1.002)


def test_a_cookie_that_is_cleared_keeps_the_attributes_it_was_set_with() -> None:
    assert Cookie(EVERYTHING, clock=CLOCK).serialize_expired("sid") == (
        "sid=; Max-Age=0; Domain=example.com; Path=/app; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        "; HttpOnly; Secure; Partitioned; Priority=Medium; SameSite=Strict"
    )


def test_a_cookie_jar_drops_a_cleared_cookie() -> None:
    jar, page = CookieJar(), Request("https://www.example.com/app/x")
    cookie = Cookie(CookieOptions(path="/app", domain="example.com", max_age=60))
    jar.extract_cookies(Answer(cookie.serialize("sid", "x")), page)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert len(jar) == 1

    jar.extract_cookies(Answer(cookie.serialize_expired("sid")), page)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert len(jar) == 0
