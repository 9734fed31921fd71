"""What the middleware does to the headers of a response, and how it reads those of a request."""

import logging
from typing import Any
from urllib.parse import quote

import pytest
from harness import SECRET, SITES, Site, WSGISite, attributes

from coatcheck import CookieOptions
from coatcheck.signing import Signer

pytestmark = pytest.mark.parametrize("open_site", SITES)


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def read(session: Any) -> Any:
    return session.get("n")


def cookie_of(sid: str, secret: str = SECRET, name: str = "sid") -> str:
    return f"{name}={quote(Signer([secret]).sign(sid), safe='')}"


def stored(site: Site, *numbers: int) -> list[str]:
    """Store a session for each number; return their ids."""
    for n in numbers:
        site.plant(b'{"cookie":{"path":"/"},"n":%d}' % n, sid=f"id-{n}")
    return [f"id-{n}" for n in numbers]


# -- Vary and Cache-Control


@pytest.mark.parametrize(
    "touching",
    [
        read,
        len,
        list,
        bool,
        lambda session: session.id,
        lambda session: session.is_new,
        lambda session: session.cookie,
        lambda session: "n" in session,
        lambda session: session.keys() & {"n"},
        change,
        lambda session: session.clear(),
        lambda session: session.regenerate(),
        lambda session: session.touch(),
    ],
)
def test_difference_13_a_response_that_depends_on_the_session_varies_by_cookie(
    open_site: type[Site], touching: Any
) -> None:
    assert open_site().visit(touching).all("vary") == ["Cookie"]


@pytest.mark.parametrize(
    "looking",
    [
        lambda session: session,
        repr,
        lambda session: session.store,
        lambda session: session.modified,
        lambda session: session.accessed,
    ],
)
def test_difference_13_a_response_that_does_not_depend_on_the_session_does_not_vary(
    open_site: type[Site], looking: Any
) -> None:
    site = open_site()
    site.visit(change)

    assert site.visit(looking).all("vary") == []


@pytest.mark.parametrize(
    ("given", "merged"),
    [
        (["Accept"], ["Accept, Cookie"]),
        (["Accept, Origin"], ["Accept, Origin, Cookie"]),
        (["cookie"], ["cookie"]),
        (["Accept, COOKIE"], ["Accept, COOKIE"]),
        (["*"], ["*"]),
        ([""], ["Cookie"]),
        (["Cookies"], ["Cookies, Cookie"]),
        (["Accept", "Origin"], ["Accept, Cookie", "Origin"]),
    ],
)
def test_difference_13_vary_is_merged_with_the_applications_own(
    open_site: type[Site], given: list[str], merged: list[str]
) -> None:
    response = open_site().visit(change, reply=[("vary", value) for value in given])

    assert response.all("vary") == merged


def test_difference_13_a_cookie_sent_by_rolling_alone_varies_too(open_site: type[Site]) -> None:
    site = open_site(rolling=True)
    site.visit(change)
    response = site.visit()

    assert (len(response.set_cookies), response.all("vary")) == (1, ["Cookie"])


def test_difference_13_a_response_with_the_cookie_is_not_cached_with_it(open_site: type[Site]) -> None:
    site = open_site()

    assert site.visit(change).all("cache-control") == ['no-cache="Set-Cookie"']
    assert site.visit(change).all("cache-control") == []


def test_difference_13_the_applications_own_cache_control_stays(open_site: type[Site]) -> None:
    response = open_site().visit(change, reply=[("cache-control", "public, max-age=60")])

    assert response.all("cache-control") == ["public, max-age=60"]


def test_other_headers_and_cookies_are_kept_in_their_order_before_ours(open_site: type[Site]) -> None:
    own = [("Set-Cookie", "a=1; Path=/"), ("X-One", "1"), ("Set-Cookie", "b=2"), ("X-Two", "2")]
    response = open_site().visit(change, reply=own)

    assert [cookie.partition("=")[0] for cookie in response.set_cookies] == ["a", "b", "sid"]
    kept = [(name, value) for name, value in response.headers if name.lower() in ("x-one", "x-two")]
    assert [value for _, value in kept] == ["1", "2"]


def test_a_request_that_does_not_use_its_session_gets_the_applications_headers_only(
    open_site: type[Site],
) -> None:
    site = open_site()
    site.visit(change)

    assert [name.lower() for name, _ in site.visit().headers] == ["content-type"]


# -- cookies of a request


def visit_with(site: Site, cookies: str, handler: Any = read) -> Any:
    return site.visit(handler, headers=[("Cookie", cookies)])


def test_other_cookies_and_spaces_do_not_hide_ours(open_site: type[Site]) -> None:
    site = open_site()
    (sid,) = stored(site, 1)

    assert visit_with(site, f"a=1;{cookie_of(sid)} ; sidecar=2; =; b").value == 1
    assert visit_with(site, f'x=; sid="{cookie_of(sid)[4:]}"').value == 1


@pytest.mark.parametrize(
    "forged",
    [
        "sid=id-1",
        "sid=s%3Aid-1",
        "sid=s%3Aid-1.",
        f"sid={cookie_of('id-1')[4:-1]}",
        cookie_of("id-1", "some other secret"),
        cookie_of("id-1", name="SID"),
        f"sid={cookie_of('id-1')[4:].replace('id-1', 'id-2')}",
        "sid=",
        "sid",
        "sid=%",
    ],
)
def test_a_cookie_that_does_not_verify_is_no_session_and_no_store_call(
    open_site: type[Site], forged: str
) -> None:
    site = open_site()
    stored(site, 1, 2)

    assert visit_with(site, forged).value is None
    assert site.trace.letters == ""


def test_an_unknown_id_is_never_adopted(open_site: type[Site]) -> None:
    site = open_site()
    response = visit_with(site, cookie_of("chosen-by-somebody"), change)

    assert len(response.set_cookies) == 1
    assert site.sid != "chosen-by-somebody"
    assert site.trace.letters == "GS"


def test_difference_11_of_several_cookies_the_first_living_one_counts(open_site: type[Site]) -> None:
    site = open_site()
    stored(site, 3, 4)
    header = "; ".join(["sid=forged", *(cookie_of(f"id-{n}") for n in (1, 2, 3, 4))])

    assert visit_with(site, header).value == 3
    assert [arguments for _, arguments, _ in site.trace.calls] == [("id-1",), ("id-2",), ("id-3",)]


def test_difference_11_at_most_four_that_verify_are_asked(open_site: type[Site]) -> None:
    site = open_site()
    stored(site, 5)
    header = "; ".join(["sid=forged"] * 10 + [cookie_of(f"id-{n}") for n in (1, 2, 3, 4, 5)])

    assert visit_with(site, header).value is None
    assert site.trace.letters == "GGGG"


def test_difference_11_the_same_id_twice_is_asked_once(open_site: type[Site]) -> None:
    site = open_site()
    visit_with(site, f"{cookie_of('id-1')}; {cookie_of('id-1')}")

    assert site.trace.letters == "G"


def test_difference_11_destroy_ends_every_session_that_the_cookies_name(open_site: type[Site]) -> None:
    site = open_site()
    stored(site, 2, 3)
    header = "; ".join(cookie_of(f"id-{n}") for n in (1, 2, 3))
    response = visit_with(site, header, lambda session: session.destroy())

    assert site.table.length() == 0
    assert [arguments for name, arguments, _ in site.trace.calls if name == "destroy"] == [
        ("id-2",),
        ("id-3",),
    ]
    assert attributes(response.set_cookies[0])["Max-Age"] == "0"


def test_difference_11_several_cookies_of_our_name_are_warned_about(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "coatcheck")
    site = open_site()
    stored(site, 1, 2)
    visit_with(site, f"{cookie_of('id-1')}; other=1")
    assert caplog.messages == []

    visit_with(site, f"{cookie_of('id-1')}; {cookie_of('id-2')}")
    (message,) = caplog.messages
    assert "several session cookies" in message


def test_an_unreadable_record_gives_way_to_the_next_cookie(open_site: type[Site]) -> None:
    site = open_site()
    stored(site, 2)
    site.plant(b"unreadable", sid="id-1")

    assert visit_with(site, f"{cookie_of('id-1')}; {cookie_of('id-2')}").value == 2


def test_a_cookie_header_that_http_2_split_is_read_as_one(open_site: type[Site]) -> None:
    site = open_site()
    stored(site, 1)
    if open_site is WSGISite:  # WSGI servers put the parts together, as RFC 9113, 8.2.3 wants
        assert visit_with(site, f"a=1; {cookie_of('id-1')}; b=2").value == 1
        return
    parts = [("Cookie", "a=1"), ("Cookie", cookie_of("id-1")), ("Cookie", "b=2")]
    assert site.visit(read, headers=parts).value == 1


def test_a_hostile_cookie_header_is_answered_as_no_session(open_site: type[Site]) -> None:
    site = open_site()
    for hostile in ("sid=" + "x" * 65536, "sid=\x01\xff\x7f", 'sid="', "sid=" * 5000, ";" * 9999, "sid=s:.é"):
        assert visit_with(site, hostile).status == 200
    assert site.trace.letters == ""


def test_the_clearing_cookie_has_the_attributes_of_the_one_it_clears(open_site: type[Site]) -> None:
    options = CookieOptions(path="/app", domain="example.com", secure=True, samesite="none", partitioned=True)
    site = open_site(cookie=options)
    sent = attributes(site.visit(change, "/app", https=True).set_cookies[0])
    response = site.visit(lambda session: session.destroy(), "/app", https=True)

    cleared = attributes(response.set_cookies[0])
    assert response.set_cookies[0].startswith("sid=;")
    assert cleared == {**sent, "Max-Age": "0", "Expires": "Thu, 01 Jan 1970 00:00:00 GMT"}


def test_a_secure_cookie_is_not_cleared_over_http(open_site: type[Site]) -> None:
    site = open_site(cookie=CookieOptions(secure=True))
    site.visit(change, https=True)

    assert site.visit(lambda session: session.destroy()).set_cookies == []
    assert site.table.length() == 0
