"""max_lifetime: the end of a session that no activity puts off."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from harness import SITES, Site, attributes

from coatcheck import CookieOptions

pytestmark = pytest.mark.parametrize("open_site", SITES)

NOW = 1_000_000.0
STARTED = "__started"


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def read(session: Any) -> Any:
    return session.get("n")


def ttls(site: Site, handler: Any) -> list[float]:
    site.trace.take()
    site.visit(handler)
    return [options["ttl"] for _, _, options in site.trace.take().calls if "ttl" in options]


def with_start(site: Site, started: str) -> None:
    """Let a record begin at ``started``, given as JSON; nothing stands for no beginning."""
    member = f'"{STARTED}":{started},' if started else ""
    site.plant(f'{{"cookie":{{"path":"/"}},{member}"n":1}}'.encode())


def test_without_the_option_no_start_is_stored(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(change)

    assert STARTED not in site.document()


def test_the_start_is_stored_in_epoch_seconds_and_hidden_from_the_mapping(open_site: type[Site]) -> None:
    site = open_site(max_lifetime=1000)
    site.visit(change)

    assert site.document()[STARTED] == NOW
    assert site.visit(lambda session: (dict(session), STARTED in session)).value == ({"n": 1}, False)


def test_the_start_cannot_be_read_or_written_as_data(open_site: type[Site]) -> None:
    def read_start(session: Any) -> None:
        with pytest.raises(KeyError, match="reserved"):
            session[STARTED]
        with pytest.raises(ValueError, match="reserved"):
            session[STARTED] = 0
        with pytest.raises(KeyError):
            del session[STARTED]

    site = open_site(max_lifetime=1000)
    site.visit(change)
    site.visit(read_start)


def test_no_activity_puts_the_end_off(open_site: type[Site]) -> None:
    site = open_site(ttl=100, max_lifetime=timedelta(seconds=250))
    site.visit(change)
    for n in (1, 2, 3):
        site.clock.advance(80)
        assert site.visit(read).value == n
        site.visit(change)

    site.clock.advance(11)
    assert site.visit(read).value is None


def test_past_its_end_a_session_is_destroyed_and_the_request_has_none(open_site: type[Site]) -> None:
    site = open_site(max_lifetime=100)
    site.visit(change)
    old = site.sid
    site.clock.advance(101)
    with_start(site, str(NOW))

    assert site.letters(change) == "GDS"
    assert site.table.peek(old) is None
    assert site.sid != old
    assert site.data() == {"n": 1, STARTED: NOW + 101}


@pytest.mark.parametrize("rolling", [False, True])
@pytest.mark.parametrize("max_age", [None, 100])
def test_no_lifetime_exceeds_what_is_left(open_site: type[Site], rolling: bool, max_age: Any) -> None:
    site = open_site(ttl=100, max_lifetime=150, rolling=rolling, cookie=CookieOptions(max_age=max_age))
    site.visit(change)
    site.clock.advance(90)

    assert ttls(site, change)[-1] == 60.0


def test_a_read_leaves_the_record_no_more_than_what_is_left(open_site: type[Site]) -> None:
    site = open_site(ttl=100, max_lifetime=150)
    site.visit(change)
    site.clock.advance(90)

    assert ttls(site, read) == [100.0, 60.0]


def test_a_read_far_from_the_end_needs_no_correction(open_site: type[Site]) -> None:
    site = open_site(ttl=100, max_lifetime=1000)
    site.visit(change)

    assert ttls(site, read) == [100.0]


def test_the_cookie_ends_with_the_session(open_site: type[Site]) -> None:
    site = open_site(max_lifetime=150, rolling=True, cookie=CookieOptions(max_age=100))
    assert attributes(site.visit(change).set_cookies[0])["Max-Age"] == "100"

    site.clock.advance(90)

    (set_cookie,) = site.visit(read).set_cookies
    assert attributes(set_cookie)["Max-Age"] == "60"
    assert site.visit(lambda session: session.cookie.original_max_age).value == 100


@pytest.mark.parametrize("started", ["", "null", '"1000000"', "true", "[]", "{}", "1000500.5", "1e300"])
def test_a_start_that_is_absent_no_number_or_in_the_future_is_taken_as_now(
    open_site: type[Site], started: str
) -> None:
    site = open_site(max_lifetime=100)
    site.visit(change)
    with_start(site, started)
    site.clock.advance(10)

    assert site.visit(read).value == 1
    assert site.document()[STARTED] == NOW + 10


def test_a_session_that_came_before_the_option_gets_its_start_though_it_is_not_used(
    open_site: type[Site],
) -> None:
    old = open_site()
    old.visit(change)
    new = open_site(store=old.store, clock=old.clock, max_lifetime=100)
    new.browser.cookies = old.browser.cookies
    new.visit()
    old.clock.advance(99)
    assert new.visit(read).value == 1

    old.clock.advance(2)
    assert new.visit(read).value is None


def test_regenerate_with_its_data_keeps_the_start(open_site: type[Site]) -> None:
    site = open_site(max_lifetime=100)
    site.visit(change)
    site.clock.advance(40)
    site.visit(lambda session: session.regenerate(keep_data=True))

    assert site.document()[STARTED] == NOW


def test_regenerate_without_data_starts_anew(open_site: type[Site]) -> None:
    site = open_site(max_lifetime=100)
    site.visit(change)
    site.clock.advance(40)
    site.visit(lambda session: session.regenerate())

    assert site.document()[STARTED] == NOW + 40


def test_a_start_that_express_stored_survives_where_the_option_is_not_set(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(change)
    with_start(site, "999000")
    site.visit(change)

    assert site.document()[STARTED] == 999000


def test_a_cookie_that_the_application_prolongs_ends_with_the_session_too(open_site: type[Site]) -> None:
    site = open_site(max_lifetime=100)

    def remember_me(session: Any) -> None:
        session.cookie.expires = datetime.fromtimestamp(NOW + 5000, UTC)
        session["n"] = 1

    (set_cookie,) = site.visit(remember_me).set_cookies
    assert attributes(set_cookie)["Max-Age"] == "100"


def test_the_end_may_come_while_the_request_runs(open_site: type[Site]) -> None:
    site = open_site(max_lifetime=100)
    site.visit(change)

    def work_for_long(session: Any) -> None:
        site.clock.advance(101)
        session["n"] = 2

    assert site.visit(work_for_long).status == 200
    assert site.table.length() == 0


def test_reloading_does_not_lose_the_start_of_a_session_that_had_none(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(change)
    limited = open_site(max_lifetime=100, store=site.store, clock=site.clock)
    limited.browser.cookies = dict(site.browser.cookies)

    limited.visit(lambda session: session.reload())

    assert site.document()[STARTED] == NOW


def test_a_session_is_not_modified_because_its_start_was_noted(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(change)
    limited = open_site(max_lifetime=100, store=site.store, clock=site.clock)
    limited.browser.cookies = dict(site.browser.cookies)

    assert limited.visit(lambda session: session.modified).value is False
