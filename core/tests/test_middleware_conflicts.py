"""Requests of one session at the same time: on_conflict and on_gone."""

import json
import logging
from itertools import count
from typing import Any

import pytest
from harness import SITES, Site, settle

from coatcheck import SessionConflict, SessionDestroyed

pytestmark = pytest.mark.parametrize("open_site", SITES)


def started(open_site: type[Site], **options: Any) -> Site:
    site = open_site(**options)
    site.visit(lambda session: session.update(mine=0, theirs=0, both=0))
    site.trace.take()
    return site


def changing_with_a_rival(site: Site, **theirs: Any) -> Any:
    """Return a handler that changes ``mine`` and ``both`` while a rival writes."""

    def handler(session: Any) -> None:
        session["mine"] = session["both"] = 1
        site.rival(**theirs)

    return handler


def test_on_conflict_merge_keeps_both_changes(open_site: type[Site]) -> None:
    site = started(open_site)
    site.visit(changing_with_a_rival(site, theirs=2, both=2, added=2))

    assert site.data() == {"mine": 1, "theirs": 2, "both": 1, "added": 2}
    assert site.trace.operations == ["get_and_touch", "replace", "replace"]


def test_a_merge_keeps_what_the_rival_deleted_deleted(open_site: type[Site]) -> None:
    site = started(open_site)
    site.visit(changing_with_a_rival(site, theirs=None))

    assert site.data() == {"mine": 1, "both": 1}


def test_the_session_shows_the_merged_data_after_a_save(open_site: type[Site]) -> None:
    site = started(open_site)

    async def save_with_a_rival(session: Any) -> Any:
        changing_with_a_rival(site, theirs=2)(session)
        await settle(session.save())
        return dict(session)

    assert site.visit(save_with_a_rival).value == {"mine": 1, "theirs": 2, "both": 1}


def test_a_nested_change_is_merged_by_its_key(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(lambda session: session.update(cart={"items": []}, theirs=0))

    def handler(session: Any) -> None:
        session["cart"]["items"].append("coat")
        site.rival(theirs=1)

    site.visit(handler)
    assert site.data() == {"cart": {"items": ["coat"]}, "theirs": 1}


def test_on_conflict_overwrite_writes_what_this_request_has(open_site: type[Site]) -> None:
    site = started(open_site, on_conflict="overwrite")
    site.visit(changing_with_a_rival(site, theirs=2, added=2))

    assert site.data() == {"mine": 1, "theirs": 0, "both": 1}


def test_overwriting_does_not_bring_back_a_session_that_ended(open_site: type[Site]) -> None:
    site = started(open_site, on_conflict="overwrite")

    def handler(session: Any) -> None:
        session["mine"] = 1
        site.table.destroy(site.sid)

    site.visit(handler)
    assert site.table.length() == 0


def test_on_conflict_raise_raises_and_writes_nothing(open_site: type[Site]) -> None:
    site = started(open_site, on_conflict="raise")

    with pytest.raises(SessionConflict, match="nothing was written"):
        site.visit(changing_with_a_rival(site, theirs=2))
    assert site.data() == {"mine": 0, "theirs": 2, "both": 0}


@pytest.mark.parametrize("policy", ["merge", "raise"])
def test_a_rival_that_only_read_is_no_conflict(open_site: type[Site], policy: Any) -> None:
    site = started(open_site, on_conflict=policy)
    site.visit(changing_with_a_rival(site))

    assert site.data() == {"mine": 1, "theirs": 0, "both": 1}


def test_a_rival_that_wins_every_attempt_is_a_conflict_in_the_end(open_site: type[Site]) -> None:
    site = started(open_site)
    numbers = count(1)

    async def count_once(session: Any) -> None:
        site.trace.before["replace"] = lambda: site.rival(theirs=next(numbers))
        with pytest.raises(SessionConflict, match="every attempt"):
            await settle(session.transact(lambda data: data.update(mine=1), attempts=3))

    site.visit(count_once)
    assert site.trace.operations.count("replace") == 3
    assert site.data()["mine"] == 0


def gone_while_changing(site: Site) -> Any:
    def handler(session: Any) -> None:
        session["mine"] = 1
        site.table.destroy(site.sid)

    return handler


def test_on_gone_drop_answers_as_if_the_change_had_come_before_the_logout(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "coatcheck")
    site = started(open_site, rolling=True)
    response = site.visit(gone_while_changing(site))

    assert (response.status, response.set_cookies, site.table.length()) == (200, [], 0)
    assert ["ended meanwhile" in record.getMessage() for record in caplog.records] == [True]


def test_on_gone_raise_raises_at_the_commit(open_site: type[Site]) -> None:
    site = started(open_site, on_gone="raise")

    with pytest.raises(SessionDestroyed, match="nothing was written"):
        site.visit(gone_while_changing(site))
    assert site.table.length() == 0


def test_on_gone_raise_is_about_changes_not_about_renewals(open_site: type[Site]) -> None:
    site = started(open_site, on_gone="raise", rolling=True)

    def read(session: Any) -> None:
        assert session["mine"] == 0
        site.table.destroy(site.sid)

    response = site.visit(read)
    assert (response.status, response.set_cookies) == (200, [])


@pytest.mark.parametrize("policy", ["drop", "raise"])
def test_save_and_transact_always_raise_for_a_session_that_is_gone(
    open_site: type[Site], policy: Any
) -> None:
    site = started(open_site, on_gone=policy)

    async def handler(session: Any) -> None:
        gone_while_changing(site)(session)
        with pytest.raises(SessionDestroyed):
            await settle(session.save())
        with pytest.raises(SessionDestroyed):
            await settle(session.transact(lambda data: data.update(mine=1)))
        session.unset()

    site.visit(handler)
    assert site.table.length() == 0


def test_a_rival_whose_record_cannot_be_read_is_written_over(open_site: type[Site]) -> None:
    site = started(open_site)

    def handler(session: Any) -> None:
        session["mine"] = 1
        site.plant(json.dumps({"no": "cookie"}).encode())

    site.visit(handler)
    assert site.data() == {"mine": 1, "theirs": 0, "both": 0}


@pytest.mark.parametrize(
    ("options", "error"),
    [({"on_conflict": "raise"}, SessionConflict), ({"on_gone": "raise"}, SessionDestroyed)],
)
def test_an_application_can_answer_what_save_told_it(
    open_site: type[Site], options: dict[str, Any], error: type[Exception]
) -> None:
    site = started(open_site, **options)

    async def handle(session: Any) -> str:
        session["mine"] = 1
        if error is SessionConflict:
            site.rival(theirs=1)
        else:
            site.table.clear()
        with pytest.raises(error):
            await settle(session.save())
        return "told"

    response = site.visit(handle)

    assert (response.status, response.value, response.set_cookies) == (200, "told", [])


def test_after_a_conflict_that_was_told_a_reload_makes_a_new_beginning(open_site: type[Site]) -> None:
    site = started(open_site, on_conflict="raise")

    async def try_again(session: Any) -> None:
        session["mine"] = 1
        site.rival(theirs=1)
        with pytest.raises(SessionConflict):
            await settle(session.save())
        await settle(session.reload())
        session["mine"] = 2

    site.visit(try_again)

    assert site.data() == {"mine": 2, "theirs": 1, "both": 0}
