"""Measure the Redis stores beside the bare driver that sends the same commands.

    python benchmarks/redis_store.py redis://localhost:6379/0            # about a minute
    python benchmarks/redis_store.py redis://localhost:6379/0 --quick

Driver and store take turns in many short rounds. Of the ratios the middle one is printed: of the time that
passes, and of this process's time on the processor, which says more on a busy machine. The driver has its
own defaults and a pool of the same size. "32 at once" are threads or tasks.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any, NamedTuple

import redis
import redis.asyncio

from coatcheck_redis import AsyncRedisStore, RedisStore
from coatcheck_redis.layout import READ_AND_RENEW, REPLACE_EXPECTED

PAYLOAD = b'{"cookie":{"originalMaxAge":null,"expires":null},"data":"' + b"x" * 900 + b'"}'
POOL = 50
MANY = 32
PREFIX = f"benchmark-{os.getpid()}:"
KEY = f"{PREFIX}id"


class Pair(NamedTuple):
    """One operation, by the driver and by the store."""

    driver: Callable[[], Any]
    store: Callable[[], Any]


def pairs(client: Any, store: Any) -> dict[str, Pair]:
    """Return the operations, which look the same in blocking and async code."""
    return {
        "get": Pair(lambda: client.get(KEY), lambda: store.get("id")),
        "set": Pair(
            lambda: client.set(KEY, PAYLOAD, px=3_600_000), lambda: store.set("id", PAYLOAD, ttl=3600)
        ),
        "touch": Pair(lambda: client.pexpire(KEY, 3_600_000), lambda: store.touch("id", ttl=3600)),
        "get_and_touch": Pair(
            lambda: client.evalsha(READ_AND_RENEW.sha, 1, KEY, 3_600_000, 3_600_000),
            lambda: store.get_and_touch("id", ttl=3600),
        ),
        "replace": Pair(
            lambda: client.set(KEY, PAYLOAD, px=3_600_000, xx=True),
            lambda: store.replace("id", PAYLOAD, ttl=3600),
        ),
        "replace expected": Pair(
            lambda: client.evalsha(REPLACE_EXPECTED.sha, 1, KEY, PAYLOAD, PAYLOAD, 3_600_000),
            lambda: store.replace("id", PAYLOAD, ttl=3600, expected=PAYLOAD),
        ),
    }


class Cost(NamedTuple):
    """Seconds that passed, and seconds of the processor."""

    passed: float
    processor: float


def cost_of(work: Callable[[], object]) -> Cost:
    """Measure blocking work."""
    passed, processor = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - passed, time.process_time() - processor)


def one_thread(call: Callable[[], Any], calls: int, _threads: ThreadPoolExecutor) -> Cost:
    """Measure calls one after the other."""
    return cost_of(lambda: [call() for _ in range(calls)])


def many_threads(call: Callable[[], Any], calls: int, threads: ThreadPoolExecutor) -> Cost:
    """Measure calls from many threads at once."""

    def work(_number: int) -> None:
        for _ in range(calls // MANY):
            call()

    return cost_of(lambda: list(threads.map(work, range(MANY))))


async def one_task(call: Callable[[], Awaitable[Any]], calls: int) -> Cost:
    """Measure calls one after the other."""
    passed, processor = time.perf_counter(), time.process_time()
    for _ in range(calls):
        await call()
    return Cost(time.perf_counter() - passed, time.process_time() - processor)


async def many_tasks(call: Callable[[], Awaitable[Any]], calls: int) -> Cost:
    """Measure calls from many tasks at once."""
    passed, processor = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one_task(call, calls // MANY) for _ in range(MANY)))
    return Cost(time.perf_counter() - passed, time.process_time() - processor)


def report(kind: str, name: str, calls: int, rounds: list[tuple[Cost, Cost]]) -> None:
    """Print the middle of some rounds of (driver, store)."""
    driver, store = (
        median(cost.processor for cost in column) / calls * 1e6 for column in zip(*rounds, strict=True)
    )
    passed = median(ours.passed / theirs.passed for theirs, ours in rounds)
    processor = median(ours.processor / theirs.processor for theirs, ours in rounds)
    print(f"{kind:21} {name:17} {driver:8.1f} {store:8.1f} {processor:10.2f} {passed:8.2f}")


def measure_blocking(url: str, calls: int, rounds: int) -> None:
    """Print a table for blocking code."""
    pool = redis.BlockingConnectionPool.from_url(url, max_connections=POOL)
    with (
        redis.Redis(connection_pool=pool) as client,
        RedisStore(url, prefix=PREFIX, pool_size=POOL, timeout=30) as store,
        ThreadPoolExecutor(MANY) as threads,
    ):
        prepare(client)
        for kind, time_of in (("blocking, one", one_thread), (f"blocking, {MANY} at once", many_threads)):
            for name, pair in pairs(client, store).items():
                for call in pair:
                    time_of(call, MANY * 4, threads)
                found = [
                    (time_of(pair.driver, calls, threads), time_of(pair.store, calls, threads))
                    for _ in range(rounds)
                ]
                report(kind, name, calls, found)
        store.clear()


async def measure_async(url: str, calls: int, rounds: int) -> None:
    """Print a table for async code."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(url, max_connections=POOL)
    client = redis.asyncio.Redis(connection_pool=pool)
    async with AsyncRedisStore(url, prefix=PREFIX, pool_size=POOL, timeout=30) as store:
        await store.set("id", PAYLOAD, ttl=3600)
        for kind, time_of in (("async, one", one_task), (f"async, {MANY} at once", many_tasks)):
            for name, pair in pairs(client, store).items():
                for call in pair:
                    await time_of(call, MANY * 4)
                found = [
                    (await time_of(pair.driver, calls), await time_of(pair.store, calls))
                    for _ in range(rounds)
                ]
                report(kind, name, calls, found)
        await store.clear()
    await client.aclose()
    await pool.aclose()


def prepare(client: Any) -> None:
    """Let the server know the record and the scripts."""
    client.set(KEY, PAYLOAD, px=3_600_000)
    for script in (READ_AND_RENEW, REPLACE_EXPECTED):
        client.script_load(script.text)


def main() -> None:
    """Print microseconds per call, and how many times as long the store takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("--quick", action="store_true", help="fewer calls")
    options = parser.parse_args()
    calls, rounds = 320, 5 if options.quick else 31
    with redis.Redis.from_url(options.url) as client:
        print(f"Redis {client.info('server')['redis_version']}, redis-py {redis.__version__}\n")
    print(f"{'':39} {'processor, µs a call':>17}   {'store / driver':>17}")
    print(f"{'':39} {'driver':>8} {'store':>8} {'processor':>10} {'passed':>8}")
    measure_blocking(options.url, calls, rounds)
    asyncio.run(measure_async(options.url, calls, rounds))


if __name__ == "__main__":
    main()
