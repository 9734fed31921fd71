"""Both stores behind a blocking face, on one server and on a replica set, in collections of their own."""

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from databases.bench import Databases
from databases.server import Server
from faces import AwaitedStore
from pymongo import MongoClient
from pymongo.collection import Collection

from coatcheck.store import Store
from coatcheck_mongo import AsyncMongoStore, MongoStore

Documents = Collection[dict[str, Any]]
Open = Callable[..., Store]

PATIENT = 20.0
"""A deadline that no loaded machine misses, for tests that are about something else."""


@pytest.fixture(params=["mongodb", "mongodb-replica-set"])
def server(request: pytest.FixtureRequest, databases: Databases) -> Server:
    return databases.get(request.param)


@pytest.fixture
def collection() -> str:
    return f"sessions-{uuid4().hex}"


@pytest.fixture
def documents(server: Server, collection: str) -> Iterator[Documents]:
    """The collection as others see it."""
    with MongoClient[dict[str, Any]](server.url, tz_aware=True) as client:
        found = client.get_default_database()[collection]
        yield found
        found.drop()


@pytest.fixture(params=["blocking", "async"])
def face(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def close_awaited(store: AwaitedStore) -> None:
    """Close a store and its loop.

    The async driver leaves the socket of a monitor that is cancelled while it
    connects to the garbage collector, which warns of it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        store.close()
        store.stop()
        gc.collect()


@pytest.fixture
def opened(face: str) -> Iterator[Open]:
    """Make a store of either kind, to be closed at the end of the test."""
    with ExitStack() as stack:

        def make(url: str, **options: Any) -> Store:
            options.setdefault("timeout", PATIENT)
            if face == "blocking":
                return stack.enter_context(MongoStore(url, **options))
            awaited = AwaitedStore(AsyncMongoStore(url, **options))
            stack.callback(close_awaited, awaited)
            return awaited

        yield make


@pytest.fixture
def store(server: Server, documents: Documents, opened: Open) -> Store:
    return opened(server.url, collection=documents.name)
