"""Reading and writing payloads."""

import json

import pytest

from coatcheck import Store, StoreError, StoreUnavailable
from contract.homes import Home
from contract.payloads import NOT_JSON, ODD, large, numbered
from contract.subjects import Subject

SIZE = 15_000_000


def same(subject: Subject, found: bytes | None, payload: bytes) -> bool:
    """Compare exactly; by meaning where the store says that it keeps no spelling."""
    if found is None or subject.keeps_spelling:
        return found == payload
    return bool(json.loads(found) == json.loads(payload))


def test_an_unknown_id_has_no_payload(store: Store) -> None:
    assert store.get("nobody") is None


def test_a_payload_comes_back_byte_for_byte(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.get("sid") == numbered(1)


def test_a_payload_is_bytes(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert type(store.get("sid")) is bytes


@pytest.mark.parametrize("name", ODD)
@pytest.mark.subjects(fits=lambda subject: subject.keeps_spelling)
def test_every_json_text_comes_back_byte_for_byte(store: Store, name: str) -> None:
    store.set("sid", ODD[name], ttl=60)
    assert store.get("sid") == ODD[name]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.subjects(fits=lambda subject: subject.keeps_spelling)
def test_every_json_text_is_written_and_compared_by_replace(store: Store, name: str) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.replace("sid", ODD[name], ttl=60, expected=numbered(1)).written
    refused = store.replace("sid", numbered(2), ttl=60, expected=numbered(1))
    assert (refused.written, refused.current) == (False, ODD[name])
    assert store.replace("sid", numbered(3), ttl=60, expected=ODD[name]).written
    assert store.get("sid") == numbered(3)


@pytest.mark.parametrize("name", ["letters", "emoji", "order of keys", "other statements", "empty things"])
@pytest.mark.subjects(fits=lambda subject: not subject.keeps_spelling)
def test_a_store_that_keeps_no_spelling_keeps_the_meaning(store: Store, subject: Subject, name: str) -> None:
    store.set("sid", ODD[name], ttl=60)
    assert same(subject, store.get("sid"), ODD[name])


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_no_json_is_kept_or_refused_but_never_changed(store: Store, name: str) -> None:
    store.set("sid", numbered(1), ttl=60)
    try:
        store.set("sid", NOT_JSON[name], ttl=60)
    except ValueError:
        assert store.get("sid") == numbered(1)
    else:
        assert store.get("sid") == NOT_JSON[name]


@pytest.mark.parametrize("name", NOT_JSON)
def test_an_expectation_that_is_no_json_is_not_met_or_refused(store: Store, name: str) -> None:
    store.set("sid", numbered(1), ttl=60)
    try:
        answer = store.replace("sid", numbered(2), ttl=60, expected=NOT_JSON[name])
    except ValueError:
        pass
    else:
        assert (answer.written, answer.current) == (False, numbered(1))
    assert store.get("sid") == numbered(1)


@pytest.mark.subjects(fits=lambda subject: subject.keeps_spelling)
def test_bytes_that_differ_in_spacing_only_are_not_the_expected_ones(store: Store) -> None:
    store.set("sid", b'{"cookie":{},"a":1}', ttl=60)
    for spaced in (b'{"cookie": {}, "a": 1}', b'{"cookie":{},"a":1} ', b'\n{"cookie":{},"a":1}'):
        answer = store.replace("sid", numbered(2), ttl=60, expected=spaced)
        assert (answer.written, answer.current) == (False, b'{"cookie":{},"a":1}')


@pytest.mark.parametrize("filling", ["x", '\\"'], ids=["plain", "quotes"])
def test_a_payload_of_15_megabytes_comes_back_byte_for_byte(store: Store, filling: str) -> None:
    payload = large(SIZE, filling)
    store.set("sid", payload, ttl=60)
    assert store.get("sid") == payload


def test_a_payload_of_15_megabytes_is_written_by_replace(store: Store) -> None:
    payload = large(SIZE)
    store.set("sid", numbered(1), ttl=60)
    assert store.replace("sid", payload, ttl=60, expected=numbered(1)).written
    assert store.get("sid") == payload


def test_a_payload_of_15_megabytes_is_compared(store: Store) -> None:
    payload = large(SIZE)
    store.set("sid", payload, ttl=60)
    refused = store.replace("sid", numbered(1), ttl=60, expected=payload[:-3] + b'!"}')
    assert (refused.written, refused.current) == (False, payload)
    assert store.replace("sid", numbered(1), ttl=60, expected=payload).written
    assert store.get("sid") == numbered(1)


def test_a_payload_of_15_megabytes_is_listed_and_renewed(store: Store) -> None:
    payload = large(SIZE)
    store.set("sid", payload, ttl=60)
    assert store.touch("sid", ttl=60)
    assert dict(store.all()) == {"sid": payload}


@pytest.mark.subjects(fits=lambda subject: subject.too_large is not None)
def test_what_is_too_large_raises_with_the_sizes_and_changes_nothing(store: Store, subject: Subject) -> None:
    assert subject.too_large
    payload = large(subject.too_large)
    store.set("sid", numbered(1), ttl=60)
    for operation in (
        lambda: store.set("sid", payload, ttl=60),
        lambda: store.replace("sid", payload, ttl=60),
        lambda: store.replace("sid", payload, ttl=60, expected=numbered(1)),
    ):
        with pytest.raises(StoreError, match=r"\d") as raised:
            operation()
        assert not isinstance(raised.value, StoreUnavailable)
        assert len(str(raised.value)) < 1000
    assert store.get("sid") == numbered(1)


def test_the_last_set_counts(store: Store) -> None:
    store.set("sid", large(5000), ttl=60)
    store.set("sid", numbered(2), ttl=60)
    assert store.get("sid") == numbered(2)


def test_set_creates_again_after_destroy(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    store.destroy("sid")
    store.set("sid", numbered(2), ttl=60)
    assert store.get("sid") == numbered(2)


def test_destroy_tells_whether_the_record_was_alive(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.destroy("sid") is True
    assert store.destroy("sid") is False


def test_destroy_leaves_other_records(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    store.set("other", numbered(2), ttl=60)
    store.destroy("sid")
    assert store.get("sid") is None
    assert store.get("other") == numbered(2)


def test_a_blocking_and_an_async_store_see_each_others_records(home: Home, store: Store) -> None:
    twin = home.twin()
    store.set("here", numbered(1), ttl=60)
    twin.set("there", numbered(2), ttl=60)
    assert (twin.get("here"), store.get("there")) == (numbered(1), numbered(2))
    assert twin.replace("here", numbered(3), ttl=60, expected=numbered(1)).written
    assert store.get("here") == numbered(3)
    assert store.destroy("there")
    assert twin.get("there") is None


def test_two_stores_of_one_namespace_share_their_records(home: Home, store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert home.open().get("sid") == numbered(1)
