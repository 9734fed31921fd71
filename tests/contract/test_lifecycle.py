"""Opening, first use, closing; many callers; other loops and processes."""

import asyncio
import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coatcheck import AsyncStore, Store
from contract.homes import Awaited, Home
from contract.payloads import numbered
from contract.subjects import Subject
from contract.together import call, each_on_its_own, together

MANY = 16
FORKING = Path(__file__).with_name("forking.py")

persistent = pytest.mark.subjects(fits=lambda subject: subject.package != "coatcheck_memory")
pooled = pytest.mark.subjects(fits=lambda subject: subject.served and not subject.client)


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """Let what a test has left open be reported with this test, not with a later one."""
    yield
    gc.collect()


def test_sixteen_stores_may_use_a_fresh_namespace_first_at_once(home: Home) -> None:
    stores = [home.open() for _ in range(MANY)]
    calls = [call("set", f"sid {number}", numbered(number), ttl=60) for number in range(MANY)]
    assert each_on_its_own(stores, calls) == [None] * MANY
    assert stores[0].length() == MANY


def test_sixteen_callers_may_use_a_fresh_store_first_at_once(home: Home) -> None:
    store = home.open()
    calls = [call("set", f"sid {number}", numbered(number), ttl=60) for number in range(MANY)]
    assert together(store, calls) == [None] * MANY
    assert store.length() == MANY


@pytest.mark.parametrize(
    "name", ["get", "destroy", "touch", "replace", "ids", "all", "length", "clear", "ping", "prune"]
)
def test_every_operation_may_be_the_first_one(home: Home, name: str) -> None:
    store = home.open()
    arguments = {"get": 1, "destroy": 1, "touch": 1, "replace": 2}.get(name, 0)
    options = {"ttl": 60} if name in ("touch", "replace") else {}
    if getattr(store.supports, name, True):
        answer = getattr(store, name)(*["nobody", numbered(1)][:arguments], **options)
        assert not list(answer) if name in ("ids", "all") else not getattr(answer, "written", answer)


@persistent
def test_sixteen_processes_may_use_a_fresh_namespace_first_at_once(home: Home) -> None:
    report = forked(home, MANY, "each its own store")
    assert report == ["kept"] * MANY
    assert home.open().length() == MANY


@persistent
def test_a_fork_before_first_use_is_survived(home: Home) -> None:
    report = forked(home, 4, "one store for all")
    assert report == ["kept"] * 5, "four children and their parent"
    assert home.open().length() == 5


def forked(home: Home, number: int, how: str) -> list[str]:
    """Run processes that store a record each, and return what they say."""
    question = json.dumps({"home": home.described(), "number": number, "how": how})
    tests = Path(__file__).parent.parent
    ran = subprocess.run(
        [sys.executable, str(FORKING), question],
        env={"PYTHONPATH": str(tests), "PYTHONWARNINGS": "error", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return list(json.loads(ran.stdout))


def test_closing_twice_is_no_error(home: Home) -> None:
    store = home.open()
    store.set("sid", numbered(1), ttl=60)
    store.close()
    store.close()


def test_a_store_that_was_not_used_can_be_closed(home: Home) -> None:
    store = home.open()
    store.close()
    store.close()


@persistent
def test_closing_one_store_does_not_end_another(home: Home) -> None:
    first, second = home.open(), home.open()
    first.set("sid", numbered(1), ttl=60)
    assert second.get("sid") == numbered(1)
    first.close()
    assert second.get("sid") == numbered(1)


@persistent
def test_records_outlive_the_store(home: Home) -> None:
    first = home.open()
    first.set("sid", numbered(1), ttl=60)
    first.close()
    assert home.open().get("sid") == numbered(1)


def test_a_store_is_a_context_manager(home: Home, subject: Subject) -> None:
    bare = home.bare()
    if isinstance(bare, Store):
        with bare as entered:
            entered.set("sid", numbered(1), ttl=60)
            assert entered.get("sid") == numbered(1)
        return

    async def use(store: AsyncStore) -> None:
        async with store as entered:
            await entered.set("sid", numbered(1), ttl=60)
            assert await entered.get("sid") == numbered(1)

    asyncio.run(use(bare))


@pooled
def test_a_burst_beyond_the_pool_does_not_fail(home: Home) -> None:
    store = home.open(pool_size=3)
    store.set("sid", numbered(1), ttl=600)
    answers = together(store, [call("get", "sid")] * 200)
    assert answers == [numbered(1)] * 200


@pooled
def test_a_burst_of_writes_beyond_the_pool_does_not_fail(home: Home) -> None:
    store = home.open(pool_size=3)
    store.ping()
    calls = [call("set", f"sid {number}", numbered(number), ttl=60) for number in range(200)]
    assert together(store, calls) == [None] * 200
    assert store.length() == 200


@pytest.mark.subjects(fits=lambda subject: subject.asynchronous and not subject.client)
def test_an_async_store_of_its_own_client_works_on_another_loop(home: Home) -> None:
    store = home.bare()
    assert isinstance(store, AsyncStore)

    async def use(number: int, *, last: bool = False) -> bytes | None:
        await store.set("sid", numbered(number), ttl=60)
        found = await store.get("sid")
        if last:
            await store.aclose()
        return found

    assert asyncio.run(use(1)) == numbered(1)
    assert asyncio.run(use(2)) == numbered(2)
    assert asyncio.run(use(3, last=True)) == numbered(3)


@pytest.mark.subjects(fits=lambda subject: subject.asynchronous)
@pytest.mark.parametrize("operation", ["set", "replace", "get", "touch"])
def test_a_cancelled_call_leaves_the_old_or_the_new_payload_and_a_usable_store(
    home: Home, operation: str
) -> None:
    store = home.open()
    assert isinstance(store, Awaited)
    old, new = numbered(1), numbered(2)
    begun = {
        "set": call("set", "sid", new, ttl=60),
        "replace": call("replace", "sid", new, ttl=60, expected=old),
        "get": call("get", "sid"),
        "touch": call("touch", "sid", ttl=60),
    }[operation]

    async def cancel(after: float) -> None:
        await store.awaited.set("sid", old, ttl=60)
        running = asyncio.ensure_future(begun.on(store.awaited))
        await asyncio.sleep(after)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await store.awaited.get("sid") in {old, new}

    for number in range(40):
        store.run(cancel(number * 0.00005))
    store.set("sid", numbered(3), ttl=60)
    assert together(store, [call("get", "sid")] * 20) == [numbered(3)] * 20


@pytest.mark.subjects(fits=lambda subject: subject.asynchronous)
def test_many_cancelled_calls_do_not_use_the_pool_up(home: Home) -> None:
    store = home.open(pool_size=3)
    assert isinstance(store, Awaited)

    async def cancel_all() -> None:
        running = [asyncio.ensure_future(store.awaited.get("sid")) for _ in range(30)]
        await asyncio.sleep(0.002)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    store.set("sid", numbered(1), ttl=60)
    for _ in range(10):
        store.run(cancel_all())
    assert together(store, [call("get", "sid")] * 20) == [numbered(1)] * 20
