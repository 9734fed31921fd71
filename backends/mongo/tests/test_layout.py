"""Documents and index are connect-mongo's; what others keep in a document stays."""

import logging
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from databases.server import Server
from pymongo import MongoClient
from pymongo.collection import Collection

from coatcheck.store import Replaced, Store
from coatcheck_mongo import MongoStore

Documents = Collection[dict[str, Any]]
Open = Callable[..., Store]

A = b'{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"n":1}'
B = b'{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"n":2}'
TTL_INDEX = {"v": 2, "key": [("expires", 1)], "expireAfterSeconds": 0}


def types(documents: Documents) -> dict[str, str]:
    [found] = documents.aggregate(
        [
            {"$project": {"fields": {"$objectToArray": "$$ROOT"}}},
            {"$unwind": "$fields"},
            {"$group": {"_id": None, "t": {"$push": {"k": "$fields.k", "v": {"$type": "$fields.v"}}}}},
            {"$project": {"t": {"$arrayToObject": "$t"}}},
        ]
    )
    kinds: dict[str, str] = found["t"]
    return kinds


def test_a_document_has_connect_mongos_fields_and_types(store: Store, documents: Documents) -> None:
    store.set("sid", A, ttl=3600)
    assert types(documents) == {"_id": "string", "session": "string", "expires": "date"}
    [document] = documents.find()
    assert (document["_id"], document["session"]) == ("sid", A.decode())
    assert abs(document["expires"] - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=60)


def test_what_connect_mongo_wrote_is_read_and_written_over(store: Store, documents: Documents) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    documents.insert_one({"_id": "sid", "expires": ends, "session": A.decode()})
    assert store.get("sid") == A
    assert store.replace("sid", B, ttl=60, expected=A) == Replaced(True)
    [document] = documents.find()
    assert document["session"] == B.decode()


def test_a_document_without_an_end_is_alive(store: Store, documents: Documents) -> None:
    documents.insert_one({"_id": "sid", "session": A.decode()})
    assert store.get("sid") == store.get_and_touch("sid", ttl=60) == A
    assert (list(store.ids()), store.length()) == (["sid"], 1)
    assert "expires" not in documents.find_one({})  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    assert store.replace("sid", B, ttl=60, expected=b"other") == Replaced(False, A)
    assert "expires" not in documents.find_one({})  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    assert store.touch("sid", ttl=60, slack=10)
    assert types(documents)["expires"] == "date"
    assert store.destroy("sid")


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.set("sid", B, ttl=60),
        lambda store: store.replace("sid", B, ttl=60),
        lambda store: store.replace("sid", B, ttl=60, expected=A),
        lambda store: store.touch("sid", ttl=60),
        lambda store: store.get_and_touch("sid", ttl=6000),
    ],
)
def test_fields_of_others_are_left_alone(
    store: Store, documents: Documents, write: Callable[[Store], object]
) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    others = {"lastModified": moment, "createdAt": moment, "updatedAt": moment, "user": {"a": [1.0]}}
    ends = datetime.now(UTC) + timedelta(hours=1)
    documents.insert_one({"_id": "sid", "expires": ends, "session": A.decode(), **others})
    write(store)
    [document] = documents.find()
    assert document["expires"] != ends
    assert {name: document[name] for name in others} == others


def test_what_has_no_string_as_its_id_is_not_a_record(store: Store, documents: Documents) -> None:
    documents.insert_one({"session": A.decode()})
    documents.insert_one({"_id": 7, "session": A.decode()})
    store.set("sid", A, ttl=60)
    assert (list(store.ids()), list(store.all()), store.length()) == (["sid"], [("sid", A)], 1)


def test_the_first_use_makes_the_ttl_index(store: Store, documents: Documents) -> None:
    assert store.get("sid") is None
    assert documents.index_information()["expires_1"] == TTL_INDEX


def test_making_the_index_can_be_switched_off(opened: Open, server: Server, documents: Documents) -> None:
    store = opened(server.url, collection=documents.name, create_index=False)
    store.set("sid", A, ttl=60)
    assert store.get("sid") == A
    assert list(documents.index_information()) == ["_id_"]


@pytest.mark.parametrize(
    ("index", "warned"),
    [
        ({"keys": "expires", "expireAfterSeconds": 0}, False),
        ({"keys": "expires", "expireAfterSeconds": 3600}, False),
        ({"keys": "expires", "expireAfterSeconds": 0, "name": "mine"}, False),
        ({"keys": "expires"}, True),
        ({"keys": "expires", "name": "mine"}, True),
    ],
)
def test_an_index_that_is_there_is_used_as_it_is(
    store: Store,
    documents: Documents,
    index: dict[str, Any],
    warned: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    documents.create_index(**index)
    before = documents.index_information()
    with caplog.at_level(logging.WARNING, "coatcheck"):
        for _ in range(2):
            store.set("sid", A, ttl=60)
    assert store.get("sid") == A
    assert documents.index_information() == before
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == warned
    assert all("is no TTL index" in text for text in said)


def first_use(url: str, collection: str, number: int) -> bytes | None:
    """Use a store for the first time, in a process of its own."""
    with MongoStore(url, collection=collection, timeout=60) as store:
        store.set(f"sid{number}", A, ttl=600)
        return store.get(f"sid{number}")


def test_sixteen_processes_may_start_together(server: Server, documents: Documents) -> None:
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(16, mp_context=spawning) as processes:
        calls = [processes.submit(first_use, server.url, documents.name, number) for number in range(16)]
        assert [call.result(timeout=120) for call in calls] == [A] * 16
    assert documents.index_information()["expires_1"] == TTL_INDEX
    assert documents.count_documents({}) == 16


def test_the_clock_of_the_caller_means_nothing(
    store: Store, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    real = time.time
    for shift in (-3600, 3600):
        monkeypatch.setattr("time.time", lambda shift=shift: real() + shift)
        store.set("sid", A, ttl=60)
        assert store.get("sid") == A
        [document] = documents.find()
        assert abs((document["expires"]).timestamp() - real() - 60) < 50


def test_every_way_uses_an_index(server: Server, store: Store, documents: Documents) -> None:
    from coatcheck_mongo.layout import EVERY, living, page_query

    store.set("sid", A, ttl=60)

    def stages(plan: dict[str, Any]) -> list[str]:
        inner = plan.get("inputStages", [plan["inputStage"]] if "inputStage" in plan else [])
        return [plan["stage"], *(stage for part in inner for stage in stages(part))]

    with MongoClient[dict[str, Any]](server.url) as client:
        found = client.get_default_database()[documents.name]
        for cursor in (
            found.find(living("sid")),
            found.find(EVERY),
            found.find(**page_query("a", {"_id": 1})),
        ):
            used = stages(cursor.explain()["queryPlanner"]["winningPlan"])
            assert "COLLSCAN" not in used
            assert "SORT" not in used
