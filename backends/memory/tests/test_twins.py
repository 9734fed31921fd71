"""The blocking and the async store differ by async, await and names only."""

import inspect

from twins import twins

from coatcheck_memory import store

NAMES = {"AsyncStore": "Store", "AsyncIterator": "Iterator", "aclose": "close", "asyncio": "time"}


def test_the_memory_stores_are_twins() -> None:
    assert twins(inspect.getsource(store), "MemoryStore", "AsyncMemoryStore", NAMES) == []


def test_a_difference_between_twins_is_shown() -> None:
    source = inspect.getsource(store)
    changed = source.replace("await asyncio.sleep(0)", "await asyncio.sleep(1)", 1)
    assert changed != source
    difference = twins(changed, "MemoryStore", "AsyncMemoryStore", NAMES)
    assert [line.strip() for line in difference[3:]] == [
        "if number % BATCH == 0:",
        "-                    time.sleep(0)",
        "+                    time.sleep(1)",
        "time.sleep(0)",
    ]
