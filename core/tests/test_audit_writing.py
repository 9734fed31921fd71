"""Writing at its limits: the last attempt, a start that comes too late, two starts of one lifetime."""

import json
from typing import Any

import pytest
from harness import SITES, Site, settle
from harness.websockets import DISCONNECT, Visitor

from coatcheck import SessionClosed, SessionConflict

ATTEMPTS = 100


def with_a_rival_at_every_attempt(open_site: type[Site], writes: int) -> Site:
    """Return a site on which somebody else writes before each of so many first attempts."""
    site = open_site()
    site.visit(lambda session: session.update(mine=0, theirs=0))
    numbers = iter(range(1, writes + 1))

    def interfere() -> None:
        if (number := next(numbers, None)) is not None:
            site.rival(theirs=number)

    site.trace.take()
    site.trace.before["replace"] = interfere
    return site


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only the number of attempts decide, not the time that they take."""
    monkeypatch.setattr("coatcheck.engine.writing._PAUSE", (0.0, 0.0))
    monkeypatch.setattr("coatcheck.engine.writing._MOST_SECONDS", 3600.0)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("open_site", SITES)
def test_the_automatic_merge_is_written_at_its_hundredth_attempt(open_site: type[Site]) -> None:
    site = with_a_rival_at_every_attempt(open_site, ATTEMPTS - 1)
    site.visit(lambda session: session.update(mine=1))

    assert site.data() == {"mine": 1, "theirs": ATTEMPTS - 1}
    assert site.trace.operations.count("replace") == ATTEMPTS


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("open_site", SITES)
def test_the_automatic_merge_gives_up_after_a_hundred_attempts(open_site: type[Site]) -> None:
    site = with_a_rival_at_every_attempt(open_site, ATTEMPTS)
    with pytest.raises(SessionConflict):
        site.visit(lambda session: session.update(mine=1))

    assert site.data() == {"mine": 0, "theirs": ATTEMPTS}
    assert site.trace.operations.count("replace") == ATTEMPTS


@pytest.mark.parametrize("open_site", SITES)
def test_transact_cannot_start_a_session_while_the_response_is_streaming(open_site: type[Site]) -> None:
    site = open_site()
    called: list[object] = []

    async def later(session: Any) -> None:
        with pytest.raises(SessionClosed, match="no cookie can start a session"):
            await settle(session.transact(called.append))

    response = site.visit(later=later)

    assert (called, site.table.length(), response.set_cookies) == ([], 0, [])
    assert response.body == b"firstlast"


@pytest.mark.parametrize("open_site", SITES)
def test_a_merge_of_two_requests_that_start_the_lifetime_keeps_the_one_that_is_stored(
    open_site: type[Site],
) -> None:
    site = open_site(max_lifetime=1000)
    site.visit(lambda session: session.update(mine=0))
    without = {key: value for key, value in site.document().items() if key != "__started"}
    site.plant(json.dumps(without).encode())
    theirs = site.clock.now - 50

    def handler(session: Any) -> None:
        session["mine"] = 1
        site.rival(theirs=1, __started=theirs)

    site.visit(handler)

    assert site.data() == {"__started": theirs, "mine": 1, "theirs": 1}


async def leaving_at_once(session: Any, receive: Any, _send: Any) -> None:
    """Change the session, and learn that the visitor left before the websocket was accepted."""
    assert (await receive())["type"] == "websocket.connect"
    session["n"] = session.get("n", 0) + 1
    assert (await receive())["type"] == "websocket.disconnect"


def test_a_visitor_that_leaves_before_the_accept_starts_no_session() -> None:
    visitor = Visitor(leaving_at_once)

    assert visitor.talk(DISCONNECT) == []
    assert visitor.table.length() == 0
    assert visitor.trace.letters == ""


def test_changes_are_saved_when_a_visitor_leaves_before_the_accept() -> None:
    visitor = Visitor(leaving_at_once)
    visitor.log_in()

    assert visitor.talk(DISCONNECT) == []
    assert visitor.data == {"n": 2}
