"""The blocking and the async store differ by async, await and names only.

What carries their calls lies outside: ``blocking.py`` with ``threads.py`` (pools, helper
threads, the watchdog) and ``asynchronous.py`` (tasks, loops, cancellation), and the two
pruners, a thread and a timer.
"""

import inspect

from twins import twins

from coatcheck_sql import opening, store

NAMES = {
    "AsyncStore": "Store",
    "AsyncIterator": "Iterator",
    "AsyncEngine": "Engine",
    "AsyncCommands": "Commands",
    "AsyncPruner": "Pruner",
    "aclose": "close",
}


def without_kinds(source: str) -> str:
    """Take out the one argument that says which of the two it is."""
    return source.replace("asynchronous=True", "asynchronous=False").replace(
        "commands.drop", "commands.close"
    )


def test_the_sql_stores_are_twins() -> None:
    source = without_kinds(inspect.getsource(store))
    assert twins(source, "SQLStore", "AsyncSQLStore", NAMES) == []


def test_a_difference_between_twins_is_shown() -> None:
    source = without_kinds(inspect.getsource(store)).replace(
        "await self._commands.once(self._layout.set", "await self._commands.repeatable(self._layout.set", 1
    )
    difference = twins(source, "SQLStore", "AsyncSQLStore", NAMES)
    assert any("repeatable(self._layout.set" in line for line in difference)


def test_both_are_opened_with_the_same_options() -> None:
    assert inspect.signature(opening.open).parameters == inspect.signature(opening.open_async).parameters
