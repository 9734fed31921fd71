"""Both memory stores, each behind a blocking face, over a table whose clock the tests set."""

from collections.abc import Callable, Iterator

import pytest
from faces import AwaitedStore, FakeClock

from coatcheck.store import Store
from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table

Opener = Callable[[Table], Store]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def table(clock: FakeClock) -> Table:
    return Table(1000, clock)


@pytest.fixture(params=["blocking", "async"])
def over(request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Makes a store over a table."""
    faces: list[AwaitedStore] = []

    def awaited(table: Table) -> Store:
        faces.append(AwaitedStore(AsyncMemoryStore(table=table)))
        return faces[-1]

    def blocking(table: Table) -> Store:
        return MemoryStore(table=table)

    yield blocking if request.param == "blocking" else awaited
    for face in faces:
        face.stop()


@pytest.fixture
def store(over: Opener, table: Table) -> Store:
    return over(table)
