"""The same scenarios behind the two middlewares, over the memory stores."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from harness import ASGISite, Site, WSGISite

from express.scenarios import LIFETIME_SET, STORED, carry_out
from express.traces import Observation

__all__ = ["BehindASGI", "BehindWSGI"]


class SessionActor:
    """Does the steps of a scenario to a session as an application has it."""

    def __init__(self, session: Any, site: Site) -> None:
        self._session = session
        self._site = site

    def start(self) -> None:
        self._session.update(deepcopy(STORED))

    def modify(self) -> None:
        self._session["colour"] = "red"

    def assign_the_same(self) -> None:
        self._session["colour"] = STORED["colour"]

    def mutate_nested(self) -> None:
        self._session["cart"]["apples"] += 1

    def set_max_age(self) -> None:
        self._session.cookie.max_age = LIFETIME_SET

    def save(self) -> Any:
        return self._session.save()

    def reload(self) -> Any:
        return self._session.reload()

    def touch(self) -> None:
        self._session.touch()

    def regenerate(self) -> None:
        self._session.regenerate()

    def destroy(self) -> None:
        self._session.destroy()

    def set_to_none(self) -> None:
        self._site.request[self._site.key] = None

    def seen(self) -> dict[str, Any]:
        return dict(self._session)


class _BehindMiddleware:
    """A visitor of an application behind a middleware."""

    def __init__(self, site: Site) -> None:
        self.clock = site.clock
        self._site = site
        self._calls_before_head = 0
        site.serve(self._noting(site.middleware))

    def _noting(self, middleware: Any) -> Any:
        """Note, further out than the middleware, how many calls were made when the head passes."""
        raise NotImplementedError

    def _note_head(self) -> None:
        self._calls_before_head = len(self._site.trace.calls)

    def forget(self, sid: str) -> None:
        """Lose a record, of which no call tells."""
        assert self._site.table.destroy(sid)

    def visit(self, steps: Iterable[str], streamed: Iterable[str] = ()) -> Observation:
        """Send a request in which the application does the steps."""
        trace, notes = self._site.trace, list[Any]()
        trace.take()

        async def before(session: Any) -> None:
            await carry_out(steps, SessionActor(session, self._site), notes)

        async def meanwhile(session: Any) -> None:
            await carry_out(streamed, SessionActor(session, self._site), notes)

        response = self._site.visit(before, later=meanwhile if streamed else None)
        assert response.status == 200
        headers = [(name.lower(), value) for name, value in response.headers]
        return Observation(trace.take().calls, self._calls_before_head, headers, response.body, notes)


class BehindWSGI(_BehindMiddleware):
    """A visitor of a blocking application."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(WSGISite(**options))

    def _noting(self, middleware: Any) -> Any:
        def outer(environ: Any, start_response: Any) -> Any:
            def noting(status: str, headers: Any, *exc_info: Any) -> Any:
                self._note_head()
                return start_response(status, headers, *exc_info)

            return middleware(environ, noting)

        return outer


class BehindASGI(_BehindMiddleware):
    """A visitor of an async application."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(ASGISite(**options))

    def _noting(self, middleware: Any) -> Any:
        async def outer(scope: Any, receive: Any, send: Any) -> None:
            async def noting(message: Any) -> None:
                if message["type"] == "http.response.start":
                    self._note_head()
                await send(message)

            await middleware(scope, receive, noting)

        return outer
