"""Counterparts of express-session's tests of its Cookie (``test/cookie.js``)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from express.counterparts import cookie_js
from faces import FakeClock
from harness import SITES, Site

from coatcheck import Cookie, CookieOptions

NOW = datetime(2026, 11, 23, 21, 14, 17, tzinfo=UTC)


@pytest.fixture
def cookie() -> Cookie:
    return Cookie(clock=FakeClock(NOW.timestamp()))


@cookie_js(1)
def test_should_create_a_new_cookie_object() -> None:
    assert Cookie().to_json() == {"originalMaxAge": None, "expires": None, "httpOnly": True, "path": "/"}


@cookie_js(2)
def test_should_default_expires_to_none(cookie: Cookie) -> None:
    assert cookie.expires is None


@cookie_js(3)
def test_should_default_httponly_to_true(cookie: Cookie) -> None:
    assert cookie.httponly is True


@cookie_js(4)
def test_should_default_path_to_the_root(cookie: Cookie) -> None:
    assert cookie.path == "/"


@cookie_js(5)
def test_should_default_max_age_to_none(cookie: Cookie) -> None:
    assert cookie.max_age is None


# -- with options


@cookie_js(6)
def test_should_create_a_new_cookie_object_with_options(cookie: Cookie) -> None:
    assert Cookie(CookieOptions()).to_json() == cookie.to_json()


@cookie_js(7)
@pytest.mark.parametrize("new_site", SITES)
@pytest.mark.parametrize("wrong", [42, "foo", True, {"path": "/"}])
def test_should_reject_what_is_no_options(new_site: type[Site], wrong: Any) -> None:
    with pytest.raises(TypeError, match="cookie must be CookieOptions"):
        new_site(cookie=wrong)


@cookie_js(8)
def test_should_reject_the_data_option() -> None:
    options: dict[str, Any] = {"data": {"foo": "bar"}, "path": "/foo"}

    with pytest.raises(TypeError, match="data"):
        CookieOptions(**options)


# -- expires, httponly, max_age


@cookie_js(9)
def test_should_set_expires(cookie: Cookie) -> None:
    cookie.expires = NOW + timedelta(seconds=60)

    assert cookie.expires == NOW + timedelta(seconds=60)


@cookie_js(10)
def test_expires_should_set_max_age(cookie: Cookie) -> None:
    cookie.expires = NOW + timedelta(seconds=60)

    assert cookie.max_age == 60


@cookie_js(11)
def test_should_set_httponly() -> None:
    assert Cookie(CookieOptions(httponly=False)).httponly is False


@cookie_js(12)
def test_max_age_should_set_expires(cookie: Cookie) -> None:
    cookie.max_age = 60

    assert cookie.expires == NOW + timedelta(seconds=60)


@cookie_js(13)
def test_should_set_max_age(cookie: Cookie) -> None:
    cookie.max_age = 60

    assert cookie.max_age == 60
    assert cookie.original_max_age == 60


@cookie_js(15)
@pytest.mark.parametrize("wrong", ["42", True, lambda: 42])
def test_should_reject_invalid_types_of_max_age(cookie: Cookie, wrong: Any) -> None:
    with pytest.raises(TypeError, match="max_age"):
        cookie.max_age = wrong

    assert cookie.max_age is None


# -- what else there is


@cookie_js(16)
def test_should_set_partitioned() -> None:
    assert Cookie(CookieOptions(partitioned=True, secure=True)).partitioned is True


@cookie_js(17)
def test_should_set_path() -> None:
    assert Cookie(CookieOptions(path="/foo")).path == "/foo"


@cookie_js(18)
def test_should_set_priority() -> None:
    assert Cookie(CookieOptions(priority="high")).priority == "high"
