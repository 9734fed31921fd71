"""``stringify=False``: sessions as embedded documents, as connect-mongo's option of that name keeps them."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import BSON, Decimal128, Int64, ObjectId
from databases.server import Server
from pymongo.collection import Collection

from coatcheck.errors import StoreError
from coatcheck.store import Replaced, Store
from coatcheck_mongo import MongoStore

Documents = Collection[dict[str, Any]]
Open = Callable[..., Store]

ENDS = datetime(2026, 11, 23, 21, 15, 17, 440000, tzinfo=UTC)
COOKIE = {
    "originalMaxAge": 60000,
    "partitioned": None,
    "priority": None,
    "expires": ENDS,
    "secure": None,
    "httpOnly": True,
    "domain": None,
    "path": "/",
    "sameSite": None,
}
"""A cookie as connect-mongo writes it."""

COOKIE_JSON = (
    b'{"originalMaxAge":60000,"partitioned":null,"priority":null,"expires":"2026-11-23T21:15:17.440Z",'
    b'"secure":null,"httpOnly":true,"domain":null,"path":"/","sameSite":null}'
)
DATA = {
    "at": ENDS,
    "double": 1.5,
    "count": Int64(7),
    "price": Decimal128("1.50"),
    "id": ObjectId("0123456789ab0123456789ab"),
    "$set": {"a.b": [{"$gt": 1, "at": ENDS}]},
}
DATA_JSON = (
    b'"at":"2026-11-23T21:15:17.440Z","double":1.5,"count":7,"price":{"$numberDecimal":"1.50"},'
    b'"id":"0123456789ab0123456789ab","$set":{"a.b":[{"$gt":1,"at":"2026-11-23T21:15:17.440Z"}]}'
)
NODES = b'{"cookie":' + COOKIE_JSON + b"," + DATA_JSON + b"}"
CHANGED = NODES[:-1] + b',"new":1}'


@pytest.fixture
def embedding(opened: Open, server: Server, documents: Documents) -> Store:
    return opened(server.url, collection=documents.name, stringify=False)


@pytest.fixture(params=[True, False], ids=["stringify", "embed"])
def either(request: pytest.FixtureRequest, store: Store, embedding: Store) -> Store:
    return store if request.param else embedding


def insert(documents: Documents, session: object) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    documents.replace_one({"_id": "sid"}, {"expires": ends, "session": session}, upsert=True)


def session_of(documents: Documents) -> Any:
    [document] = documents.find()
    return document["session"]


def test_what_node_keeps_is_read_as_json_with_iso_dates(either: Store, documents: Documents) -> None:
    insert(documents, {"cookie": COOKIE, **DATA})
    assert either.get("sid") == either.get_and_touch("sid", ttl=60) == NODES
    assert list(either.all()) == [("sid", NODES)]
    assert either.replace("sid", CHANGED, ttl=60, expected=b"{}") == Replaced(False, NODES)


def test_written_back_a_document_keeps_its_own_form(embedding: Store, documents: Documents) -> None:
    insert(documents, {"cookie": COOKIE, **DATA})
    assert embedding.replace("sid", CHANGED, ttl=60, expected=NODES) == Replaced(True)
    assert BSON.encode(session_of(documents)) == BSON.encode({"cookie": COOKIE, **DATA, "new": 1})
    assert embedding.get("sid") == CHANGED


def test_a_store_of_texts_turns_a_document_into_one(store: Store, documents: Documents) -> None:
    insert(documents, {"cookie": COOKIE, **DATA})
    assert store.replace("sid", CHANGED, ttl=60, expected=NODES) == Replaced(True)
    assert session_of(documents) == CHANGED.decode()
    insert(documents, {"cookie": COOKIE, **DATA})
    assert store.replace("sid", CHANGED, ttl=0, expected=NODES) == Replaced(True)
    assert store.length() == 0


def test_a_store_of_documents_turns_a_text_into_one(embedding: Store, documents: Documents) -> None:
    insert(documents, NODES.decode())
    assert embedding.get("sid") == NODES
    assert embedding.replace("sid", CHANGED, ttl=60, expected=CHANGED) == Replaced(False, NODES)
    assert embedding.replace("sid", CHANGED, ttl=60, expected=NODES) == Replaced(True)
    assert session_of(documents)["cookie"]["expires"] == ENDS
    assert session_of(documents)["at"] == "2026-11-23T21:15:17.440Z"


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.set("sid", NODES, ttl=60),
        lambda store: store.replace("sid", NODES, ttl=60),
        lambda store: store.replace("sid", NODES, ttl=60, expected=b'{"cookie":{}}'),
    ],
)
def test_the_end_of_the_cookie_is_always_a_date(
    embedding: Store, documents: Documents, write: Callable[[Store], object]
) -> None:
    insert(documents, {"cookie": {}})
    write(embedding)
    assert session_of(documents)["cookie"] == COOKIE
    assert embedding.get("sid") == NODES


@pytest.mark.parametrize("expected", [b"", b"secret", NODES + b" ", NODES[:-1], CHANGED])
def test_what_is_expected_is_what_is_read_to_the_byte(
    either: Store, documents: Documents, expected: bytes
) -> None:
    insert(documents, {"cookie": COOKIE, **DATA})
    assert either.replace("sid", CHANGED, ttl=60, expected=expected) == Replaced(False, NODES)
    assert either.get("sid") == NODES


def test_replace_compares_what_is_read_and_ends_with_no_lifetime(
    embedding: Store, documents: Documents
) -> None:
    embedding.set("sid", NODES, ttl=60)
    assert embedding.replace("sid", CHANGED, ttl=0, expected=CHANGED) == Replaced(False, NODES)
    assert embedding.replace("sid", CHANGED, ttl=0, expected=NODES) == Replaced(True)
    assert list(documents.find()) == []
    assert embedding.replace("sid", CHANGED, ttl=60, expected=NODES) == Replaced(False)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"cookie":{},"secret\\u0000":1}',
        b'{"cookie":{},"secret":9223372036854775808}',
        b'{"cookie":{},"secret":' + b"[" * 190 + b"]" * 190 + b"}",
        b'{"cookie":{},"secret":' + b"[" * 181 + b"]" * 181 + b"}",
        rb'{"cookie":{},"secret":"\ud800"}',
    ],
)
def test_what_a_document_cannot_hold_is_refused_and_nothing_is_lost(
    embedding: Store, documents: Documents, payload: bytes
) -> None:
    embedding.set("sid", NODES, ttl=60)
    for write in (
        lambda: embedding.set("sid", payload, ttl=60),
        lambda: embedding.replace("sid", payload, ttl=60),
        lambda: embedding.replace("sid", payload, ttl=60, expected=NODES),
    ):
        with pytest.raises((ValueError, StoreError)) as refusal:
            write()
        assert "secret" not in str(refusal.value)
        assert embedding.get("sid") == NODES


def test_one_of_many_writers_wins_each_round(server: Server, documents: Documents) -> None:
    embedding = MongoStore(server.url, collection=documents.name, stringify=False, timeout=20)
    embedding.set("sid", b'{"cookie":{},"n":-1}', ttl=600)
    wins: list[int] = []
    refusals: list[tuple[bytes, bytes | None]] = []
    start = threading.Barrier(8)

    def write(writer: int) -> None:
        for number in range(20):
            start.wait()
            expected = embedding.get("sid")
            assert expected is not None
            start.wait()
            payload = b'{"cookie":{},"n":%d,"at":"%d"}' % (number, writer)
            outcome = embedding.replace("sid", payload, ttl=600, expected=expected)
            if outcome.written:
                wins.append(number)
            else:
                refusals.append((expected, outcome.current))

    threads = [threading.Thread(target=write, args=[writer]) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(wins) == list(range(20))
    assert len(refusals) == 140
    assert all(current not in (None, expected) for expected, current in refusals)
    embedding.close()
