"""Each blocking class and its async twin differ by async, await and names only.

Not compared are ``deadline``, ``line``, ``pool`` and ``home``: waiting, connecting and what a connection
belongs to are different things for threads and for tasks.
"""

import inspect
from types import ModuleType

import pytest
from twins import twins

from coatcheck_redis import cluster, node, sentinels, server, store

NAMES = {
    "AsyncStore": "Store",
    "AsyncIterator": "Iterator",
    "aclose": "close",
    "ASYNC_DRIVER": "DRIVER",
    "AsyncServer": "Server",
    "AsyncHome": "Home",
    "AsyncNode": "Node",
    "AsyncPool": "Pool",
    "AsyncLine": "Line",
    "AsyncDeadline": "Deadline",
    "AsyncMasterFinder": "MasterFinder",
    "open_async_line": "open_line",
}


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (store, "RedisStore"),
        (server, "Server"),
        (node, "Node"),
        (cluster, "Cluster"),
        (sentinels, "MasterFinder"),
    ],
)
def test_the_classes_are_twins(module: ModuleType, name: str) -> None:
    source = plain(inspect.getsource(module))
    assert twins(source, name, f"Async{name}", NAMES) == []


def test_a_difference_between_twins_is_shown() -> None:
    source = plain(inspect.getsource(store))
    changed = source.replace(
        "await self._server.remove(node, keys)", "await self._server.remove(node, [])", 1
    )
    assert changed != source
    assert "-            self._server.remove(node, keys)" in twins(
        changed, "RedisStore", "AsyncRedisStore", NAMES
    )


def plain(source: str) -> str:
    """Take out what only types are made of and is no name of its own."""
    for awaited, blocking in [
        (
            '"str | redis.asyncio.Redis | redis.asyncio.RedisCluster"',
            '"str | redis.Redis | redis.RedisCluster"',
        ),
        ("Awaitable[T]", "T"),
        ('"AsyncNode"', '"Node"'),
    ]:
        source = source.replace(awaited, blocking)
    return source
