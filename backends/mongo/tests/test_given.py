"""Clients and collections that are handed in: used as they are, read in our own way, never closed."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from bson.codec_options import CodecOptions, DatetimeConversion, TypeDecoder, TypeRegistry
from bson.son import SON
from databases.bench import Databases
from databases.processes import free_port
from databases.server import Server
from pymongo import AsyncMongoClient, MongoClient
from pymongo.collection import Collection

from coatcheck.errors import ConfigurationError, StoreUnavailable
from coatcheck.store import Replaced
from coatcheck_mongo import AsyncMongoStore, MongoStore

Documents = Collection[dict[str, Any]]
A = b'{"cookie":{"expires":"2026-11-23T21:15:17.440Z"},"n":1}'
B = b'{"cookie":{"expires":"2026-11-23T21:15:17.440Z"},"n":2}'


class Shout(TypeDecoder):
    bson_type = str  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def transform_bson(self, value: str) -> str:
        return value.upper()


ODD_CODECS: list[dict[str, Any]] = [
    {"tz_aware": True},
    {"document_class": SON},
    {"uuidRepresentation": "standard"},
    {"datetime_conversion": DatetimeConversion.DATETIME},
    {"type_registry": TypeRegistry([Shout()])},
]


@pytest.fixture
def server(databases: Databases) -> Server:
    return databases.get("mongodb")


@pytest.fixture
def client(server: Server) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](server.url) as client:
        yield client


def use(store: MongoStore) -> None:
    store.set("sid", A, ttl=60)
    assert store.get("sid") == A
    assert store.replace("sid", B, ttl=60, expected=A) == Replaced(True)
    assert list(store.all()) == [("sid", B)]
    assert store.get_and_touch("sid", ttl=60) == B
    assert store.destroy("sid")


@pytest.mark.parametrize("stringify", [True, False])
@pytest.mark.parametrize("options", ODD_CODECS, ids=lambda options: next(iter(options)))
def test_the_codec_of_a_client_changes_nothing(
    server: Server, collection: str, options: dict[str, Any], stringify: bool
) -> None:
    with MongoClient[Any](server.url, **options) as client:
        use(MongoStore(client, collection=collection, stringify=stringify))
        found = client.get_default_database()[collection]
        use(MongoStore(found, stringify=stringify))
        found.drop()


def test_the_codec_of_a_collection_changes_nothing(
    client: MongoClient[dict[str, Any]], collection: str
) -> None:
    odd = CodecOptions[SON[str, Any]](document_class=SON, tz_aware=True)
    found = client.get_default_database()[collection].with_options(codec_options=odd)
    use(MongoStore(found, stringify=False))
    found.drop()


def test_what_was_handed_in_stays_open(
    client: MongoClient[dict[str, Any]], collection: str, documents: Documents
) -> None:
    for store in (
        MongoStore(client, collection=collection),
        MongoStore(client.get_default_database()[collection]),
    ):
        use(store)
        store.close()
    assert client.admin.command("ping")["ok"] == 1


def test_an_async_client_stays_open_and_serves_one_loop(server: Server, collection: str) -> None:
    async def first() -> tuple[AsyncMongoClient[Any], AsyncMongoStore]:
        client = AsyncMongoClient[Any](server.url)
        store = AsyncMongoStore(client, collection=collection, timeout=20)
        await store.set("sid", A, ttl=60)
        await store.aclose()
        assert (await client.admin.command("ping"))["ok"] == 1
        other = AsyncMongoStore(client.get_default_database()[collection], timeout=20)
        assert await other.get("sid") == A
        await other.clear()
        await client.close()
        return client, other

    client, store = asyncio.run(first())
    for late in (store, AsyncMongoStore(client, collection=collection, timeout=20)):
        with pytest.raises(ConfigurationError, match="bound to another event loop"):
            asyncio.run(late.get("sid"))


def test_the_deadline_is_the_stores_own(collection: str) -> None:
    with MongoClient[Any](f"mongodb://127.0.0.1:{free_port()}/x", timeoutMS=60_000) as client:
        store = MongoStore(client, collection=collection, timeout=0.3)
        start = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.get("sid")
        assert time.monotonic() - start < 2


def test_a_client_that_was_closed_is_named(server: Server, collection: str) -> None:
    client = MongoClient[Any](server.url)
    store = MongoStore(client, collection=collection)
    client.close()
    with pytest.raises(Exception, match="the MongoDB client is closed"):
        store.get("sid")


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda client: MongoStore(client, pool_size=3), ConfigurationError, "its own pool"),
        (lambda client: MongoStore(client["x"]["y"], database="z"), ConfigurationError, "has its names"),
        (lambda client: MongoStore(client["x"]["y"], collection="z"), ConfigurationError, "has its names"),
        (lambda client: MongoStore(client["x"]), TypeError, "takes a URL"),
        (lambda client: AsyncMongoStore(client), TypeError, "use MongoStore"),
        (lambda client: AsyncMongoStore(client["x"]["y"]), TypeError, "use MongoStore"),
        (
            lambda _: MongoStore(cast("Any", AsyncMongoClient[Any]("localhost"))),
            TypeError,
            "use AsyncMongoStore",
        ),
        (lambda _: MongoStore(cast("Any", None)), TypeError, "not NoneType"),
        (
            lambda _: MongoStore(MongoClient("localhost", connect=False)),
            ConfigurationError,
            r"mongodb://HOST/DATABASE",
        ),
        (lambda _: MongoStore(MongoClient("mongodb://h/d?w=0", connect=False)), ConfigurationError, "w=1"),
        (lambda client: MongoStore(client, database="a.b"), ConfigurationError, "no database called"),
    ],
)
def test_what_cannot_be_is_refused_at_construction(
    client: MongoClient[dict[str, Any]], make: Callable[[Any], object], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        make(client)


def test_the_database_of_a_client_can_be_named(client: MongoClient[dict[str, Any]], collection: str) -> None:
    store = MongoStore(client, database=f"coatcheck-{collection[-8:]}", collection=collection)
    use(store)
    client.drop_database(f"coatcheck-{collection[-8:]}")
