"""Fixtures of the races: the two middlewares, and a visitor before one of them."""

from collections.abc import Iterator

import pytest
from harness.races import AsyncUnansweredStore, UnansweredStore, Visitor

from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table


@pytest.fixture(params=["wsgi", "asgi"])
def face(request: pytest.FixtureRequest) -> str:
    """Return the middleware through which requests race."""
    name: str = request.param
    return name


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let refused writes be repeated at once: in a forced race the order does not depend on time."""
    monkeypatch.setattr("coatcheck.engine.writing._PAUSE", (0.0, 0.0))


@pytest.fixture
def table() -> Table:
    """Return the records that the visitor's store keeps."""
    return Table()


@pytest.fixture
def store(face: str, table: Table) -> UnansweredStore | AsyncUnansweredStore:
    """Return the visitor's store, which answers until it is told not to."""
    if face == "wsgi":
        return UnansweredStore(MemoryStore(table=table))
    return AsyncUnansweredStore(AsyncMemoryStore(table=table))


@pytest.fixture
def visitor(store: UnansweredStore | AsyncUnansweredStore) -> Iterator[Visitor]:
    """Return a visitor before a middleware with the default options."""
    with Visitor(store) as visitor:
        yield visitor
