"""How long a session lives: ttl, max_age, rolling, resave, save_uninitialized, touch_after."""

from datetime import timedelta
from typing import Any

import pytest
from harness import SITES, Site, attributes

from coatcheck import CookieOptions

pytestmark = pytest.mark.parametrize("open_site", SITES)


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def read(session: Any) -> Any:
    return session.get("n")


def calls(site: Site, handler: Any, **visit: Any) -> list[tuple[str, float, float | None]]:
    """Return name, ttl and slack of the calls during a visit that carry a ttl."""
    site.trace.take()
    site.visit(handler, **visit)
    taken = site.trace.take().calls
    return [(name, options["ttl"], options.get("slack")) for name, _, options in taken if "ttl" in options]


@pytest.mark.parametrize("ttl", [100, 100.5, timedelta(seconds=100)])
def test_ttl_is_the_idle_time_of_sessions_without_max_age(open_site: type[Site], ttl: Any) -> None:
    site = open_site(ttl=ttl)
    site.visit(change)
    for _ in range(3):
        site.clock.advance(99)
        assert site.visit(read).value == 1

    site.clock.advance(101)
    assert site.visit(read).value is None


def test_ttl_is_a_day_by_default(open_site: type[Site]) -> None:
    assert calls(open_site(), change) == [("set", 86400.0, None)]


def test_max_age_is_the_lifetime_of_the_record_too(open_site: type[Site]) -> None:
    site = open_site(ttl=1000, cookie=CookieOptions(max_age=60))

    assert calls(site, change) == [("set", 60.0, None)]
    assert calls(site, change) == [("replace", 60.0, None)]


def test_without_rolling_a_session_with_max_age_ends_that_long_after_its_last_change(
    open_site: type[Site],
) -> None:
    site = open_site(cookie=CookieOptions(max_age=60))
    site.visit(change)
    site.clock.advance(40)
    assert site.visit(read).value == 1
    site.visit(change)
    site.clock.advance(59)
    assert site.visit(read).value == 2

    site.clock.advance(2)
    assert site.visit(read).value is None


def test_rolling_renews_record_and_cookie_with_every_request(open_site: type[Site]) -> None:
    site = open_site(rolling=True, cookie=CookieOptions(max_age=60))
    site.visit(change)
    for _ in range(3):
        site.clock.advance(59)
        response = site.visit(read)
        assert response.value == 1
        assert attributes(response.set_cookies[0])["Max-Age"] == "60"

    site.clock.advance(61)
    assert site.visit(read).value is None


def test_rolling_sends_no_cookie_for_a_session_that_does_not_exist(open_site: type[Site]) -> None:
    site = open_site(rolling=True)

    assert site.visit(read).set_cookies == []
    assert site.table.length() == 0


def test_resave_writes_a_session_that_was_only_read(open_site: type[Site]) -> None:
    site = open_site(resave=True)
    site.visit(change)

    assert site.letters(read) == "GS"
    assert site.letters() == "GS"


def test_resave_does_not_store_a_new_session_that_was_not_changed(open_site: type[Site]) -> None:
    assert open_site(resave=True).letters(read) == ""


def test_without_resave_an_equal_value_is_no_change(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(change)

    assert site.letters(lambda session: session.update(n=1)) == "G"


def test_save_uninitialized_stores_a_session_that_nobody_used(open_site: type[Site]) -> None:
    site = open_site(save_uninitialized=True)

    assert site.letters() == "S"
    assert site.data() == {}
    assert site.letters() == "G"


def test_by_default_a_session_that_was_only_read_is_not_stored(open_site: type[Site]) -> None:
    site = open_site()

    assert site.letters(lambda session: (session.id, session.get("n"), session.cookie.path)) == ""
    assert site.browser.cookies == {}


def test_touch_after_is_the_slack_of_the_renewal_at_load(open_site: type[Site]) -> None:
    site = open_site(ttl=100, touch_after=30)
    site.visit(change)

    assert calls(site, read) == [("get_and_touch", 100.0, 30.0)]


def test_touch_after_is_the_slack_of_the_renewal_at_the_end(open_site: type[Site]) -> None:
    site = open_site(rolling=True, touch_after=timedelta(seconds=30), cookie=CookieOptions(max_age=100))
    site.visit(change)

    assert calls(site, read) == [("touch", 100.0, 30.0)]


def test_touch_after_is_never_more_than_the_lifetime(open_site: type[Site]) -> None:
    site = open_site(ttl=100, touch_after=3600)
    site.visit(change)

    assert calls(site, read) == [("get_and_touch", 100.0, 100.0)]


def test_touch_after_leaves_the_record_alone_that_long(open_site: type[Site]) -> None:
    site = open_site(ttl=100, touch_after=30)
    site.visit(change)
    site.clock.advance(29)
    site.visit(read)
    site.clock.advance(72)

    assert site.visit(read).value is None


def test_a_change_renews_whatever_touch_after_says(open_site: type[Site]) -> None:
    site = open_site(ttl=100, touch_after=90)
    site.visit(change)
    site.clock.advance(50)
    site.visit(change)
    site.clock.advance(99)

    assert site.visit(read).value == 2


def test_touch_is_not_put_off_by_touch_after(open_site: type[Site]) -> None:
    site = open_site(touch_after=30, cookie=CookieOptions(max_age=100))
    site.visit(change)

    assert calls(site, lambda session: session.touch()) == [("touch", 100.0, 0.0)]


def test_a_session_whose_own_lifetime_is_shorter_than_assumed_is_renewed_by_that(
    open_site: type[Site],
) -> None:
    site = open_site(ttl=1000)

    def shorten(session: Any) -> None:
        session["n"] = 1
        session.cookie.max_age = 50

    site.visit(shorten)
    site.clock.advance(20)
    assert calls(site, read)[-1] == ("touch", 50.0, 0.0)

    site.clock.advance(51)
    assert site.visit(read).value is None


@pytest.mark.parametrize("lacks", [(), ("get_and_touch",)])
def test_reading_never_shortens_a_session_that_lives_longer_than_the_options_say(
    open_site: type[Site], lacks: tuple[str, ...]
) -> None:
    site = open_site(ttl=1000, lacks=lacks)

    def remember_me(session: Any) -> None:
        session["n"] = 1
        session.cookie.max_age = 30_000

    site.visit(remember_me)
    site.visit(read)
    site.clock.advance(20_000)

    assert site.visit(read).value == 1


def test_a_record_that_was_renewed_without_its_payload_is_not_cut_by_the_end_in_it(
    open_site: type[Site],
) -> None:
    site = open_site(ttl=100_000)

    def give_it_an_hour(session: Any) -> None:
        session["n"] = 1
        session.cookie.max_age = 3600

    site.visit(give_it_an_hour)
    site.clock.advance(3000)
    site.visit(lambda session: session.touch())  # as Express renews: the record alone
    site.visit(read)
    site.clock.advance(3000)

    assert site.visit(read).value == 1


def test_a_session_without_max_age_lives_on_by_ttl_where_the_options_have_a_max_age(
    open_site: type[Site],
) -> None:
    site = open_site(ttl=1000, cookie=CookieOptions(max_age=50))

    def make_it_end_with_the_browser(session: Any) -> None:
        session["n"] = 1
        session.cookie.max_age = None

    site.visit(make_it_end_with_the_browser)
    for _ in range(2):
        site.clock.advance(900)
        assert site.visit(read).value == 1
    site.clock.advance(1001)
    assert site.visit(read).value is None


def test_a_stored_end_in_the_past_does_not_end_a_living_record(open_site: type[Site]) -> None:
    site = open_site(ttl=1000)
    site.visit(change)
    site.plant(b'{"cookie":{"originalMaxAge":60000,"expires":"1970-01-01T00:00:00.000Z","path":"/"},"n":7}')

    assert site.visit(read).value == 7
    site.clock.advance(59)
    assert site.visit(read).value == 7


def test_a_session_that_is_not_used_is_renewed_as_well(open_site: type[Site]) -> None:
    site = open_site(ttl=100)
    site.visit(change)
    for _ in range(3):
        site.clock.advance(99)
        site.visit()

    assert site.visit(read).value == 1


def test_an_application_that_changes_the_lifetime_changes_all_later_renewals(open_site: type[Site]) -> None:
    site = open_site(rolling=True, cookie=CookieOptions(max_age=100))
    site.visit(change)

    def remember_me(session: Any) -> None:
        session.cookie.max_age = timedelta(days=30)

    site.visit(remember_me)
    assert calls(site, read) == [("touch", 30 * 86400.0, 0.0)]
    assert site.visit(lambda session: session.cookie.original_max_age).value == 30 * 86400
