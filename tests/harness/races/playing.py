"""Play the requests of one visitor over WSGI or ASGI, in every order, and see how each play ends."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from coatcheck_memory import MemoryStore, Table
from harness.races.faults import Fault
from harness.races.gates import AsyncGatedStore, GatedStore, Made
from harness.races.orders import Order, every_order
from harness.races.stages import TaskStage, ThreadStage
from harness.races.visitors import Answer, ASGIVisitor, Step, WSGIVisitor

Requests = Mapping[str, Sequence[Step]]
"""What each request does to its session, by its name."""


@dataclass
class Ending:
    """How one play ended."""

    sid: str
    """The id that all requests came with."""
    answers: dict[str, Answer]
    made: list[Made]
    left: dict[str, dict[str, Any]]
    """What the store holds, by id, decoded."""

    def data(self, sid: str | None = None) -> dict[str, Any] | None:
        """Return the data of a session, at first the one that all requests came with; None: it is gone."""
        stored = self.left.get(sid or self.sid)
        return stored and {key: value for key, value in stored.items() if key != "cookie"}

    def calls(self, request: str, operation: str | None = None) -> list[Made]:
        """Return the calls that a request made."""
        mine = [made for made in self.made if made.request == request]
        return [made for made in mine if operation in (None, made.operation)]

    def writers(self) -> list[str]:
        """Return the names of the requests whose writes were carried out, in their order."""
        return [made.request for made in self.made if made.wrote]

    def last_writer(self) -> str:
        """Return the name of the request whose write was the last."""
        return self.writers()[-1]

    def found_it_gone(self, request: str) -> bool:
        """Tell whether a write or a renewal of this request met a session that had ended."""
        writes = [made for made in self.calls(request) if made.operation in ("replace", "touch")]
        return any(made.met_nothing for made in writes)


@dataclass(frozen=True)
class _Scene:
    requests: Requests
    start: dict[str, Any]
    fault: Fault
    stops: tuple[str, ...]
    options: dict[str, Any]

    def begin(self, session: Any) -> None:
        session.update(self.start)


def every_ending(
    face: str,
    requests: Requests,
    *,
    start: dict[str, Any] | None = None,
    fault: Fault = Fault.NONE,
    stops: tuple[str, ...] = ("before",),
    **options: Any,
) -> Iterator[Ending]:
    """Play the requests in every order, on a session that holds ``start``.

    ``stops`` says where each call of the store is stopped: what a request does
    between its calls touches no other, so that ``before`` alone tells all orders
    of calls apart. ``options`` are the middleware's.
    """
    scene = _Scene(requests, start or {"n": 0}, fault, stops, options)
    for order in every_order():
        yield _play_wsgi(scene, order) if face == "wsgi" else asyncio.run(_play_asgi(scene, order))


def check(
    face: str, requests: Requests, holds: Callable[[Ending], bool], *, broken_by: Fault, **scene: Any
) -> list[Ending]:
    """Assert that ``holds`` is true of every ending, and that a store with a fault is found out by it."""
    endings = list(every_ending(face, requests, **scene))
    for ending in endings:
        assert holds(ending), ending
    faulty = every_ending(face, requests, fault=broken_by, **scene)
    assert not all(map(holds, faulty)), f"the fault {broken_by.name} was not noticed in any order"
    return endings


def _play_wsgi(scene: _Scene, order: Order) -> Ending:
    table, stage = Table(), ThreadStage(order)

    def stop(where: str) -> None:
        if where.startswith(scene.stops):
            stage.stop()

    store = GatedStore(scene.fault.blocking_store(table), stop)
    visitor = WSGIVisitor(store, **scene.options)
    sid = visitor.request([scene.begin], keep=True).sid
    answers = stage.play({name: partial(visitor.request, steps) for name, steps in scene.requests.items()})
    return Ending(str(sid), answers, store.log, _left(table))


async def _play_asgi(scene: _Scene, order: Order) -> Ending:
    table, stage = Table(), TaskStage(order)

    async def stop(where: str) -> None:
        if where.startswith(scene.stops):
            await stage.stop()

    store = AsyncGatedStore(scene.fault.async_store(table), stop)
    visitor = ASGIVisitor(store, **scene.options)
    sid = (await visitor.request([scene.begin], keep=True)).sid
    answers = await stage.play(
        {name: partial(visitor.request, steps) for name, steps in scene.requests.items()}
    )
    return Ending(str(sid), answers, store.log, _left(table))


def _left(table: Table) -> dict[str, dict[str, Any]]:
    return {sid: json.loads(payload) for sid, payload in MemoryStore(table=table).all()}
