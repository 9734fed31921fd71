"""The blocking and the async store differ by async, await and names only.

Not compared: ``connecting`` and ``async_connecting``, which carry the commands.
A blocking client lives as long as its store; an async one as long as its loop.
"""

import inspect

from twins import twins

from coatcheck_mongo import store

NAMES = {
    "AsyncStore": "Store",
    "AsyncIterator": "Iterator",
    "AsyncMongoClient": "MongoClient",
    "AsyncCollection": "Collection",
    "AsyncLink": "Link",
    "aclose": "close",
}


def test_the_mongodb_stores_are_twins() -> None:
    assert twins(inspect.getsource(store), "MongoStore", "AsyncMongoStore", NAMES) == []


def test_a_difference_between_the_twins_is_shown() -> None:
    source = inspect.getsource(store)
    changed = source.replace("await records.delete_many({})", "await records.drop()", 1)
    assert changed != source
    assert twins(changed, "MongoStore", "AsyncMongoStore", NAMES) != []
