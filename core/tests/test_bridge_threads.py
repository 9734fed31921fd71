"""The threads of a bridge: calls at once, cancelled calls, contexts and loops."""

import asyncio
import contextvars
import threading

import pytest

from coatcheck import ThreadedStore
from coatcheck_memory import MemoryStore

REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("REQUEST", default="none")


class Gated(MemoryStore):
    """Holds every reading back until the gate is open, and notes who is inside."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.finished: list[str] = []
        self.seen: list[tuple[str, str]] = []
        self.inside = self.most_inside = 0
        self._lock = threading.Lock()

    def get(self, sid: str, /) -> bytes | None:
        with self._lock:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        self.entered.release()
        assert self.gate.wait(30)
        with self._lock:
            self.inside -= 1
        self.seen.append((REQUEST.get(), threading.current_thread().name))
        self.finished.append(sid)
        return super().get(sid)


async def entered(store: Gated, calls: int = 1) -> None:
    """Wait until that many calls are inside the store."""
    for _ in range(calls):
        assert await asyncio.to_thread(store.entered.acquire, timeout=30)


def test_the_loop_goes_on_while_a_call_blocks() -> None:
    inner = Gated()

    async def use(store: ThreadedStore) -> None:
        call = asyncio.create_task(store.get("sid"))
        await entered(inner)
        assert not call.done()
        inner.gate.set()
        assert await call is None
        await store.aclose()

    asyncio.run(use(ThreadedStore(inner)))


def test_a_cancelled_call_runs_to_its_end_and_leaves_a_usable_store() -> None:
    inner = Gated()

    async def use(store: ThreadedStore) -> None:
        call = asyncio.create_task(store.get("cancelled"))
        await entered(inner)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert inner.finished == []

        inner.gate.set()
        await store.set("sid", b"1", ttl=60)
        assert await store.get("sid") == b"1"
        assert sorted(inner.finished) == ["cancelled", "sid"]
        await store.aclose()

    asyncio.run(use(ThreadedStore(inner, threads=1)))


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_calls_run_at_once_than_there_are_threads(threads: int) -> None:
    inner = Gated()

    async def use(store: ThreadedStore) -> None:
        calls = [asyncio.create_task(store.get(str(number))) for number in range(20)]
        await entered(inner, threads)
        inner.gate.set()
        await asyncio.gather(*calls)
        await store.aclose()

    asyncio.run(use(ThreadedStore(inner, threads=threads)))
    assert inner.most_inside == threads
    assert len(inner.finished) == 20


def test_a_call_sees_the_context_of_its_caller() -> None:
    inner = Gated()
    inner.gate.set()

    async def request(store: ThreadedStore, name: str) -> None:
        REQUEST.set(name)
        await store.get(name)

    async def use(store: ThreadedStore) -> None:
        await asyncio.gather(*(request(store, name) for name in "abc"))
        await store.aclose()

    asyncio.run(use(ThreadedStore(inner)))
    assert sorted(name for name, _ in inner.seen) == ["a", "b", "c"]
    assert all(thread.startswith("coatcheck-store") for _, thread in inner.seen)


def test_one_bridge_serves_two_loops_one_after_the_other() -> None:
    store = ThreadedStore(MemoryStore())
    asyncio.run(store.set("sid", b"1", ttl=60))

    assert asyncio.run(store.get("sid")) == b"1"
    asyncio.run(store.aclose())


def test_one_bridge_serves_two_loops_at_once() -> None:
    inner = Gated()
    store = ThreadedStore(inner)
    inner.set("sid", b"1", ttl=60)
    results: list[bytes | None] = []

    def serve() -> None:
        results.append(asyncio.run(store.get("sid")))

    loops = [threading.Thread(target=serve) for _ in range(2)]
    for loop in loops:
        loop.start()
    for _ in loops:
        assert inner.entered.acquire(timeout=30)
    inner.gate.set()
    for loop in loops:
        loop.join(30)

    assert results == [b"1", b"1"]
    asyncio.run(store.aclose())
