"""Measure the MongoDB stores beside bare pymongo that sends the same commands.

    python benchmarks/mongo_store.py mongodb://localhost:27017/benchmark

Takes a database that may be written to; the collections ``bare`` and ``store`` in it are dropped.
The subjects take turns, and the ratio of each round is taken within the round; printed are the medians.
The stores and the bare driver have the deadline in common, which has its own cost in the driver.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
from pymongo import AsyncMongoClient, MongoClient

from coatcheck_mongo import AsyncMongoStore, MongoStore

TTL = 3600.0
TASKS = 32
ALIVE = {"$or": [{"expires": {"$exists": False}}, {"$expr": {"$gt": ["$expires", "$$NOW"]}}]}
END = {"$add": ["$$NOW", int(TTL * 1000)]}
LIVING = {"_id": "sid", **ALIVE}
TEXTS = [b'{"cookie":{},"text":"%s"}' % (letter * 1000) for letter in (b"x", b"y")]

Operation = Callable[[int], Any]


def write(number: int) -> list[dict[str, Any]]:
    """Return the update that writes one of the two payloads."""
    return [{"$set": {"session": {"$literal": TEXTS[number % 2].decode()}, "expires": END}}]


def swap(number: int) -> list[dict[str, Any]]:
    """Return the update that writes one payload over the other."""
    same = {"$eq": ["$session", {"$literal": TEXTS[1 - number % 2].decode()}]}
    new = {"$mergeObjects": ["$$ROOT", write(number)[0]["$set"]]}
    return [{"$replaceWith": {"$cond": [same, new, "$$ROOT"]}}]


def bare(records: Any) -> dict[str, Operation]:
    """Return what is measured, done by the driver."""
    fields = {"session": 1, "_id": 0}
    renewed = [{"$set": {"expires": END}}]
    return {
        "get": lambda _: records.find_one(LIVING, fields),
        "set": lambda number: records.update_one({"_id": "sid"}, write(number), upsert=True),
        "touch": lambda _: records.update_one(LIVING, renewed),
        "get_and_touch": lambda _: records.find_one_and_update(LIVING, renewed, fields),
        "replace": lambda number: records.find_one_and_update(LIVING, swap(number), fields),
    }


def stored(store: Any) -> dict[str, Operation]:
    """Return what is measured, done by a store."""
    return {
        "get": lambda _: store.get("sid"),
        "set": lambda number: store.set("sid", TEXTS[number % 2], ttl=TTL),
        "touch": lambda _: store.touch("sid", ttl=TTL),
        "get_and_touch": lambda _: store.get_and_touch("sid", ttl=TTL),
        "replace": lambda number: store.replace(
            "sid", TEXTS[number % 2], ttl=TTL, expected=TEXTS[1 - number % 2]
        ),
    }


def times(operation: Operation, calls: int) -> tuple[float, float]:
    """Return seconds and CPU seconds per call of a blocking operation."""
    start, cpu = time.perf_counter(), time.process_time()
    for number in range(calls):
        with pymongo.timeout(5):
            operation(number)
    return (time.perf_counter() - start) / calls, (time.process_time() - cpu) / calls


async def times_of_tasks(operation: Operation, calls: int, tasks: int) -> tuple[float, float]:
    """Return seconds and CPU seconds per call of an async operation, made by so many tasks."""

    async def one() -> None:
        for number in range(calls // tasks):
            with pymongo.timeout(5):
                await operation(number)

    start, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one() for _ in range(tasks)))
    return (time.perf_counter() - start) / calls, (time.process_time() - cpu) / calls


def report(title: str, rounds: list[dict[str, tuple[tuple[float, float], tuple[float, float]]]]) -> None:
    """Print the medians of the times, and of the ratios within the rounds."""
    print(f"\n{title}: microseconds per call, bare driver and store\n")
    print(f"{'':14} {'elapsed':>17} {'ratio':>6} {'CPU':>17} {'ratio':>6}")
    for name in rounds[0]:
        cells = []
        for kind in (0, 1):
            pairs = [(measured[name][0][kind], measured[name][1][kind]) for measured in rounds]
            low, high = (statistics.median(values) * 1e6 for values in zip(*pairs, strict=True))
            ratio = statistics.median(ours / theirs for theirs, ours in pairs)
            cells.append(f"{low:8.0f} {high:8.0f} {ratio:6.2f}")
        print(f"{name:14} {' '.join(cells)}")


def measure_blocking(url: str, rounds: int, calls: int) -> None:
    """Measure the blocking store."""
    with MongoClient[dict[str, Any]](url) as client, MongoStore(url, collection="store", timeout=5) as store:
        records = client.get_default_database()["bare"].with_options(
            write_concern=pymongo.WriteConcern("majority")
        )
        prepare(records)
        ours, theirs = stored(store), bare(records)
        store.set("sid", TEXTS[1], ttl=TTL)
        measured = [
            {name: (times(theirs[name], calls), times(ours[name], calls)) for name in ours}
            for _ in range(rounds + 1)
        ]
        report("Blocking, one after another", measured[1:])
        drop(client)


async def measure_async(url: str, rounds: int, calls: int, tasks: int) -> None:
    """Measure the async store."""
    async with (
        AsyncMongoClient[dict[str, Any]](url) as client,
        AsyncMongoStore(url, collection="store", timeout=5) as store,
    ):
        records = client.get_default_database()["bare"].with_options(
            write_concern=pymongo.WriteConcern("majority")
        )
        with MongoClient[dict[str, Any]](url) as preparing:
            prepare(preparing.get_default_database()["bare"])
            ours, theirs = stored(store), bare(records)
            await store.set("sid", TEXTS[1], ttl=TTL)
            measured = []
            for _ in range(rounds + 1):
                times_now = {}
                for name in ours:
                    before: Awaitable[Any] = times_of_tasks(theirs[name], calls, tasks)
                    times_now[name] = (await before, await times_of_tasks(ours[name], calls, tasks))
                measured.append(times_now)
            report(f"Async, {tasks} task{'s' * (tasks > 1)}", measured[1:])
            drop(preparing)


def prepare(records: Any) -> None:
    """Write the record that the driver works on."""
    records.create_index("expires", expireAfterSeconds=0)
    ends = datetime.now(UTC) + timedelta(hours=1)
    records.replace_one({"_id": "sid"}, {"session": TEXTS[1].decode(), "expires": ends}, upsert=True)


def drop(client: MongoClient[dict[str, Any]]) -> None:
    """Leave nothing behind."""
    for name in ("bare", "store"):
        client.get_default_database().drop_collection(name)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="with a database that may be written to")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=1000)
    options = parser.parse_args()
    measure_blocking(options.url, options.rounds, options.calls)
    for tasks in (1, TASKS):
        asyncio.run(measure_async(options.url, options.rounds, options.calls, tasks))


if __name__ == "__main__":
    main()
