"""transact(): read, modify and write without losing anybody's change."""

from typing import Any

import pytest
from harness import SITES, Site, settle

from coatcheck import StoreUnavailable

pytestmark = pytest.mark.parametrize("open_site", SITES)


def started(open_site: type[Site], **options: Any) -> Site:
    site = open_site(**options)
    site.visit(lambda session: session.update(mine=0, theirs=0, both=0))
    site.trace.take()
    return site


def test_transact_returns_the_functions_result_and_saves_at_once(open_site: type[Site]) -> None:
    site = started(open_site)

    async def handler(session: Any) -> Any:
        result = await settle(session.transact(lambda data: data.setdefault("new", [1])))
        return result, site.data(), session["new"]

    result, stored, seen = site.visit(handler).value
    assert result == seen == [1]
    assert stored == {"mine": 0, "theirs": 0, "both": 0, "new": [1]}
    assert site.trace.operations == ["get_and_touch", "get", "replace"]


def test_transact_sees_what_was_stored_meanwhile_and_this_requests_unsaved_changes(
    open_site: type[Site],
) -> None:
    site = started(open_site)

    async def handler(session: Any) -> Any:
        session["mine"] = 5
        site.rival(theirs=7)
        return await settle(session.transact(dict))

    assert site.visit(handler).value == {"mine": 5, "theirs": 7, "both": 0}
    assert site.data() == {"mine": 5, "theirs": 7, "both": 0}


def test_transact_calls_its_function_again_at_every_refused_write(open_site: type[Site]) -> None:
    site = started(open_site)
    rivals = iter((10, 20))

    def interfere() -> None:
        if (value := next(rivals, None)) is not None:
            site.rival(theirs=value)

    def add(data: dict[str, Any]) -> int:
        data["mine"] += 1
        return int(data["theirs"])

    async def handler(session: Any) -> Any:
        site.trace.before["replace"] = interfere
        return await settle(session.transact(add))

    assert site.visit(handler).value == 20
    assert site.data() == {"mine": 1, "theirs": 20, "both": 0}


def test_transact_stores_a_new_session_and_sends_its_cookie(open_site: type[Site]) -> None:
    site = open_site()

    async def handler(session: Any) -> None:
        await settle(session.transact(lambda data: data.update(a=1)))

    assert len(site.visit(handler).set_cookies) == 1
    assert site.trace.letters == "S"
    assert site.data() == {"a": 1}


def test_transact_writes_nothing_when_its_function_raises(open_site: type[Site]) -> None:
    site = started(open_site)

    def fail(data: dict[str, Any]) -> None:
        data["mine"] = 99
        raise LookupError("of the function")

    async def handler(session: Any) -> Any:
        with pytest.raises(LookupError, match="of the function"):
            await settle(session.transact(fail))
        return session["mine"]

    assert site.visit(handler).value == 0
    assert site.data()["mine"] == 0


def test_transact_refuses_a_function_that_awaits(open_site: type[Site]) -> None:
    async def awaiting(_: dict[str, Any]) -> None:
        raise AssertionError("never run")

    async def handler(session: Any) -> None:
        with pytest.raises(TypeError, match="plain function"):
            await settle(session.transact(awaiting))

    site = started(open_site)
    site.visit(handler)
    assert site.trace.letters == "GG"


def test_transact_is_not_repeated_when_the_outcome_is_unknown(open_site: type[Site]) -> None:
    site = started(open_site)

    async def handler(session: Any) -> None:
        site.outage("replace")
        with pytest.raises(StoreUnavailable):
            await settle(session.transact(lambda data: data.update(mine=1)))

    site.visit(handler)
    assert site.trace.operations == ["get_and_touch", "get", "replace"]


def test_what_a_function_of_transact_holds_on_to_is_not_the_session(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(lambda session: session.update(cart=[]))

    async def handler(session: Any) -> None:
        kept = session["cart"]
        await settle(session.transact(lambda data: data["cart"].append("coat")))
        kept.append("hat")

    site.visit(handler)
    assert site.data() == {"cart": ["coat"]}


def test_transact_after_regenerate_keeps_the_functions_change_though_a_rival_wrote(
    open_site: type[Site],
) -> None:
    site = started(open_site)

    async def handler(session: Any) -> None:
        session.regenerate(keep_data=True)
        site.rival(mine=5, theirs=2)
        await settle(session.transact(lambda data: data.update(mine=data["mine"] + 1)))

    site.visit(handler)
    assert site.data() == {"mine": 6, "theirs": 2, "both": 0}
