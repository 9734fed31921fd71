"""Counterparts of express-session's tests 1 to 15 and 22 to 29: sessions begin, and are found again."""

from typing import Any

import pytest
from express.counterparts import count_visits, fail, session_js, site_of_express
from harness import Site, WSGIBrowser, WSGISite

import coatcheck
from coatcheck import CookieOptions, StoreError
from coatcheck_memory import AsyncMemoryStore, MemoryStore


def browser_without_validator(site: Site) -> Any:
    return WSGIBrowser(site.middleware, validate=False) if isinstance(site, WSGISite) else site.browser


# -- sessions


@session_js(1)
def test_should_export_constructors(new_site: type[Site]) -> None:
    blocking = new_site is WSGISite
    names = ("Session", "Store") if blocking else ("AsyncSession", "AsyncStore")

    assert all(isinstance(getattr(coatcheck, name), type) for name in names)
    assert isinstance(MemoryStore if blocking else AsyncMemoryStore, type)
    assert isinstance(new_site.Middleware, type)


@session_js(2)
def test_should_do_nothing_if_a_session_exists(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    theirs = {"of": "another middleware"}
    entry: dict[str, Any] = {site.key: theirs}

    response = site.visit(lambda session: session is theirs, **entry)

    assert (response.status, response.value, response.set_cookies) == (200, True, [])
    assert site.trace.operations == []


@session_js(3)
def test_should_error_without_secret(new_site: type[Site]) -> None:
    with pytest.raises(TypeError, match="secret"):
        new_site.Middleware(lambda *_: None)


@session_js(5)
def test_should_create_a_new_session(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    response = site.visit(lambda session: session.update(active=True))

    assert len(response.set_cookies) == 1
    assert response.set_cookies[0].startswith("sid=s%3A")
    assert site.table.length() == 1


@session_js(6)
def test_should_load_session_from_cookie_sid(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    site.visit(lambda session: session.update(number=1))
    later = site.visit(lambda session: session["number"])

    assert later.value == 1


@session_js(7)
def test_should_pass_session_fetch_error(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)
    site.trace.before["get"] = fail

    with pytest.raises(StoreError, match="boom!"):
        site.visit(count_visits)


@session_js(9)
def test_should_create_multiple_sessions(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    site.visit(count_visits)
    site.another_browser()
    second = site.visit(count_visits)

    assert second.value == 1
    assert site.table.length() == 2


@session_js(10)
def test_should_handle_empty_path(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.browser = browser_without_validator(site)

    response = site.visit(count_visits, "")

    assert (response.status, len(response.set_cookies)) == (200, 1)


@session_js(12)
def test_should_handle_responses_without_a_body(new_site: type[Site]) -> None:
    def bodiless(_app: Any) -> Any:
        if new_site is WSGISite:
            return answer_nothing
        return send_nothing

    response = site_of_express(new_site, inside=bodiless).visit()

    assert (response.status, response.body, len(response.set_cookies)) == (200, b"", 1)


def answer_nothing(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


async def send_nothing(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@session_js(13)
def test_should_handle_reserved_properties_in_storage(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)
    site.rival(save="a word", id="mine")

    response = site.visit(lambda session: (session["save"], session["id"], callable(session.save)))

    assert (response.status, response.value) == (200, ("a word", "mine", True))
    assert site.data() == {"visits": 1, "save": "a word", "id": "mine"}


@session_js(14)
def test_should_only_have_session_data_enumerable(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    site.visit(lambda session: session.update(test1=1, test2="b"))

    assert site.visit(list).value == ["test1", "test2"]


@session_js(15)
def test_should_not_save_with_bogus_id(new_site: type[Site]) -> None:
    site = site_of_express(new_site, generate_id=lambda _: 42)

    with pytest.raises(TypeError, match="generate_id"):
        site.visit(count_visits)

    assert site.trace.operations == []


# -- when sid is not in the store, not properly signed, or expired


@session_js(22, 26)
@pytest.mark.parametrize("lost", ["not in store", "expired"])
def test_should_create_a_new_session_for_a_lost_one(new_site: type[Site], lost: str) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(max_age=0.005))
    site.visit(count_visits)

    lose(site, lost)

    assert site.visit(count_visits).value == 1


@session_js(23, 27)
@pytest.mark.parametrize("lost", ["not in store", "expired"])
def test_should_have_a_new_sid(new_site: type[Site], lost: str) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(max_age=0.005))
    site.visit(count_visits)
    old = site.sid

    lose(site, lost)
    site.visit(count_visits)

    assert site.sid != old


def lose(site: Site, how: str) -> None:
    if how == "not in store":
        site.table.clear()
    else:
        site.clock.advance(0.02)


@session_js(24)
def test_should_generate_new_session_for_an_unsigned_sid(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)
    old = site.browser.cookies["sid"] = site.sid

    response = site.visit(count_visits)

    assert response.value == 1
    assert site.sid != old


@session_js(25)
def test_should_not_attempt_fetch_from_store_for_a_damaged_signature(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)
    site.browser.cookies["sid"] = site.browser.cookies["sid"].replace("s%3A", "s%3A1")

    assert site.letters(count_visits) == "S"


@session_js(28)
def test_should_not_exist_in_store_when_expired(new_site: type[Site]) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(max_age=0.005))
    site.visit(count_visits)
    assert site.table.length() == 1

    site.clock.advance(0.01)

    assert site.table.length() == 0


# -- when session without cookie property in store


@session_js(29)
def test_should_treat_a_session_without_cookie_property_as_none(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)
    old = site.sid
    site.plant(b'{"foo":"bar"}')

    response = site.visit(lambda session: dict(session))

    assert (response.status, response.value) == (200, {})
    assert site.sid != old
