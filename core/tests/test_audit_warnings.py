"""What the log is not flooded with: the same warning again, and late changes of sessions that have ended."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from faces import FakeClock
from harness import SITES, ASGISite, Site, WSGISite

from coatcheck._log import RateLimit

LATE = "changed after its response"


def test_a_warning_is_logged_at_most_once_a_second_and_again_after_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeClock()
    limit = RateLimit(clock=clock)
    logged: list[int] = []
    for _ in range(9):
        limit.warn("forged")
        logged.append(len(caplog.records))
        clock.advance(0.25)

    assert logged == [1, 1, 1, 1, 2, 2, 2, 2, 3]


@pytest.mark.parametrize("open_site", SITES)
def test_the_warnings_of_a_middleware_are_at_most_one_of_a_kind_in_a_second(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site()
    clock = site.middleware._setup.context.warnings._clock = FakeClock()
    for _ in range(9):
        site.visit(headers=[("Cookie", "sid=s%3Aforged.signature")])
        clock.advance(0.25)

    assert len([message for message in caplog.messages if "does not verify" in message]) == 3


class _Closing:
    """A body whose ``close`` changes the session: the response has been sent by then."""

    def __init__(self, chunks: Iterable[bytes], close: Callable[[], object]) -> None:
        self._chunks = chunks
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def close(self) -> None:
        self._close()


class LateWSGISite(WSGISite):
    """Its application goes on after the response."""

    afterwards: Callable[[Any], object]

    def application(self, request: Any, *protocol: Any) -> Iterable[bytes]:
        session = request[self.key]
        return _Closing(super().application(request, *protocol), lambda: self.afterwards(session))


class LateASGISite(ASGISite):
    """See :class:`LateWSGISite`."""

    afterwards: Callable[[Any], object]

    async def application(self, request: Any, *protocol: Any) -> None:
        session = request[self.key]
        await super().application(request, *protocol)
        self.afterwards(session)


LateSite = type[LateWSGISite] | type[LateASGISite]


def told_of_a_late_change(
    open_site: LateSite,
    caplog: pytest.LogCaptureFixture,
    during: Callable[[Site, Any], object],
    afterwards: Callable[[Any], object] | None = None,
    **options: Any,
) -> bool:
    site = open_site(**options)
    site.afterwards = lambda _: None
    site.visit(lambda session: session.update(cart=[]))
    carts: list[list[str]] = []

    def handler(session: Any) -> None:
        carts.append(session.get("cart", []))
        during(site, session)

    site.afterwards = afterwards or (lambda _: carts[0].append("coat"))
    if options.get("on_unavailable"):
        site.outage()
    caplog.clear()
    site.visit(handler)
    return any(LATE in message for message in caplog.messages)


@pytest.mark.parametrize("open_site", [LateWSGISite, LateASGISite])
def test_a_nested_change_after_the_response_is_warned_about(
    open_site: LateSite, caplog: pytest.LogCaptureFixture
) -> None:
    assert told_of_a_late_change(open_site, caplog, lambda _site, _session: None)


@pytest.mark.parametrize("open_site", [LateWSGISite, LateASGISite])
@pytest.mark.parametrize(
    "during",
    [
        lambda _, session: session.destroy(),
        lambda _, session: session.unset(),
        lambda site, session: (session.update(n=1), site.table.destroy(site.sid)),
    ],
    ids=["destroyed", "unset", "gone"],
)
def test_a_late_change_is_not_warned_about_where_the_session_has_ended(
    open_site: LateSite, caplog: pytest.LogCaptureFixture, during: Callable[[Site, Any], object]
) -> None:
    assert not told_of_a_late_change(open_site, caplog, during)


@pytest.mark.parametrize("open_site", [LateWSGISite, LateASGISite])
def test_a_late_change_is_not_warned_about_where_there_never_was_a_session_to_save(
    open_site: LateSite, caplog: pytest.LogCaptureFixture
) -> None:
    assert not told_of_a_late_change(
        open_site,
        caplog,
        lambda _site, _session: None,
        lambda session: setattr(session.cookie, "path", "/elsewhere"),
        on_unavailable="anonymous",
    )
