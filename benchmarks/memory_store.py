"""Measure the memory store beside a plain dict and bare cachetools.

    python benchmarks/memory_store.py            # 1,000 and 1,000,000 sessions, about two minutes
    python benchmarks/memory_store.py --quick    # 1,000 and 50,000

Every figure comes from a process of its own; speeds are the best of several rounds in which the subjects take
turns. Ids are asked for at random, as strings that are equal to the stored ones but not the same objects.
"""

import argparse
import gc
import json
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from cachetools import LRUCache, TLRUCache, TTLCache

from coatcheck_memory import MemoryStore

PAYLOAD = 300
SAMPLE = 100_000
TTL = 3600.0


class Clock:
    """Seconds that pass only when told to, so that the clock's own cost is no part of a figure."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Subject(NamedTuple):
    """How one way of keeping sessions does each operation."""

    get: Callable[[str], object]
    set: Callable[[str, bytes, float], object]
    touch: Callable[[str], object]


def store(size: int, clock: Clock) -> Subject:
    """Use the memory store, blocking."""
    kept = MemoryStore(max_sessions=size, clock=clock)
    return Subject(
        kept.get,
        lambda sid, payload, ttl: kept.set(sid, payload, ttl=ttl),
        lambda sid: kept.touch(sid, ttl=TTL),
    )


def plain_dict(_size: int, clock: Clock) -> Subject:
    """Use a dict, which neither bounds nor expires."""
    return mapping({}, clock)


def lru_cache(size: int, clock: Clock) -> Subject:
    """Use a cache that bounds and does not expire."""
    return mapping(LRUCache(size), clock)


def ttl_cache(size: int, clock: Clock) -> Subject:
    """Use a cache that bounds, with the one lifetime that stalls are measured with."""
    return mapping(TTLCache(size, 60, clock), clock)


def tlru_cache(size: int, clock: Clock) -> Subject:
    """Use a cache that bounds, with a lifetime per record."""

    def end(_sid: str, record: tuple[float, bytes], _now: float) -> float:
        return record[0]

    return mapping(TLRUCache(size, end, clock), clock)


def mapping(kept: Any, clock: Clock) -> Subject:
    """Keep ``(end, payload)`` in a mapping, which is left to find out what has ended."""

    def write(sid: str, payload: bytes, ttl: float) -> None:
        kept[sid] = (clock.now + ttl, payload)

    def touch(sid: str) -> None:
        kept[sid] = (clock.now + TTL, kept[sid][1])

    return Subject(lambda sid: kept.get(sid), write, touch)


SUBJECTS: dict[str, Callable[[int, Clock], Subject]] = {
    "plain dict": plain_dict,
    "LRUCache": lru_cache,
    "TTLCache": ttl_cache,
    "TLRUCache": tlru_cache,
    "MemoryStore": store,
}


LONG_CALLS: dict[str, Callable[[MemoryStore], object]] = {
    "length": lambda kept: kept.length(),
    "prune": lambda kept: kept.prune(),
    "clear": lambda kept: kept.clear(),
    "ids": lambda kept: sum(1 for _ in kept.ids()),
}


def ids(size: int) -> Iterable[str]:
    """Make the same ids at each call, as new objects."""
    chance = random.Random(0)  # noqa: S311 (the same ids every time)
    return (f"{chance.getrandbits(128):032x}" for _ in range(size))


def payload() -> bytes:
    """Make a payload of its own for each record."""
    return bytes(bytearray(PAYLOAD))


def measure_speed(name: str, size: int) -> dict[str, float]:
    """Microseconds per operation, and milliseconds of the longest call while filling."""
    subject = SUBJECTS[name](size, Clock())
    filling = [elapsed(subject.set, sid, payload(), TTL) for sid in ids(size)]
    chance = random.Random(1)  # noqa: S311 (the same order every time)
    asked = [sid[:16] + sid[16:] for sid in chance.choices(list(ids(size)), k=SAMPLE)]
    changed = payload()
    return {
        "get": per_call(subject.get, asked),
        "set": per_call(lambda sid: subject.set(sid, changed, TTL), asked),
        "touch": per_call(subject.touch, asked),
        "filling": max(filling) * 1e3,
    }


def measure_memory(name: str, size: int) -> dict[str, float]:
    """Bytes per session beyond the payload's own, the id included."""
    tracemalloc.start()
    subject = SUBJECTS[name](size, Clock())
    for sid in ids(size):
        subject.set(sid, payload(), TTL)
    return {"overhead": tracemalloc.get_traced_memory()[0] / size - PAYLOAD}


def measure_stall(name: str, size: int) -> dict[str, float]:
    """Milliseconds of the longest call with half of the sessions expired, and of a full collection."""
    clock = Clock()
    subject = SUBJECTS[name](size * 2, clock)
    for number, sid in enumerate(ids(size)):
        if number == size // 2:
            clock.now += 50
        subject.set(sid, payload(), 60)
    # A process that holds so many has collected before; the first time comes in the middle of some call.
    gc.collect()
    collection = elapsed(gc.collect)
    clock.now += 50
    new = [f"new-{number}" for number in range(20_000)]
    stall = max(elapsed(subject.set, sid, payload(), 60) for sid in new)
    return {"stall": stall * 1e3, "collection": collection * 1e3}


def measure_step(call: str, size: int) -> dict[str, float]:
    """Milliseconds of a long call, and of its longest step, when half of the sessions have ended."""
    clock = Clock()
    kept = MemoryStore(max_sessions=size, clock=clock)
    for number, sid in enumerate(ids(size)):
        kept.set(sid, payload(), ttl=600 + 60 * number / size)
    gc.collect()
    clock.now += 630
    pauses: list[float] = []
    sleep, time.sleep = time.sleep, lambda _: pauses.append(time.thread_time())
    start = time.thread_time()
    LONG_CALLS[call](kept)
    end = time.thread_time()
    time.sleep = sleep
    steps = pairwise([start, *pauses, end])
    return {"whole": (end - start) * 1e3, "step": max(after - before for before, after in steps) * 1e3}


def elapsed(call: Callable[..., object], *arguments: object) -> float:
    """Time one call, in seconds of this thread: what else the machine does is no stall of ours."""
    start = time.thread_time()
    call(*arguments)
    return time.thread_time() - start


def per_call(operation: Callable[[str], object], asked: list[str]) -> float:
    """Time many calls, and return microseconds per call."""
    start = time.perf_counter()
    for sid in asked:
        operation(sid)
    return (time.perf_counter() - start) / len(asked) * 1e6


MEASURES = {"speed": measure_speed, "memory": measure_memory, "stall": measure_stall, "step": measure_step}


def in_a_process(measure: str, name: str, size: int) -> dict[str, float]:
    """Take one measure of one subject in a process of its own."""
    command = [sys.executable, __file__, "--measure", measure, name, str(size)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(printed)
    return found


def best_of(
    rounds: int, measure: str, names: list[str], sizes: tuple[int, int]
) -> dict[tuple[str, int], Any]:
    """Let the subjects take turns, and keep the lowest of each figure."""
    best: dict[tuple[str, int], dict[str, float]] = {}
    for _ in range(rounds):
        for size in sizes:
            for name in names:
                found = in_a_process(measure, name, size)
                known = best.setdefault((name, size), found)
                best[name, size] = {key: min(known[key], found[key]) for key in found}
    return best


def report_speed(small: int, large: int, rounds: int) -> None:
    """Print operations per second, and the longest call while filling."""
    names = ["plain dict", "LRUCache", "TTLCache", "MemoryStore"]
    best = best_of(rounds, "speed", names, (small, large))
    print(f"\nOperations per second, and how many times longer one takes with {large:,} sessions:\n")
    print(f"{'':12}  {'':5}  {small:>11,}  {large:>11,}  {'longer':>7}  {'over dict':>9}")
    for operation in ("get", "set", "touch"):
        for name in names:
            few, many = best[name, small][operation], best[name, large][operation]
            over_dict = many / best["plain dict", large][operation]
            print(
                f"{name:12}  {operation:5}  {1e6 / few:11,.0f}  {1e6 / many:11,.0f}"
                f"  {many / few:6.1f}x  {over_dict:8.1f}x"
            )
    print(f"\nLongest call while filling up to {large:,} (a dict moves as it grows):\n")
    for name in names:
        print(f"{name:12}  {best[name, large]['filling']:9.2f} ms")


def report_memory(small: int, large: int) -> None:
    """Print bytes per session."""
    names = ["plain dict", "LRUCache", "TTLCache", "MemoryStore"]
    best = best_of(1, "memory", names, (small, large))
    print(f"\nBytes per session beyond its {PAYLOAD} of payload, the id of 32 characters included:\n")
    print(f"{'':12}  {small:>11,}  {large:>11,}  {'over dict':>9}")
    for name in names:
        few, many = (best[name, size]["overhead"] for size in (small, large))
        print(f"{name:12}  {few:11.0f}  {many:11.0f}  {many / best['plain dict', large]['overhead']:8.2f}x")


def report_stall(large: int) -> None:
    """Print the longest call with half of the sessions expired, and how long a full collection takes."""
    print(f"\nLongest of 20,000 sets when {large // 2:,} of {large:,} sessions have expired,")
    print("and beside it a full garbage collection, which no call starts:\n")
    for name in SUBJECTS:
        found = in_a_process("stall", name, large)
        print(f"{name:12}  {found['stall']:9.2f} ms  {found['collection']:9.2f} ms")
    print(f"\nLongest step of a long call, between which others run, amid a minute in which {large:,} end,")
    print("and beside it the whole call:\n")
    for call in LONG_CALLS:
        found = in_a_process("step", call, large)
        print(f"{call:12}  {found['step']:9.2f} ms  {found['whole']:9.2f} ms")


def main() -> None:
    """Print the whole table, or, in a process of its own, one measure as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes, one round")
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "SUBJECT", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, name, size = options.measure
        print(json.dumps(MEASURES[what](name, int(size))))
        return
    large = 50_000 if options.quick else 1_000_000
    report_speed(1_000, large, rounds=1 if options.quick else 3)
    report_memory(1_000, large)
    report_stall(large)


if __name__ == "__main__":
    main()
