"""When the store cannot be reached: on_unavailable at load, and what a failed commit does."""

import logging
from typing import Any

import pytest
from harness import SITES, Response, Site, settle

from coatcheck import CookieOptions, SessionDestroyed, StoreError, StoreUnavailable

pytestmark = pytest.mark.parametrize("open_site", SITES)

POLICIES = pytest.mark.parametrize("policy", ["503", "raise", "anonymous"])


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def with_session(open_site: type[Site], **options: Any) -> Site:
    site = open_site(**options)
    site.visit(change)
    site.trace.take()
    return site


def outages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if "unavailable" in r.getMessage()]


def assert_unavailable(response: Response) -> None:
    assert response.status == 503
    assert response.all("retry-after") == ["5"]
    assert response.all("content-length") == [str(len(response.body))]
    assert response.set_cookies == []
    assert b"try again" in response.body


def test_by_default_a_request_whose_session_cannot_be_loaded_is_answered_with_503(
    open_site: type[Site],
) -> None:
    site = with_session(open_site)
    site.outage()

    assert_unavailable(site.visit(lambda _: pytest.fail("the application ran without its session")))


def test_the_visitor_is_still_known_when_the_store_is_back(open_site: type[Site]) -> None:
    site = with_session(open_site, rolling=True)
    site.outage()
    site.visit()
    site.recovery()

    assert site.visit(lambda session: session["n"]).value == 1


def test_a_request_without_a_cookie_is_served_during_an_outage(open_site: type[Site]) -> None:
    site = open_site()
    site.outage()

    assert site.visit(lambda session: session.get("n")).status == 200


def test_raise_lets_the_error_out_and_does_not_run_the_application(open_site: type[Site]) -> None:
    site = with_session(open_site, on_unavailable="raise")
    site.outage()

    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        site.visit(lambda _: pytest.fail("the application ran without its session"))


@POLICIES
def test_any_other_error_of_the_store_is_raised_under_every_setting(
    open_site: type[Site], policy: Any
) -> None:
    site = with_session(open_site, on_unavailable=policy)

    def refuse() -> None:
        raise StoreError("no such table")

    site.trace.before["get_and_touch"] = refuse
    with pytest.raises(StoreError, match="no such table"):
        site.visit()


def test_anonymous_reads_are_empty_and_no_cookie_is_sent(open_site: type[Site]) -> None:
    site = with_session(open_site, on_unavailable="anonymous", rolling=True, save_uninitialized=True)
    site.outage()
    response = site.visit(lambda session: (dict(session), session.get("n"), len(session), session.is_new))

    assert response.value == ({}, None, 0, True)
    assert (response.status, response.set_cookies, response.all("vary")) == (200, [], ["Cookie"])
    assert site.trace.letters == "G"


def test_anonymous_assignments_are_dropped_with_one_warning(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    def assign(session: Any) -> Any:
        session["a"] = 1
        session.update(b=2, c=3)
        session.setdefault("d", []).append(4)
        session.pop("e", None)
        session.clear()
        session.touch()
        return dict(session), session.modified

    site = with_session(open_site, on_unavailable="anonymous")
    site.outage()
    response = site.visit(assign)

    assert response.value == ({}, False)
    assert response.set_cookies == []
    assert site.trace.letters == "G"
    assert len([r for r in caplog.records if "was dropped" in r.getMessage()]) == 1


@pytest.mark.parametrize("later", [None, lambda session: session.get("n")])
def test_anonymous_save_transact_regenerate_destroy_and_reload_raise(
    open_site: type[Site], later: Any
) -> None:
    async def try_everything(session: Any) -> None:
        with pytest.raises(StoreUnavailable):
            await settle(session.save())
        with pytest.raises(StoreUnavailable):
            await settle(session.reload())
        with pytest.raises(StoreUnavailable):
            await settle(session.transact(lambda data: data.update(a=1)))
        with pytest.raises(StoreUnavailable):
            session.regenerate()
        with pytest.raises(StoreUnavailable):
            session.destroy()

    site = with_session(open_site, on_unavailable="anonymous")
    site.outage()
    response = site.visit(try_everything, later=later)

    assert (response.status, response.set_cookies) == (200, [])
    assert site.trace.letters == "G"
    assert site.data() == {"n": 1}


def test_anonymous_requests_leave_the_session_as_it_was(open_site: type[Site]) -> None:
    site = with_session(open_site, on_unavailable="anonymous", unset="destroy")
    site.outage()
    site.visit(change)
    site.visit(lambda session: session.unset())
    site.recovery()

    assert site.visit(lambda session: session["n"]).value == 1


def test_anonymous_is_empty_too_where_the_outage_begins_after_the_read(open_site: type[Site]) -> None:
    site = with_session(open_site, on_unavailable="anonymous", cookie=CookieOptions(max_age=50))
    site.visit(lambda session: setattr(session.cookie, "max_age", None))
    site.outage("touch")
    response = site.visit(lambda session: (dict(session), session.is_new))

    assert response.value == ({}, True)
    assert response.set_cookies == []


def changing(session: Any) -> None:
    session["n"] = 2


@pytest.mark.parametrize(
    "handler",
    [
        changing,
        lambda session: session.regenerate(),
        lambda session: session.destroy(),
        lambda session: session.touch(),
    ],
)
@pytest.mark.parametrize("policy", ["503", "anonymous"])
def test_a_commit_that_fails_is_answered_with_503(
    open_site: type[Site], policy: Any, handler: Any, caplog: pytest.LogCaptureFixture
) -> None:
    site = with_session(open_site, on_unavailable=policy)
    site.outage("set", "replace", "destroy", "touch")

    assert_unavailable(site.visit(handler, reply=[("Set-Cookie", "other=1"), ("X-Of", "the application")]))
    assert len(outages(caplog)) == 1


@pytest.mark.parametrize("policy", ["503", "anonymous"])
def test_a_new_session_that_cannot_be_stored_is_answered_with_503(open_site: type[Site], policy: Any) -> None:
    site = open_site(on_unavailable=policy)
    site.outage()

    assert_unavailable(site.visit(change))


@pytest.mark.parametrize("policy", ["503", "anonymous"])
def test_a_streaming_answer_whose_first_commit_fails_is_replaced_by_503(
    open_site: type[Site], policy: Any
) -> None:
    site = with_session(open_site, on_unavailable=policy)
    site.outage("replace")
    response = site.visit(change, later=lambda session: None)

    assert_unavailable(response)
    assert b"first" not in response.body
    assert b"last" not in response.body


def test_a_commit_that_fails_raises_where_that_is_the_setting(open_site: type[Site]) -> None:
    site = with_session(open_site, on_unavailable="raise")
    site.outage("replace")

    with pytest.raises(StoreUnavailable):
        site.visit(change)


@POLICIES
def test_after_the_head_is_out_a_failed_commit_aborts_the_body(open_site: type[Site], policy: Any) -> None:
    site = with_session(open_site, on_unavailable=policy)
    site.outage("replace")

    with pytest.raises(StoreUnavailable):
        site.visit(later=change)


def test_a_write_whose_outcome_is_unknown_is_not_made_again(open_site: type[Site]) -> None:
    site = with_session(open_site)
    site.outage("replace", "destroy")

    assert site.letters(change) == "GS"
    assert site.letters(lambda session: session.destroy()) == "GD"


def test_an_error_of_save_reaches_the_application(open_site: type[Site]) -> None:
    site = with_session(open_site)

    async def save(session: Any) -> None:
        session["n"] = 2
        site.outage("replace")
        with pytest.raises(StoreUnavailable):
            await settle(session.save())
        site.recovery()

    assert site.visit(save).status == 200
    assert site.data() == {"n": 2}


def test_a_destroy_whose_application_raises_is_carried_out_and_its_failure_does_not_hide_the_error(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    def destroy_and_raise(session: Any) -> None:
        session.destroy()
        with pytest.raises(SessionDestroyed):
            session["n"] = 2
        raise LookupError("of the application")

    site = with_session(open_site)
    site.outage("destroy")
    with pytest.raises(LookupError, match="of the application"):
        site.visit(destroy_and_raise)

    assert [r.levelno for r in caplog.records] == [logging.ERROR]
    assert site.trace.letters == "GD"


def test_an_outage_is_logged_at_most_once_a_second(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = with_session(open_site)
    site.outage()
    for _ in range(3):
        site.visit()

    assert outages(caplog) == ["the session store is unavailable: the server cannot be reached"]
