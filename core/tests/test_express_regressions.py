"""What express-session once got wrong, by the versions that mended it (express-session 5.13)."""

from typing import Any

import pytest
from express.counterparts import count_visits, site_of_express
from harness import SITES, Site, attributes, settle

from coatcheck import CookieOptions, StoreUnavailable

both = pytest.mark.parametrize("new_site", SITES)


async def count_and_save(session: Any) -> None:
    count_visits(session)
    await settle(session.save())


def max_age_sent(site: Site, handler: Any) -> str:
    return attributes(site.visit(handler).set_cookies[0])["Max-Age"]


@both
def test_1_18_0_an_error_of_the_cookie_option_reaches_the_server(new_site: type[Site]) -> None:
    site = site_of_express(new_site, cookie=lambda _: {"path": "/"})

    with pytest.raises(TypeError, match="cookie callable"):
        site.visit()


@both
def test_1_17_3_a_new_session_that_was_saved_is_not_saved_again_at_the_end(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    async def save(session: Any) -> None:
        await settle(session.save())

    assert site.letters(save) == "S"


@both
def test_1_17_1_saving_works_after_a_failed_reload_and_is_not_repeated(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)

    async def reload_in_vain(session: Any) -> None:
        site.outage("get")
        with pytest.raises(StoreUnavailable):
            await settle(session.reload())
        site.recovery()
        await count_and_save(session)

    assert site.letters(reload_in_vain) == "GGS"
    assert site.data() == {"visits": 2}


@both
@pytest.mark.parametrize(
    "payload", [b"null", b"[]", b'"text"', b'{"cookie":null}', b'{"cookie":"/"}', b"{", b"\xff", b""]
)
def test_1_16_1_bad_session_data_is_no_session(new_site: type[Site], payload: bytes) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)
    site.plant(payload)

    response = site.visit(count_visits)

    assert (response.status, response.value) == (200, 1)


@both
def test_1_16_0_an_altered_session_is_saved_without_resave(new_site: type[Site]) -> None:
    site = site_of_express(new_site, resave=False)
    site.visit(count_visits)

    async def save_and_alter(session: Any) -> None:
        await count_and_save(session)
        count_visits(session)

    assert site.letters(save_and_alter) == "GSS"
    assert site.data() == {"visits": 3}


@both
def test_1_16_0_what_is_altered_back_after_a_save_is_saved_too(new_site: type[Site]) -> None:
    site = site_of_express(new_site, resave=False)
    site.visit(count_visits)

    async def save_and_undo(session: Any) -> None:
        await count_and_save(session)
        session["visits"] -= 1

    assert site.letters(save_and_undo) == "GSS"
    assert site.data() == {"visits": 1}


@both
def test_1_15_0_a_reloaded_session_that_was_saved_is_not_saved_again(new_site: type[Site]) -> None:
    site = site_of_express(new_site, resave=False)
    site.visit(count_visits)

    async def reload_and_save(session: Any) -> None:
        site.rival(visits=41)
        await settle(session.reload())
        await count_and_save(session)

    assert site.letters(reload_and_save) == "GGS"
    assert site.data() == {"visits": 42}


@both
def test_1_14_1_the_lifetime_starts_over_before_every_save(new_site: type[Site]) -> None:
    site = site_of_express(new_site)
    site.visit(count_visits)
    before = site.document()["cookie"]["expires"]
    site.clock.advance(30)

    site.visit(count_and_save)
    site.clock.advance(59)

    assert site.document()["cookie"]["expires"] > before
    assert site.visit(count_visits).value == 3


@both
def test_1_14_1_same_site_reaches_the_cookie(new_site: type[Site]) -> None:
    site = site_of_express(new_site, cookie=CookieOptions(samesite="strict"))

    assert attributes(site.visit().set_cookies[0])["SameSite"] == "Strict"


@both
def test_1_14_0_the_end_that_the_browser_is_told_is_always_updated(new_site: type[Site]) -> None:
    site = site_of_express(new_site)

    for _ in range(3):
        assert max_age_sent(site, count_visits) == max_age_sent(site, count_and_save) == "60"
        site.clock.advance(30)


@both
def test_1_13_0_rolling_sends_no_cookie_where_no_session_is(new_site: type[Site]) -> None:
    site = site_of_express(new_site, rolling=True)
    site.visit(count_visits)

    def unset(_session: Any) -> None:
        site.request[site.key] = None

    assert site.visit(unset).set_cookies == []
    site.another_browser()
    assert site.visit(unset).set_cookies == []


@both
def test_1_11_1_the_list_of_secrets_stays_as_it_is(new_site: type[Site]) -> None:
    secrets = ["the newest secret of all", "an older secret of ours"]
    site = site_of_express(new_site, secret=secrets)

    site.visit(count_visits)

    assert secrets == ["the newest secret of all", "an older secret of ours"]
    assert site.visit(count_visits).value == 2


@both
@pytest.mark.parametrize("rolling", [False, True])
def test_1_10_0_a_session_that_is_only_read_lives_on_without_resave(
    new_site: type[Site], rolling: bool
) -> None:
    cookie = CookieOptions(max_age=60 if rolling else None)
    site = site_of_express(new_site, resave=False, rolling=rolling, cookie=cookie, ttl=60)
    site.visit(count_visits)

    for _ in range(3):
        site.clock.advance(50)
        assert site.visit(dict).value == {"visits": 1}
    site.clock.advance(61)

    assert site.visit(dict).value == {}
