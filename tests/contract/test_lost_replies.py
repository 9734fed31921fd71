"""Nothing is sent twice: a write whose answer is lost raises, and was applied at most once."""

import time
from collections.abc import Callable

import pytest
from databases.proxy import Proxy

from coatcheck import Store, StoreUnavailable
from contract.homes import Home
from contract.payloads import numbered
from contract.subjects import Subject

pytestmark = [pytest.mark.faults, pytest.mark.subjects(fits=lambda subject: subject.one_address)]

SID = "MARKEDSID"
MARKED = numbered(2, text="MARKEDTEXT")
OLD = numbered(1)

WRITES: dict[str, tuple[Callable[[Store], object], bytes, bytes | None]] = {
    "set": (lambda store: store.set(SID, MARKED, ttl=60), b"MARKEDTEXT", MARKED),
    "set with no time left": (lambda store: store.set(SID, MARKED, ttl=0), b"MARKEDSID", None),
    "replace": (lambda store: store.replace(SID, MARKED, ttl=60), b"MARKEDTEXT", MARKED),
    "replace(expected)": (
        lambda store: store.replace(SID, MARKED, ttl=60, expected=OLD),
        b"MARKEDTEXT",
        MARKED,
    ),
    "replace that ends": (lambda store: store.replace(SID, OLD, ttl=0), b"MARKEDSID", None),
    "replace(expected) that ends": (
        lambda store: store.replace(SID, OLD, ttl=0, expected=OLD),
        b"MARKEDSID",
        None,
    ),
    "destroy": (lambda store: store.destroy(SID), b"MARKEDSID", None),
}


@pytest.fixture
def warm(home: Home, proxy: Proxy) -> Store:
    """A store that has done everything once, so that nothing is sent for the first time."""
    store = home.open(port=proxy.port, timeout=5.0)
    for _ in range(7):
        for write, _, _ in WRITES.values():
            store.set(SID, OLD, ttl=60)
            write(store)
    store.set(SID, OLD, ttl=60)
    return store


@pytest.mark.parametrize("name", WRITES)
def test_a_lost_answer_to_a_write_is_unavailable(warm: Store, proxy: Proxy, name: str) -> None:
    write, marker, _ = WRITES[name]
    proxy.drop_replies(to=marker)
    with pytest.raises(StoreUnavailable):
        write(warm)


@pytest.mark.parametrize("name", WRITES)
def test_a_write_whose_answer_is_lost_is_sent_once(
    subject: Subject, warm: Store, proxy: Proxy, name: str
) -> None:
    if subject.trips.get(name.removesuffix(" that ends"), 1) > 1:
        pytest.skip("it reads first, and reading may be repeated")
    write, marker, _ = WRITES[name]
    proxy.reset()
    proxy.drop_replies(to=marker)
    with pytest.raises(StoreUnavailable):
        write(warm)
    time.sleep(0.3)
    assert proxy.dropped == 1
    assert proxy.requests_with(marker) == 1


@pytest.mark.parametrize("name", WRITES)
def test_a_write_whose_answer_is_lost_was_applied_once(
    home: Home, warm: Store, proxy: Proxy, name: str
) -> None:
    write, marker, result = WRITES[name]
    proxy.drop_replies(to=marker)
    with pytest.raises(StoreUnavailable):
        write(warm)
    other = home.open()
    assert other.get(SID) in {OLD, result}
    other.set(SID, numbered(3), ttl=60)
    time.sleep(0.3)
    assert other.get(SID) == numbered(3), "the write came a second time"


@pytest.mark.parametrize("name", WRITES)
def test_the_store_works_after_a_lost_answer(warm: Store, proxy: Proxy, name: str) -> None:
    write, marker, _ = WRITES[name]
    proxy.drop_replies(to=marker)
    with pytest.raises(StoreUnavailable):
        write(warm)
    proxy.pass_on()
    warm.set(SID, OLD, ttl=60)
    assert warm.get(SID) == OLD


def test_a_lost_answer_to_clear_is_unavailable(warm: Store, proxy: Proxy) -> None:
    proxy.drop_replies()
    with pytest.raises(StoreUnavailable):
        warm.clear()
    proxy.pass_on()
    assert warm.get(SID) in {OLD, None}


def test_reading_may_be_repeated_once(warm: Store, proxy: Proxy) -> None:
    proxy.reset()
    proxy.drop_replies(to=b"MARKEDSID")
    with pytest.raises(StoreUnavailable):
        warm.get(SID)
    assert 1 <= proxy.requests_with(b"MARKEDSID") <= 2


def test_a_connection_that_breaks_before_the_request_was_sent_whole_raises_or_writes_once(
    warm: Store, home: Home, proxy: Proxy
) -> None:
    proxy.refuse()
    with pytest.raises(StoreUnavailable):
        warm.set(SID, MARKED, ttl=60)
    assert home.open().get(SID) == OLD
