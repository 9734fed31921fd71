"""Blocking stores in async code."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, cast

import pytest
from harness import RecordingStore
from harness.noting import listed

from coatcheck import Replaced, Store, StoreUnavailable, Supports, ThreadedStore, UnsupportedOperation
from coatcheck_memory import MemoryStore


def test_every_operation_reaches_the_blocking_store() -> None:
    async def use(store: ThreadedStore) -> None:
        await store.set("sid", b"1", ttl=60)
        assert await store.get("sid") == b"1"
        assert await store.touch("sid", ttl=30, slack=5) is True
        assert await store.touch("none", ttl=30) is False
        assert await store.get_and_touch("sid", ttl=60, slack=1) == b"1"
        assert await store.replace("sid", b"2", ttl=60, expected=b"1") == Replaced(True)
        assert await store.replace("sid", b"3", ttl=60, expected=b"1") == Replaced(False, b"2")
        assert [sid async for sid in store.ids()] == ["sid"]
        assert [record async for record in store.all()] == [("sid", b"2")]
        assert await store.length() == 1
        assert await store.prune() == 0
        await store.ping()
        assert await store.destroy("sid") is True
        assert await store.destroy("sid") is False
        await store.set("sid", b"1", ttl=60)
        await store.clear()
        assert await store.length() == 0
        await store.aclose()

    asyncio.run(use(ThreadedStore(MemoryStore())))


def test_arguments_arrive_as_they_were_given() -> None:
    recording = RecordingStore(MemoryStore())

    async def use(store: ThreadedStore) -> None:
        await store.set("sid", b"1", ttl=1.5)
        await store.touch("sid", ttl=2.5, slack=0.5)
        await store.get_and_touch("sid", ttl=3.5, slack=0.25)
        await store.replace("sid", b"2", ttl=4.5, expected=b"1")
        await store.aclose()

    asyncio.run(use(ThreadedStore(recording)))
    assert recording.trace.calls == [
        ("set", ("sid", b"1"), {"ttl": 1.5}),
        ("touch", ("sid",), {"ttl": 2.5, "slack": 0.5}),
        ("get_and_touch", ("sid",), {"ttl": 3.5, "slack": 0.25}),
        ("replace", ("sid", b"2"), {"ttl": 4.5, "expected": b"1"}),
    ]


def test_it_offers_what_the_blocking_store_offers() -> None:
    class Small(MemoryStore):
        supports = Supports(length=True, resolution=1.0)
        process_local = False

    store = ThreadedStore(Small())

    assert store.supports == Supports(length=True, resolution=1.0)
    assert not store.process_local
    assert ThreadedStore(MemoryStore()).process_local


@pytest.mark.parametrize("operation", ["ids", "all", "clear", "prune", "length"])
def test_what_the_blocking_store_lacks_is_unsupported(operation: str) -> None:
    inner = MemoryStore()
    inner.supports = Supports()

    with pytest.raises(UnsupportedOperation, match=operation):
        getattr(ThreadedStore(inner), operation)()


def test_errors_of_the_store_arrive_unchanged() -> None:
    class Failing(MemoryStore):
        def get(self, sid: str, /) -> bytes | None:
            raise StoreUnavailable("down")

    async def use(store: ThreadedStore) -> None:
        with pytest.raises(StoreUnavailable, match=r"^down$"):
            await store.get("sid")
        with pytest.raises(StoreUnavailable, match=r"^down$"):
            await store.ping()
        with pytest.raises(ValueError, match="ttl"):
            await store.set("sid", b"", ttl=float("nan"))
        await store.aclose()

    asyncio.run(use(ThreadedStore(Failing())))


class Counting(MemoryStore):
    """Counts how many records a listing has given so far."""

    def __init__(self, records: int) -> None:
        super().__init__()
        self.records = records
        self.given = 0

    def all(self) -> Iterator[tuple[str, bytes]]:
        for number in range(self.records):
            self.given += 1
            yield str(number), b"{}"

    def ids(self) -> Iterator[str]:
        return (sid for sid, _ in self.all())


@pytest.mark.parametrize("records", [0, 1, 99, 100, 101, 250])
def test_a_listing_gives_every_record_once_in_order(records: int) -> None:
    async def use(store: ThreadedStore) -> None:
        assert [int(sid) async for sid in store.ids()] == list(range(records))
        assert [int(sid) async for sid, _ in store.all()] == list(range(records))
        await store.aclose()

    asyncio.run(use(ThreadedStore(Counting(records))))


def test_a_listing_is_fetched_in_batches_as_it_is_read() -> None:
    inner = Counting(10_000)

    async def use(store: ThreadedStore) -> None:
        listing = store.ids()
        assert inner.given == 0
        assert await anext(listing) == "0"
        assert inner.given == 100
        for _ in range(100):
            await anext(listing)
        assert inner.given == 200
        await store.aclose()

    asyncio.run(use(ThreadedStore(inner)))


def test_a_listing_that_fails_half_way_gives_the_error() -> None:
    class Breaking(Counting):
        def all(self) -> Iterator[tuple[str, bytes]]:
            yield from super().all()
            raise StoreUnavailable("gone")

    async def use(store: ThreadedStore) -> None:
        with pytest.raises(StoreUnavailable, match="gone"):
            [record async for record in store.all()]
        await store.aclose()

    asyncio.run(use(ThreadedStore(Breaking(150))))


class Closing(MemoryStore):
    """Counts how often it was closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1
        super().close()


def store_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("coatcheck-store")]


def test_closing_closes_the_blocking_store_and_ends_the_threads() -> None:
    inner = Closing()
    before = set(store_threads())

    async def use() -> None:
        async with ThreadedStore(inner) as store:
            await store.set("sid", b"1", ttl=60)
        await store.aclose()

    asyncio.run(use())
    assert inner.closed == 2
    deadline = time.monotonic() + 30
    for thread in set(store_threads()) - before:
        thread.join(deadline - time.monotonic())
        assert not thread.is_alive()


def test_it_is_made_without_a_loop_or_a_thread() -> None:
    before = set(store_threads())
    ThreadedStore(MemoryStore())

    assert set(store_threads()) <= before  # those of other tests may end meanwhile


@pytest.mark.parametrize("wrong", [None, "memory:", object(), MemoryStore, ThreadedStore(MemoryStore())])
def test_only_a_blocking_store_can_be_lent(wrong: Any) -> None:
    with pytest.raises(TypeError, match=rf"blocking coatcheck\.Store, not {type(wrong).__name__}"):
        ThreadedStore(wrong)


@pytest.mark.parametrize("threads", [0, -1])
def test_there_must_be_a_thread(threads: int) -> None:
    with pytest.raises(ValueError, match=f"threads must be 1 or more, not {threads}"):
        ThreadedStore(MemoryStore(), threads=threads)


def test_it_shows_the_store_and_nothing_in_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    inner: Store = MemoryStore()
    inner.set("a-secret-id", b'"a secret"', ttl=60)

    assert repr(ThreadedStore(inner)) == f"ThreadedStore({inner!r})"
    assert "secret" not in repr(ThreadedStore(inner)) + caplog.text


class Unclosable(MemoryStore):
    """Fails to close."""

    def close(self) -> None:
        raise StoreUnavailable("down")


def test_the_threads_end_also_when_closing_fails() -> None:
    before = set(store_threads())
    store = ThreadedStore(Unclosable())
    with pytest.raises(StoreUnavailable):
        asyncio.run(store.aclose())

    for thread in set(store_threads()) - before:
        thread.join(1)
        assert not thread.is_alive()


class Cursor(MemoryStore):
    """Notes in which thread its listing was closed."""

    closed_in = ""

    def ids(self) -> Iterator[str]:
        try:
            yield from map(str, range(1000))
        finally:
            self.closed_in = threading.current_thread().name


def test_a_listing_that_is_given_up_is_closed_in_a_thread_of_the_store() -> None:
    inner = Cursor()

    async def use(store: ThreadedStore) -> None:
        async with aclosing(cast(AsyncGenerator[str, None], store.ids())) as listing:
            assert await anext(listing) == "0"
        await store.aclose()

    asyncio.run(use(ThreadedStore(inner)))
    assert inner.closed_in.startswith("coatcheck-store")


class Slow(MemoryStore):
    """Lists nothing until it may go on, and notes how its listing ended."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.ended = ""

    def ids(self) -> Iterator[str]:
        try:
            self.entered.set()
            assert self.go_on.wait(30)
            yield from map(str, range(1000))
        except GeneratorExit:
            self.ended = "closed"
            raise


@pytest.mark.parametrize("threads", [1, 2])
def test_a_listing_that_is_cancelled_is_closed_once_its_fetching_has_ended(threads: int) -> None:
    inner = Slow()

    async def use(store: ThreadedStore) -> None:
        reading = asyncio.create_task(listed(store.ids()))
        assert await asyncio.to_thread(inner.entered.wait, 30)
        reading.cancel()
        await asyncio.sleep(0)
        assert inner.ended == ""

        inner.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert inner.ended == "closed"
        await store.aclose()

    asyncio.run(use(ThreadedStore(inner, threads=threads)))


def test_an_iterator_that_cannot_be_closed_can_be_listed() -> None:
    class Plain(MemoryStore):
        def ids(self) -> Iterator[str]:
            return iter(["a", "b"])

    async def use(store: ThreadedStore) -> None:
        assert [sid async for sid in store.ids()] == ["a", "b"]
        await store.aclose()

    asyncio.run(use(ThreadedStore(Plain())))
