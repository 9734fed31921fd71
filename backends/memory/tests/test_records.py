"""What is stored, under which id, and what replaces it."""

import pytest

from coatcheck.store import Replaced, Store
from coatcheck_memory import Table


def test_an_unknown_id_has_no_payload(store: Store) -> None:
    assert store.get("nobody") is None


@pytest.mark.parametrize("payload", [b"", b'{"cookie":{}}', bytes(range(256)), b"x" * 15_000_000])
def test_a_payload_comes_back_byte_for_byte(store: Store, payload: bytes) -> None:
    store.set("sid", payload, ttl=60)
    assert store.get("sid") == payload


@pytest.mark.parametrize("sid", ["", "a b ", "a:b", "*", "ä", "\ud800", "x" * 10_000])
def test_ids_are_compared_exactly(store: Store, sid: str) -> None:
    store.set(sid, b"exact", ttl=60)
    near_misses = [sid + " ", sid.upper() + "!", sid[:-1] + "?", sid.strip() + "\0"]
    assert store.get(sid) == b"exact"
    assert [store.get(other) for other in near_misses] == [None] * 4


def test_the_last_set_counts(store: Store) -> None:
    store.set("sid", b"first", ttl=60)
    store.set("sid", b"second", ttl=60)
    assert store.get("sid") == b"second"
    assert store.length() == 1


def test_destroy_tells_whether_there_was_a_record(store: Store) -> None:
    store.set("sid", b"1", ttl=60)
    assert store.destroy("sid") is True
    assert store.destroy("sid") is False
    assert store.get("sid") is None


def test_replace_overwrites_a_living_record(store: Store) -> None:
    store.set("sid", b"old", ttl=60)
    assert store.replace("sid", b"new", ttl=60) == Replaced(written=True)
    assert store.get("sid") == b"new"


def test_replace_never_creates(store: Store) -> None:
    assert store.replace("sid", b"new", ttl=60) == Replaced(written=False, current=None)
    assert store.get("sid") is None


def test_replace_does_not_bring_a_destroyed_record_back(store: Store) -> None:
    store.set("sid", b"old", ttl=60)
    store.destroy("sid")
    assert store.replace("sid", b"new", ttl=60, expected=b"old") == Replaced(written=False, current=None)
    assert store.get("sid") is None


def test_replace_writes_over_exactly_the_expected_bytes(store: Store) -> None:
    store.set("sid", b"old", ttl=60)
    assert store.replace("sid", b"new", ttl=60, expected=b"old") == Replaced(written=True)
    assert store.get("sid") == b"new"


def test_a_refused_replace_gives_what_is_stored(store: Store) -> None:
    store.set("sid", b"current", ttl=60)
    refused = store.replace("sid", b"new", ttl=60, expected=b"stale")
    assert refused == Replaced(written=False, current=b"current")
    assert store.get("sid") == b"current"


def test_an_empty_expectation_is_an_expectation(store: Store) -> None:
    store.set("sid", b"current", ttl=60)
    assert store.replace("sid", b"new", ttl=60, expected=b"") == Replaced(written=False, current=b"current")


def test_a_payload_cannot_be_changed_from_outside(store: Store) -> None:
    for mutable in (bytearray(b"before"), memoryview(bytearray(b"before"))):
        store.set("set", mutable, ttl=60)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        store.replace("set", mutable, ttl=60)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        mutable[0:3] = b"xxx"
        assert store.get("set") == b"before"
        assert type(store.get("set")) is bytes


@pytest.mark.parametrize("payload", ["text", None, 3, [1, 2]])
def test_a_payload_that_is_not_bytes_is_refused(store: Store, payload: bytes) -> None:
    store.set("sid", b"kept", ttl=60)
    with pytest.raises(TypeError):
        store.set("sid", payload, ttl=60)
    with pytest.raises(TypeError):
        store.replace("sid", payload, ttl=60)
    assert store.get("sid") == b"kept"


def test_an_expectation_that_is_not_bytes_is_refused(store: Store) -> None:
    store.set("sid", b"kept", ttl=60)
    with pytest.raises(TypeError):
        store.replace("sid", b"new", ttl=60, expected="kept")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("sid", [None, b"bytes", 7])
def test_an_id_that_is_no_str_is_refused(store: Store, sid: str) -> None:
    for operation in (
        lambda: store.get(sid),
        lambda: store.set(sid, b"1", ttl=60),
        lambda: store.destroy(sid),
        lambda: store.touch(sid, ttl=60),
        lambda: store.get_and_touch(sid, ttl=60),
        lambda: store.replace(sid, b"1", ttl=60),
    ):
        with pytest.raises(TypeError, match="a session id is a str"):
            operation()


def test_twins_over_one_table_see_the_same_records(store: Store, table: Table) -> None:
    table.set("sid", b"shared", 60)
    assert store.get("sid") == b"shared"
    store.destroy("sid")
    assert table.get("sid") is None
