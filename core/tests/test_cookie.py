"""The attributes of a session's cookie: what may be set, and what setting it means."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from faces import FakeClock

from coatcheck import ConfigurationError, Cookie, CookieOptions
from coatcheck.codec import JSONCodec

NOW = datetime(2026, 11, 23, 21, 14, 17, 500_000, tzinfo=UTC)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW.timestamp())


@pytest.fixture
def cookie(clock: FakeClock) -> Cookie:
    return Cookie(clock=clock)


# -- a new cookie


def test_a_new_cookie_ends_with_the_browser(cookie: Cookie) -> None:
    assert (cookie.path, cookie.httponly) == ("/", True)
    assert (cookie.max_age, cookie.expires, cookie.original_max_age) == (None, None, None)
    assert (cookie.secure, cookie.partitioned, cookie.domain) == (False, False, None)
    assert (cookie.samesite, cookie.priority) == (None, None)


@pytest.mark.parametrize("https", [True, False])
def test_auto_follows_the_scheme_of_the_request(https: bool) -> None:
    cookie = Cookie(CookieOptions(secure="auto", samesite="auto"), secure_request=https)

    assert cookie.secure is https
    assert cookie.samesite == ("none" if https else "lax")


@pytest.mark.parametrize("https", [True, False])
def test_a_fixed_secure_does_not_follow_the_scheme(https: bool) -> None:
    assert Cookie(CookieOptions(secure=True), secure_request=https).secure is True
    assert Cookie(CookieOptions(secure=False), secure_request=https).secure is False


# -- lifetime


def test_a_lifetime_counts_down(cookie: Cookie, clock: FakeClock) -> None:
    cookie.max_age = timedelta(minutes=1)
    clock.advance(20)

    assert cookie.max_age == pytest.approx(40)
    assert cookie.original_max_age == 60
    assert cookie.expires == NOW + timedelta(seconds=60)


def test_a_lifetime_that_is_over_is_negative(cookie: Cookie, clock: FakeClock) -> None:
    cookie.max_age = 60
    clock.advance(100)

    assert cookie.max_age == pytest.approx(-40)


@pytest.mark.parametrize("lifetime", [0, -60])
def test_a_lifetime_of_nothing_or_less_has_ended_already(cookie: Cookie, lifetime: int) -> None:
    cookie.max_age = lifetime

    assert cookie.expires == NOW + timedelta(seconds=lifetime)
    assert cookie.original_max_age == lifetime


def test_without_a_lifetime_the_cookie_ends_with_the_browser_again(cookie: Cookie) -> None:
    cookie.max_age = 60
    cookie.max_age = None

    assert cookie.expires is None
    assert cookie.original_max_age is None


def test_an_end_also_sets_the_lifetime_of_later_renewals(cookie: Cookie, clock: FakeClock) -> None:
    cookie.expires = NOW + timedelta(hours=1)
    assert cookie.original_max_age == 3600

    clock.advance(600)
    cookie.renew()
    assert cookie.expires == NOW + timedelta(seconds=4200)


def test_an_end_of_none_takes_the_lifetime_away(cookie: Cookie) -> None:
    cookie.max_age = timedelta(minutes=1)
    cookie.expires = None

    assert cookie.max_age is None
    assert cookie.original_max_age is None


def test_an_end_in_another_zone_is_the_same_moment(cookie: Cookie) -> None:
    end = NOW + timedelta(hours=1)
    cookie.expires = end.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert cookie.expires == end
    assert cookie.to_json()["expires"] == "2026-11-23T22:14:17.500Z"


def test_a_naive_end_is_refused_with_the_way_out(cookie: Cookie) -> None:
    with pytest.raises(ValueError, match=r"aware datetime.*UTC"):
        cookie.expires = datetime(2030, 1, 1)  # noqa: DTZ001


def test_a_renewal_starts_the_lifetime_over(cookie: Cookie, clock: FakeClock) -> None:
    cookie.max_age = 60
    clock.advance(50)
    cookie.renew()

    assert cookie.max_age == pytest.approx(60)


def test_a_renewal_ends_at_its_limit_and_keeps_the_lifetime(cookie: Cookie) -> None:
    cookie.max_age = timedelta(minutes=1)
    cookie.renew(10)
    assert cookie.max_age == pytest.approx(10)
    assert cookie.original_max_age == 60

    cookie.renew(100)
    assert cookie.max_age == pytest.approx(60)


def test_a_renewal_gives_no_end_to_a_cookie_without_lifetime(cookie: Cookie) -> None:
    cookie.renew(10)

    assert (cookie.max_age, cookie.to_json()["expires"]) == (None, None)


def test_a_century_does_not_overflow(cookie: Cookie) -> None:
    cookie.max_age = timedelta(days=36525)

    assert cookie.expires == NOW + timedelta(days=36525)


@pytest.mark.parametrize("lifetime", [3e11, 9e12, timedelta(days=100_000_000), -3e11, -9e12])
def test_a_lifetime_beyond_the_calendar_ends_with_it(cookie: Cookie, lifetime: float | timedelta) -> None:
    cookie.max_age = lifetime

    assert cookie.expires is not None
    assert cookie.expires.year in (1, 9999)
    assert cookie.serialize("sid", "x").startswith("sid=x; Max-Age=")


@pytest.mark.parametrize("end", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
def test_the_ends_of_the_calendar_can_be_set(cookie: Cookie, end: datetime) -> None:
    cookie.expires = end

    assert cookie.expires is not None
    assert abs(cookie.expires - end) < timedelta(seconds=1)


# -- other attributes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", "/app"),
        ("domain", "example.com"),
        ("secure", True),
        ("secure", False),
        ("httponly", False),
        ("partitioned", True),
        ("samesite", "strict"),
        ("priority", "high"),
    ],
)
def test_an_attribute_that_is_set_is_read_back(cookie: Cookie, name: str, value: object) -> None:
    setattr(cookie, name, value)

    assert getattr(cookie, name) == value


@pytest.mark.parametrize("name", ["domain", "samesite", "priority"])
def test_an_attribute_set_to_none_is_taken_away(cookie: Cookie, name: str) -> None:
    before = cookie.to_json()
    setattr(cookie, name, {"domain": "example.com", "samesite": "lax", "priority": "low"}[name])
    setattr(cookie, name, None)

    assert getattr(cookie, name) is None
    assert cookie.to_json() == before


@pytest.mark.parametrize(
    ("name", "wrong", "error"),
    [
        ("path", "app", ValueError),
        ("path", "/a;b", ValueError),
        ("path", "/a\x00", ValueError),
        ("path", None, TypeError),
        ("domain", "example.com; Secure", ValueError),
        ("domain", 5, TypeError),
        ("secure", "auto", TypeError),
        ("secure", None, TypeError),
        ("httponly", 1, TypeError),
        ("partitioned", None, TypeError),
        ("samesite", "auto", ValueError),
        ("samesite", True, TypeError),
        ("priority", "High", ValueError),
        ("max_age", "60", TypeError),
        ("max_age", True, TypeError),
        ("max_age", False, TypeError),
        ("max_age", math.nan, ValueError),
        ("max_age", math.inf, ValueError),
        ("expires", 60, TypeError),
        ("expires", False, TypeError),
        ("expires", "2030-01-01T00:00:00.000Z", TypeError),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(
    cookie: Cookie, name: str, wrong: object, error: type[Exception]
) -> None:
    before = cookie.to_json()

    with pytest.raises(error, match=name):
        setattr(cookie, name, wrong)
    assert cookie.to_json() == before


def test_an_unknown_attribute_cannot_be_set(cookie: Cookie) -> None:
    with pytest.raises(AttributeError):
        cookie.maxAge = 60  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    "lifetime", [1e13, timedelta.max, timedelta.min, 1e306, 10**400], ids=lambda lifetime: repr(lifetime)[:9]
)
def test_an_absurd_lifetime_is_refused_when_it_is_set_and_not_when_it_is_saved(
    cookie: Cookie, lifetime: float | timedelta
) -> None:
    before = cookie.to_json()

    with pytest.raises(ValueError, match="max_age must be a finite number of seconds up to 9e12"):
        cookie.max_age = lifetime
    assert cookie.to_json() == before
    with pytest.raises(ConfigurationError, match="max_age"):
        CookieOptions(max_age=lifetime)


@pytest.mark.parametrize("lifetime", [9e12, -9e12, timedelta(days=100_000_000)])
def test_a_session_with_the_longest_lifetime_can_be_saved(
    cookie: Cookie, lifetime: float | timedelta
) -> None:
    cookie.max_age = lifetime

    assert JSONCodec().encode({"cookie": cookie.to_json()})
