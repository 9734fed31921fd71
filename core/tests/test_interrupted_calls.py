"""A call of the store that ends in no ordinary error: a timeout of gevent, a cancellation."""

import asyncio
from typing import Any

import pytest
from harness import ASGISite, Site, WSGISite, settle


class Timeout(BaseException):
    """As gevent's: no Exception."""


@pytest.mark.parametrize(
    ("open_site", "error"),
    [(WSGISite, Timeout), (ASGISite, asyncio.CancelledError)],  # in a task a Timeout ends the event loop
)
def test_what_could_not_be_written_is_unsaved_as_before_when_the_application_hears_of_it(
    open_site: type[Site], error: type[BaseException]
) -> None:
    site = open_site()
    site.visit(lambda session: session.update(old=1))

    def interrupt() -> None:
        site.recovery()
        raise error

    async def clear_and_save(session: Any) -> None:
        session.clear()
        session["new"] = 1
        site.trace.before["replace"] = interrupt
        try:
            await settle(session.save())
        except error:
            site.rival(theirs=1)
            await settle(session.save())

    site.visit(clear_and_save)
    assert site.data() == {"new": 1}  # clear() deletes what others add meanwhile
