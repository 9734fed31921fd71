"""Each operation is one command, and one round trip, once the store is in use."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from databases.bench import Databases
from databases.proxy import Proxy
from databases.server import Server
from pymongo import AsyncMongoClient, MongoClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from coatcheck.store import Store
from coatcheck_mongo import AsyncMongoStore, MongoStore

Open = Callable[..., Store]
OpenProxy = Callable[[Server], Proxy]

A = b'{"cookie":{},"n":1}'
B = b'{"cookie":{},"n":2}'

Calls = dict[str, tuple[Callable[[Any], Any], str]]

ONE: Calls = {
    "get": (lambda store: store.get("sid"), "find"),
    "get nothing": (lambda store: store.get("other"), "find"),
    "set": (lambda store: store.set("sid", A, ttl=60), "update"),
    "set new": (lambda store: store.set("new", A, ttl=60), "update"),
    "set away": (lambda store: store.set("sid", A, ttl=0), "delete"),
    "destroy": (lambda store: store.destroy("sid"), "delete"),
    "touch": (lambda store: store.touch("sid", ttl=60, slack=5), "update"),
    "touch away": (lambda store: store.touch("sid", ttl=0), "delete"),
    "get_and_touch": (lambda store: store.get_and_touch("sid", ttl=600), "findAndModify"),
    "replace": (lambda store: store.replace("sid", B, ttl=60), "update"),
    "replace nothing": (lambda store: store.replace("other", B, ttl=60), "update"),
    "replace away": (lambda store: store.replace("sid", B, ttl=0), "delete"),
    "swap": (lambda store: store.replace("sid", B, ttl=60, expected=A), "findAndModify"),
    "swap refused": (lambda store: store.replace("sid", B, ttl=60, expected=B), "findAndModify"),
    "swap nothing": (lambda store: store.replace("other", B, ttl=60, expected=A), "findAndModify"),
    "swap away": (lambda store: store.replace("sid", B, ttl=0, expected=A), "findAndModify"),
    "swap away refused": (lambda store: store.replace("sid", B, ttl=0, expected=B), "findAndModify"),
    "length": (lambda store: store.length(), "aggregate"),
    "clear": (lambda store: store.clear(), "delete"),
    "ping": (lambda store: store.ping(), "find"),
}
EMBEDDED: Calls = {
    **{name: known for name, known in ONE.items() if not name.startswith("swap")},
    "swap refused": (lambda store: store.replace("sid", B, ttl=60, expected=B), "find"),
    "swap nothing": (lambda store: store.replace("other", B, ttl=60, expected=A), "find"),
}
TWO: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "swap": (lambda store: store.replace("sid", B, ttl=60, expected=A), ["find", "update"]),
    "swap away": (lambda store: store.replace("sid", B, ttl=0, expected=A), ["find", "delete"]),
}


class Listener(CommandListener):
    """Remembers the names of the commands that were sent."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


@pytest.fixture(params=[True, False], ids=["stringify", "embed"])
def stringify(request: pytest.FixtureRequest) -> bool:
    chosen: bool = request.param
    return chosen


@pytest.fixture
def listener() -> Listener:
    return Listener()


def run_blocking(url: str, listener: Listener, stringify: bool, collection: str) -> None:
    with MongoClient[dict[str, Any]](url, event_listeners=[listener]) as client:
        store = MongoStore(client, collection=collection, stringify=stringify, timeout=20)
        for name, (call, expected) in (ONE if stringify else EMBEDDED).items():
            store.set("sid", A, ttl=60)
            listener.names.clear()
            call(store)
            assert (name, listener.names) == (name, [expected])
        client.get_default_database().drop_collection(collection)


async def run_async(url: str, listener: Listener, stringify: bool, collection: str) -> None:
    async with AsyncMongoClient[dict[str, Any]](url, event_listeners=[listener]) as client:
        store: Any = AsyncMongoStore(client, collection=collection, stringify=stringify, timeout=20)
        for name, (call, expected) in (ONE if stringify else EMBEDDED).items():
            await store.set("sid", A, ttl=60)
            listener.names.clear()
            await call(store)
            assert (name, listener.names) == (name, [expected])
        await client.get_default_database().drop_collection(collection)


def test_each_operation_is_one_command(
    server: Server, listener: Listener, stringify: bool, collection: str, face: str
) -> None:
    if face == "blocking":
        run_blocking(server.url, listener, stringify, collection)
    else:
        asyncio.run(run_async(server.url, listener, stringify, collection))


def test_the_declared_exceptions_are_two_commands(
    server: Server, listener: Listener, collection: str
) -> None:
    with MongoClient[dict[str, Any]](server.url, event_listeners=[listener]) as client:
        store = MongoStore(client, collection=collection, stringify=False, timeout=20)
        for name, (call, expected) in TWO.items():
            store.set("sid", A, ttl=60)
            listener.names.clear()
            call(store)
            assert (name, listener.names) == (name, expected)
        client.get_default_database().drop_collection(collection)


@pytest.fixture
def proxy(databases: Databases, open_proxy: OpenProxy) -> tuple[Proxy, str]:
    server = databases.get("mongodb")
    through = open_proxy(server)
    # The monitor's connection would be counted too: it asks once, and then waits.
    return through, f"{server.url_at(through.port)}?heartbeatFrequencyMS=600000&serverMonitoringMode=poll"


def test_each_operation_is_one_round_trip(
    proxy: tuple[Proxy, str], opened: Open, collection: str, stringify: bool
) -> None:
    through, url = proxy
    store = opened(url, collection=collection, stringify=stringify)
    for name, (call, _) in (ONE if stringify else EMBEDDED).items():
        store.set("sid", A, ttl=60)
        through.reset()
        call(store)
        assert (name, through.turns, through.connections) == (name, 1, 0)
    store.clear()


def test_a_listing_is_one_round_trip_a_page_and_one_at_the_end(
    server: Server, listener: Listener, collection: str
) -> None:
    with MongoClient[dict[str, Any]](server.url, event_listeners=[listener]) as client:
        store = MongoStore(client, collection=collection, timeout=20)
        store.set("sid", A, ttl=60)
        documents = client.get_default_database()[collection]
        documents.insert_many({"_id": f"{number:04}", "session": "1"} for number in range(1200))
        listener.names.clear()
        assert len(list(store.ids())) == 1201
        assert listener.names == ["find"] * 4
        documents.drop()
