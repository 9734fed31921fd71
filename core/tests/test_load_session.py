"""Sessions outside a request: load_session and its async twin, one behaviour."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from harness import SITES, ASGISite, Site, WSGISite, settle

from coatcheck import (
    AsyncSession,
    ConfigurationError,
    CookieOptions,
    Session,
    SessionDestroyed,
    StoreUnavailable,
    load_session,
    load_session_async,
)
from coatcheck.codec import JSONCodec
from coatcheck_memory import AsyncMemoryStore, MemoryStore

pytestmark = pytest.mark.parametrize("open_site", SITES)

Work = Callable[[Any], Any]


def with_session(open_site: type[Site], **options: Any) -> Site:
    site = open_site(**options)
    site.visit(lambda session: session.update(n=1, list=[]))
    site.trace.take()
    return site


def outside(site: Site, work: Work, sid: str | None = None, **options: Any) -> Any:
    """Load a session outside a request and give it to ``work``; return what that returns."""
    load: Any = load_session if isinstance(site, WSGISite) else load_session_async

    async def run() -> Any:
        loaded = load(site.store, sid or site.sid, **{"clock": site.clock, **options})
        return await settle(work(await settle(loaded)))

    return asyncio.run(run())


async def change_and_save(session: Any) -> None:
    session["n"] += 1
    session["list"].append("job")
    await settle(session.save())


async def end(session: Any) -> None:
    session.destroy()
    if isinstance(session, AsyncSession):
        await session.save()


def test_a_session_is_loaded_by_its_id(open_site: type[Site]) -> None:
    site = with_session(open_site)
    expected = Session if open_site is WSGISite else AsyncSession

    def look(session: Any) -> Any:
        return type(session), session.id, dict(session), session.is_new

    assert outside(site, look) == (expected, site.sid, {"n": 1, "list": []}, False)


@pytest.mark.parametrize("sid", ["unknown", "*", "%"])
def test_an_unknown_id_gives_none(open_site: type[Site], sid: str) -> None:
    assert outside(with_session(open_site), lambda session: session, sid) is None


@pytest.mark.parametrize("payload", [b"unreadable", b'{"n":1}'])
def test_a_record_that_cannot_be_read_gives_none(open_site: type[Site], payload: bytes) -> None:
    site = with_session(open_site)
    site.plant(payload)

    assert outside(site, lambda session: session) is None


def test_reading_is_one_get_and_does_not_prolong_the_session(open_site: type[Site]) -> None:
    site = with_session(open_site, ttl=100)
    for _ in range(2):
        site.clock.advance(40)
        outside(site, dict, ttl=100)
    assert site.trace.operations == ["get", "get"]

    site.clock.advance(21)
    assert outside(site, lambda session: session) is None


def test_a_change_is_stored_by_save_and_seen_by_the_browser(open_site: type[Site]) -> None:
    site = with_session(open_site)
    outside(site, change_and_save)

    assert site.trace.operations == ["get", "replace"]
    assert site.visit(dict).value == {"n": 2, "list": ["job"]}


def test_a_change_without_save_is_not_stored(open_site: type[Site]) -> None:
    site = with_session(open_site)
    outside(site, lambda session: session.update(n=2))

    assert site.data() == {"n": 1, "list": []}


def test_save_is_merged_with_what_requests_stored_meanwhile(open_site: type[Site]) -> None:
    site = with_session(open_site)

    async def work(session: Any) -> None:
        site.rival(theirs=2)
        await change_and_save(session)

    outside(site, work)
    assert site.data() == {"n": 2, "list": ["job"], "theirs": 2}


def test_transact_and_reload_work(open_site: type[Site]) -> None:
    site = with_session(open_site)

    async def work(session: Any) -> Any:
        result = await settle(session.transact(lambda data: data.update(n=data["n"] + 5)))
        site.rival(n=100)
        await settle(session.reload())
        return result, session["n"]

    assert outside(site, work) == (None, 100)


def test_a_session_that_ended_meanwhile_is_not_brought_back(open_site: type[Site]) -> None:
    site = with_session(open_site)

    async def work(session: Any) -> None:
        site.table.clear()
        with pytest.raises(SessionDestroyed):
            await change_and_save(session)

    outside(site, work)
    assert site.table.length() == 0


def test_destroy_ends_the_session(open_site: type[Site]) -> None:
    site = with_session(open_site)
    outside(site, end)

    assert site.trace.operations == ["get", "destroy"]
    assert site.visit(lambda session: session.is_new).value is True


def test_after_destroy_nothing_can_be_changed(open_site: type[Site]) -> None:
    async def work(session: Any) -> Any:
        await end(session)
        with pytest.raises(SessionDestroyed):
            session["n"] = 1
        with pytest.raises(SessionDestroyed):
            await settle(session.reload())
        return dict(session)

    assert outside(with_session(open_site), work) == {}


def test_regenerate_and_save_give_the_data_a_new_id(open_site: type[Site]) -> None:
    site = with_session(open_site)

    async def work(session: Any) -> Any:
        session.regenerate(keep_data=True)
        await settle(session.save())
        return session.id

    sid = outside(site, work)
    assert site.table.snapshot() == [sid] != [site.sid]
    assert site.data(sid) == {"n": 1, "list": []}


def test_touch_and_save_renew(open_site: type[Site]) -> None:
    site = with_session(open_site, ttl=100)

    async def work(session: Any) -> None:
        session.touch()
        await settle(session.save())

    site.clock.advance(90)
    outside(site, work, ttl=100)
    site.clock.advance(90)
    assert site.visit(lambda session: session["n"]).value == 1


def test_a_save_keeps_the_sessions_own_lifetime(open_site: type[Site]) -> None:
    site = with_session(open_site, cookie=CookieOptions(max_age=60))
    outside(site, change_and_save)

    assert site.trace.calls[-1][2]["ttl"] == 60.0


def test_max_lifetime_counts_here_too(open_site: type[Site]) -> None:
    site = with_session(open_site, max_lifetime=100)
    site.clock.advance(101)
    site.plant(b'{"cookie":{},"__started":1000000,"n":1}')

    assert outside(site, lambda session: session, max_lifetime=100) is None
    assert site.table.length() == 0


def test_the_codec_is_an_option_here_too(open_site: type[Site]) -> None:
    class Backwards(JSONCodec):
        """Reads what it wrote only."""

        def encode(self, document: dict[str, Any], /) -> bytes:
            return super().encode(document)[::-1]

        def decode(self, payload: bytes, /) -> dict[str, Any]:
            return super().decode(payload[::-1])

    site = with_session(open_site, codec=Backwards())
    assert outside(site, dict, codec=Backwards()) == {"n": 1, "list": []}
    assert outside(site, lambda session: session) is None


def test_options_of_requests_and_cookies_have_no_effect(open_site: type[Site]) -> None:
    site = with_session(open_site)
    options: dict[str, Any] = {
        "name": "other",
        "key": "other",
        "trust_proxy": True,
        "rolling": True,
        "exclude": lambda request: request["of a request"],
        "cookie": lambda request: CookieOptions(path=request["of a request"]),
    }

    assert outside(site, lambda session: session["n"], **options) == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [({"ttl": "1"}, TypeError), ({"ttl": 0}, ConfigurationError), ({"rollin": True}, TypeError)],
)
def test_options_are_checked(open_site: type[Site], options: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        outside(with_session(open_site), lambda session: session, **options)


def test_a_store_of_the_other_kind_is_a_type_error_that_names_the_other_function(
    open_site: type[Site],
) -> None:
    if open_site is ASGISite:
        store: Any = MemoryStore()
        with pytest.raises(TypeError, match="MemoryStore; see load_session"):
            asyncio.run(load_session_async(store, "id"))
        return
    store = AsyncMemoryStore()
    with pytest.raises(TypeError, match="AsyncMemoryStore; see load_session_async"):
        load_session(store, "id")


def test_an_outage_is_raised_whatever_on_unavailable_says(open_site: type[Site]) -> None:
    site = with_session(open_site)
    site.outage("get")

    with pytest.raises(StoreUnavailable):
        outside(site, lambda session: session, on_unavailable="anonymous")


def test_a_session_that_could_not_be_ended_is_ended_when_that_is_asked_for_again(
    open_site: type[Site],
) -> None:
    site = with_session(open_site)

    async def end_twice(session: Any) -> None:
        site.outage()
        with pytest.raises(StoreUnavailable):
            await end(session)
        site.recovery()
        await end(session)

    outside(site, end_twice)

    assert site.table.length() == 0
