"""What a record is and how long it lives, on a server."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.collection import Collection

from coatcheck.store import Replaced, Store

Documents = Collection[dict[str, Any]]

A = b'{"cookie":{},"n":1}'
B = b'{"cookie":{},"n":2}'
CENTURY = 100 * 366 * 86400.0

PAYLOADS = [
    b"",
    b"null",
    b' { "spaces" : [ ] } ',
    '{"name":"Gödel \U0001f9e5 \u2028"}'.encode(),
    rb'{"lone":"\ud800","nul":"\u0000"}',
    b'{"$set":{"a.b":{"$gt":1}},"$literal":"$$NOW","":1}',
    b"$session",
    b"$$ROOT",
    b"{" + b'"a":{' * 500 + b"}" * 501,
    b'{"big":123456789012345678901234567890,"float":1e400}',
    b"nul \0 in the middle",
]


def kill_softly(documents: Documents, sid: str) -> None:
    """Let a record be long dead, but not yet taken away by the server."""
    documents.update_one({"_id": sid}, {"$set": {"expires": datetime.now(UTC) - timedelta(seconds=30)}})


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_comes_back_byte_for_byte_by_every_way(store: Store, payload: bytes) -> None:
    store.set("sid", payload, ttl=60)
    assert store.get("sid") == payload
    assert store.replace("sid", B, ttl=60, expected=payload) == Replaced(True)
    assert store.replace("sid", payload, ttl=60, expected=B) == Replaced(True)
    assert store.replace("sid", B, ttl=60, expected=A) == Replaced(False, payload)
    assert store.get_and_touch("sid", ttl=60) == payload
    assert store.replace("sid", payload, ttl=60) == Replaced(True)
    assert list(store.all()) == [("sid", payload)]


@pytest.mark.parametrize(
    "sid", ["", "a b ", "$sid", "a.b", "*", "é", "e\u0301", "nul\0nul", "x" * 5000, "{}"]
)
def test_an_id_is_kept_exactly(store: Store, sid: str) -> None:
    store.set(sid, A, ttl=60)
    assert list(store.ids()) == [sid]
    assert store.get(sid) == A
    assert store.get(sid.swapcase() + " ") is None
    assert store.destroy(sid)


@pytest.mark.parametrize(
    "operation",
    [
        lambda store, sid: store.get(sid),
        lambda store, sid: store.set(sid, A, ttl=60),
        lambda store, sid: store.set(sid, A, ttl=0),
        lambda store, sid: store.destroy(sid),
        lambda store, sid: store.touch(sid, ttl=60),
        lambda store, sid: store.get_and_touch(sid, ttl=60),
        lambda store, sid: store.replace(sid, A, ttl=60),
        lambda store, sid: store.replace(sid, A, ttl=60, expected=B),
    ],
)
def test_what_is_no_id_raises(store: Store, operation: Callable[[Store, Any], object]) -> None:
    with pytest.raises(TypeError, match="a session id is a str, not dict"):
        operation(store, {"$gt": ""})
    with pytest.raises(ValueError, match="lone surrogate") as refusal:
        operation(store, "secret\ud800")
    assert "secret" not in repr(refusal.value)


def test_what_is_no_payload_raises(store: Store) -> None:
    with pytest.raises(ValueError, match="UTF-8") as refusal:
        store.set("sid", b"secret\xff", ttl=60)
    assert "secret" not in repr(refusal.value)
    with pytest.raises(TypeError):
        store.set("sid", "text", ttl=60)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert store.get("sid") is None


def test_a_record_lives_its_time_to_the_fraction(store: Store) -> None:
    start = time.monotonic()
    store.set("short", A, ttl=0.8)
    store.set("long", A, ttl=60)
    if store.get("short") is None:
        assert time.monotonic() - start > 0.79
    while time.monotonic() < start + 10 and store.get("short") is not None:
        time.sleep(0.02)
    assert 0.79 < time.monotonic() - start < 9
    assert store.get("long") == A


@pytest.mark.parametrize("ttl", [1e-9, 0.0001, 0.001])
def test_the_shortest_lifetime_is_rounded_up(store: Store, documents: Documents, ttl: float) -> None:
    before = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    store.set("sid", A, ttl=ttl)
    [document] = documents.find()
    assert document["expires"] > before


@pytest.mark.parametrize(("ttl", "milliseconds"), [(0.1, 100), (0.0011, 2), (16.1, 16100), (4.35, 4350)])
def test_lifetimes_are_whole_milliseconds(ttl: float, milliseconds: int) -> None:
    from coatcheck_mongo.layout import touching

    assert touching(ttl, 0) == [{"$set": {"expires": {"$add": ["$$NOW", milliseconds]}}}]


@pytest.mark.parametrize("ttl", [CENTURY, 1e12, 1e300])
def test_long_lifetimes_do_not_overflow(store: Store, documents: Documents, ttl: float) -> None:
    store.set("sid", A, ttl=ttl)
    assert store.touch("sid", ttl=ttl)
    assert store.get_and_touch("sid", ttl=ttl, slack=1) == A
    assert store.replace("sid", B, ttl=ttl, expected=A) == Replaced(True)
    [document] = documents.find()
    assert document["expires"] - datetime.now(UTC) > timedelta(seconds=CENTURY - 60)


@pytest.mark.parametrize("ttl", [0, -1, -1e300])
def test_no_lifetime_leaves_nothing(store: Store, documents: Documents, ttl: float) -> None:
    store.set("sid", A, ttl=ttl)
    store.set("sid", A, ttl=60)
    store.set("sid", A, ttl=ttl)
    assert list(documents.find()) == []
    ends: list[Callable[[], bool]] = [
        lambda: store.touch("sid", ttl=ttl),
        lambda: store.replace("sid", B, ttl=ttl) == Replaced(True),
        lambda: store.replace("sid", B, ttl=ttl, expected=A) == Replaced(True),
    ]
    for end in ends:
        store.set("sid", A, ttl=60)
        assert end()
        assert store.get("sid") is None
        assert (store.length(), list(store.ids()), store.destroy("sid")) == (0, [], False)


def test_what_a_replace_ends_leaves_no_payload_and_can_start_anew(store: Store, documents: Documents) -> None:
    store.set("sid", A, ttl=60)
    assert store.replace("sid", B, ttl=0, expected=B) == Replaced(False, A)
    assert store.replace("sid", B, ttl=0, expected=A) == Replaced(True)
    assert list(documents.find()) in (
        [{"_id": "sid", "expires": datetime(1970, 1, 1, tzinfo=UTC)}],
        [],  # the server was here in between
    )
    assert store.replace("sid", B, ttl=0, expected=A) == Replaced(False)
    store.set("sid", B, ttl=60)
    assert store.get("sid") == B


def test_the_dead_are_gone_for_every_operation(store: Store, documents: Documents) -> None:
    operations: list[Callable[[], bool]] = [
        lambda: store.get("sid") is None,
        lambda: not store.touch("sid", ttl=60),
        lambda: store.get_and_touch("sid", ttl=60) is None,
        lambda: store.replace("sid", B, ttl=60) == Replaced(False),
        lambda: store.replace("sid", B, ttl=60, expected=A) == Replaced(False),
        lambda: store.replace("sid", B, ttl=0) == Replaced(False),
        lambda: store.replace("sid", B, ttl=0, expected=A) == Replaced(False),
        lambda: not store.destroy("sid"),
        lambda: list(store.ids()) == [],
        lambda: list(store.all()) == [],
        lambda: store.length() == 0,
    ]
    for operation in operations:
        store.set("sid", A, ttl=60)
        kill_softly(documents, "sid")
        assert operation()
        assert store.get("sid") is None


def test_touch_sets_the_end_also_nearer_and_heeds_slack(store: Store, documents: Documents) -> None:
    def left() -> float:
        [document] = documents.find()
        seconds: float = (document["expires"] - datetime.now(UTC)).total_seconds()
        return seconds

    store.set("sid", A, ttl=1000)
    assert store.touch("sid", ttl=500)
    assert 400 < left() <= 500
    assert store.touch("sid", ttl=600, slack=200)
    assert 400 < left() <= 500
    assert store.touch("sid", ttl=600, slack=10)
    assert 510 < left() <= 600
    assert store.touch("sid", ttl=300, slack=100)
    assert 200 < left() <= 300
    assert not store.touch("other", ttl=300)
    assert store.length() == 1


def test_get_and_touch_never_brings_the_end_nearer(store: Store, documents: Documents) -> None:
    def end() -> datetime:
        [document] = documents.find()
        moment: datetime = document["expires"]
        return moment

    store.set("sid", A, ttl=1000)
    before = end()
    for ttl, slack in ((10, 0), (0, 0), (-10, 0), (1100, 200), (1100, 5000)):
        assert store.get_and_touch("sid", ttl=ttl, slack=slack) == A
        assert end() == before
    assert store.get_and_touch("sid", ttl=2000, slack=10) == A
    assert end() - before > timedelta(seconds=900)
    assert store.get_and_touch("other", ttl=10) is None
    assert store.length() == 1


def test_destroy_tells_whether_it_was_alive(store: Store) -> None:
    store.set("sid", A, ttl=60)
    assert (store.destroy("sid"), store.destroy("sid"), store.destroy("other")) == (True, False, False)
    assert store.replace("sid", B, ttl=60) == Replaced(False)
    assert store.get("sid") is None


def test_prune_is_not_offered_since_the_server_does_it(store: Store) -> None:
    assert not store.supports.prune


def test_clear_empties_only_its_own_collection(store: Store, documents: Documents) -> None:
    other = documents.database[f"{documents.name}.other"]
    other.insert_one({"_id": "kept"})
    store.clear()
    for number in range(5):
        store.set(f"sid{number}", A, ttl=60)
    store.clear()
    assert (store.length(), documents.count_documents({}), other.count_documents({})) == (0, 0, 1)
    assert "expires_1" in documents.index_information()
    other.drop()
