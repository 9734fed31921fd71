"""The ``cookie`` object of stored sessions: written as Node writes it, read from whoever wrote it."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from faces import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from coatcheck import Cookie, CookieOptions

NOW = datetime(2026, 11, 23, 21, 14, 17, 500_000, tzinfo=UTC)
CLOCK = FakeClock(NOW.timestamp())

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NODE_KEYS = [
    *("originalMaxAge", "partitioned", "priority", "expires", "_expires"),
    *("secure", "httpOnly", "domain", "path", "sameSite"),
]


def stored(text: str) -> Cookie:
    return Cookie.from_json(json.loads(text), clock=CLOCK)


def written(cookie: Cookie) -> str:
    return json.dumps(cookie.to_json(), separators=(",", ":"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (CookieOptions(), '{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}'),
        (
            CookieOptions(max_age=60),
            '{"originalMaxAge":60000,"expires":"2026-11-23T21:15:17.500Z","httpOnly":true,"path":"/"}',
        ),
        (
            CookieOptions(
                max_age=60,
                secure=False,
                domain="example.com",
                samesite="lax",
                priority="high",
                partitioned=False,
            ),
            (
                '{"originalMaxAge":60000,"partitioned":false,"priority":"high",'
                '"expires":"2026-11-23T21:15:17.500Z","secure":false,"httpOnly":true,'
                '"domain":"example.com","path":"/","sameSite":"lax"}'
            ),
        ),
        (
            CookieOptions(secure=True, partitioned=True, httponly=False, samesite="none"),
            (
                '{"originalMaxAge":null,"partitioned":true,"expires":null,"secure":true,"httpOnly":false,'
                '"path":"/","sameSite":"none"}'
            ),
        ),
    ],
)
def test_a_new_cookie_is_written_as_in_node(options: CookieOptions, text: str) -> None:
    assert written(Cookie(options, clock=CLOCK)) == text


@pytest.mark.parametrize(
    "text",
    [
        '{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}',
        '{"originalMaxAge":59999,"expires":"2026-11-23T21:15:17.440Z","httpOnly":true,"path":"/"}',
        '{"originalMaxAge":false,"expires":false,"httpOnly":true,"path":"/"}',
        (
            '{"originalMaxAge":60000,"partitioned":true,"priority":"high","expires":"2026-11-23T21:15:17.440Z",'
            '"secure":false,"httpOnly":true,"domain":"example.com","path":"/","sameSite":"lax"}'
        ),
        (
            '{"originalMaxAge":null,"partitioned":null,"priority":null,"expires":null,"secure":null,'
            '"httpOnly":true,"domain":null,"path":"/","sameSite":null}'
        ),
        '{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/","sameSite":true,"theirs":{"a":[1]}}',
        "{}",
    ],
)
def test_what_node_wrote_is_written_back_byte_for_byte(text: str) -> None:
    assert written(stored(text)) == text


@given(cookie=st.dictionaries(st.sampled_from(NODE_KEYS[:4] + NODE_KEYS[5:]) | st.text(), JSON_VALUES))
def test_whatever_was_stored_is_kept(cookie: dict[str, Any]) -> None:
    cookie.pop("_expires", None)

    assert Cookie.from_json(cookie).to_json() == cookie


def test_attributes_set_later_take_their_place_in_the_order_of_node() -> None:
    cookie = stored('{"path":"/","httpOnly":true,"theirs":1}')
    cookie.samesite = "lax"
    cookie.max_age = 60
    cookie.secure = True

    assert list(cookie.to_json()) == [
        *("originalMaxAge", "expires", "secure", "httpOnly", "path", "sameSite"),
        "theirs",
    ]


def test_what_is_returned_as_json_is_a_copy() -> None:
    source = {"originalMaxAge": None, "expires": None, "path": "/"}
    cookie = Cookie.from_json(source)
    cookie.to_json()["path"] = "/theirs"
    source["path"] = "/source"

    assert cookie.path == "/"


@pytest.mark.parametrize(
    ("raw", "end"),
    [
        ('"2026-11-23T21:15:17.440Z"', datetime(2026, 11, 23, 21, 15, 17, 440_000, UTC)),
        ('"1970-01-01T00:00:00.000Z"', datetime(1970, 1, 1, tzinfo=UTC)),
        ('"9999-12-31T23:59:59.999Z"', datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)),
        ('"+010000-01-01T00:00:00.000Z"', datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)),
        ('"+275760-09-13T00:00:00.000Z"', datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)),
        ('"2026-11-23T22:15:17+01:00"', datetime(2026, 11, 23, 21, 15, 17, tzinfo=UTC)),
        ('"2026-11-23T21:15:17.440"', datetime(2026, 11, 23, 21, 15, 17, 440_000, UTC)),
        ('"-000001-01-01T00:00:00.000Z"', None),
        ('"Mon, 23 Nov 2026 21:15:17 GMT"', None),
        ('"2026-02-30T00:00:00.000Z"', None),
        ('"soon"', None),
        ('""', None),
        ("null", None),
        ("false", None),
        ("true", None),
        ("1795468517440", None),
        ('{"$date":1795468517440}', None),
        ("[]", None),
    ],
)
def test_an_end_is_read_leniently(raw: str, end: datetime | None) -> None:
    cookie = stored(f'{{"originalMaxAge":60000,"expires":{raw}}}')

    assert cookie.expires == end
    assert (cookie.max_age is None) is (end is None)
    assert ("Expires=" in cookie.serialize("sid", "x")) is (end is not None)


def test_an_absent_end_is_none() -> None:
    assert stored('{"originalMaxAge":null}').expires is None


def test_the_raw_spelling_of_the_end_is_understood() -> None:
    cookie = stored('{"path":"/","_expires":"2026-11-23T21:15:17.440Z","originalMaxAge":60000}')

    assert cookie.expires == datetime(2026, 11, 23, 21, 15, 17, 440_000, UTC)
    assert "_expires" not in cookie.to_json()


def test_the_raw_spelling_does_not_outdo_the_usual_one() -> None:
    cookie = stored('{"expires":null,"_expires":"2026-11-23T21:15:17.440Z"}')

    assert cookie.expires is None


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("60000", 60),
        ("59999", 59.999),
        ("0", 0),
        ("-1000", -1),
        ("60000.5", 60.0005),
        ("null", None),
        ("false", None),
        ("true", None),
        ('"60000"', None),
        ("[]", None),
    ],
)
def test_the_original_lifetime_is_read_leniently(raw: str, seconds: float | None) -> None:
    cookie = stored(f'{{"originalMaxAge":{raw},"expires":"2026-11-23T21:15:17.440Z"}}')
    assert cookie.original_max_age == seconds

    cookie.renew()
    assert cookie.max_age == (None if seconds is None else pytest.approx(seconds, abs=0.0011))


def test_a_lifetime_that_lost_a_millisecond_does_not_drift_further() -> None:
    cookie = stored('{"originalMaxAge":59999,"expires":"2026-11-23T21:15:17.440Z"}')
    for _ in range(3):
        cookie.renew()
        cookie = Cookie.from_json(cookie.to_json(), clock=CLOCK)

    assert cookie.to_json()["originalMaxAge"] == 59999
    assert cookie.expires == NOW + timedelta(milliseconds=59999)


@pytest.mark.parametrize(
    ("raw", "samesite"),
    [
        ("true", "strict"),
        ("false", None),
        ("null", None),
        ('"lax"', "lax"),
        ('"LAX"', "lax"),
        ('"Strict"', "strict"),
        ('"None"', "none"),
        ('"other"', None),
        ("1", None),
    ],
)
def test_samesite_is_read_in_every_spelling(raw: str, samesite: str | None) -> None:
    assert stored(f'{{"sameSite":{raw}}}').samesite == samesite


@pytest.mark.parametrize(
    ("raw", "priority"), [('"HIGH"', "high"), ('"urgent"', None), ("true", None), ("null", None)]
)
def test_a_priority_is_read_in_every_spelling(raw: str, priority: str | None) -> None:
    assert stored(f'{{"priority":{raw}}}').priority == priority


def test_an_unresolved_auto_counts_as_secure() -> None:
    assert stored('{"secure":"auto"}').secure is True


def test_nulls_leave_attributes_out_of_the_header() -> None:
    nulls = "".join(f',"{key}":null' for key in ("partitioned", "priority", "secure", "domain", "sameSite"))
    cookie = stored(f'{{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"{nulls}}}')

    assert cookie.serialize("sid", "x") == "sid=x; Path=/; HttpOnly"


HEADER = re.compile(
    r"sid=x(; Max-Age=\d+)?(; Domain=\.?[A-Za-z0-9.-]+)?; Path=/[\x20-\x3a\x3c-\x7e]*"
    r"(; Expires=[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT)?"
    r"(; HttpOnly)?(; Secure)?(; Partitioned)?(; Priority=(Low|Medium|High))?(; SameSite=(Lax|Strict|None))?"
)


@given(cookie=st.dictionaries(st.sampled_from(NODE_KEYS), JSON_VALUES | st.from_regex(r"/.*\s.*")))
def test_no_stored_value_can_split_a_header_or_make_it_fail(cookie: dict[str, Any]) -> None:
    assert HEADER.fullmatch(Cookie.from_json(cookie, clock=CLOCK).serialize("sid", "x"))
    assert HEADER.fullmatch(
        Cookie.from_json(cookie, clock=CLOCK).serialize_expired("sid").replace("=;", "=x;", 1)
    )


@pytest.mark.parametrize(
    ("key", "hostile"),
    [
        ("path", "/; Domain=evil.example"),
        ("path", "/\r\nSet-Cookie: a=b"),
        ("path", "/\n"),
        ("path", "no slash"),
        ("domain", "example.com; Secure"),
        ("domain", "example.com\r\nX: y"),
        ("domain", "example.com\n"),
        ("priority", "High\r\nX: y"),
        ("sameSite", "Lax; Domain=evil.example"),
        ("expires", "2026-11-23T21:15:17.440Z\r\nX: y"),
    ],
)
def test_a_hostile_stored_attribute_is_left_out(key: str, hostile: str) -> None:
    cookie = Cookie.from_json({"httpOnly": True, "path": "/", key: hostile}, clock=CLOCK)

    assert cookie.serialize("sid", "x") == "sid=x; Path=/; HttpOnly"


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+01:00"])
def test_an_end_just_outside_the_calendar_is_read_as_its_edge(end: str) -> None:
    cookie = Cookie.from_json({"originalMaxAge": 60000, "expires": end}, clock=CLOCK)

    assert cookie.expires is not None
    assert cookie.expires.year in (1, 9999)
    assert "Expires=" in cookie.serialize("sid", "x")


@pytest.mark.parametrize("raw", ["+soon", "+", "+1", "+010000", "+002026-11-23T21:15:17.440Z"])
def test_not_every_text_with_a_plus_is_a_far_end(raw: str) -> None:
    assert Cookie.from_json({"expires": raw}).expires is None


def test_a_cookie_that_does_not_say_is_not_shown_to_scripts() -> None:
    assert Cookie.from_json({"originalMaxAge": None, "expires": None}).httponly
    assert "HttpOnly" in stored("{}").serialize("sid", "x")


@pytest.mark.parametrize("raw", ["false", "null"])
def test_a_stored_httponly_that_says_no_is_no_as_in_express(raw: str) -> None:
    assert not stored(f'{{"httpOnly":{raw}}}').httponly


@pytest.mark.parametrize("ms", [float("inf"), 1e300, 10**400], ids=["inf", "1e300", "10**400"])
def test_an_endless_stored_lifetime_can_be_renewed(ms: float) -> None:
    cookie = Cookie.from_json({"originalMaxAge": ms, "expires": None}, clock=CLOCK)
    cookie.renew()

    assert cookie.serialize("sid", "x")
    assert cookie.original_max_age == 9e12  # a store can count it
    assert cookie.expires is not None
    assert cookie.expires.year == 9999
