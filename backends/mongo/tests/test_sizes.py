"""Up to 15 MB are kept whole, and compared whole."""

from collections.abc import Callable
from typing import Any

import pytest
from databases.server import Server
from pymongo.collection import Collection

from coatcheck.store import Replaced, Store

Documents = Collection[dict[str, Any]]
Open = Callable[..., Store]

SMALL = b'{"cookie":{},"n":1}'


def payload(size: int, letter: bytes = b"x") -> bytes:
    start = b'{"cookie":{},"text":"'
    return start + letter * (size - len(start) - 2) + b'"}'


@pytest.mark.parametrize("stringify", [True, False])
def test_fifteen_megabytes_are_kept_and_replaced(
    opened: Open, server: Server, documents: Documents, stringify: bool
) -> None:
    store = opened(server.url, collection=documents.name, stringify=stringify)
    first, second, third = (payload(15_000_000, letter) for letter in (b"x", b"y", b"z"))
    store.set("sid", first, ttl=600)
    assert store.get("sid") == first
    assert store.replace("sid", third, ttl=600, expected=second) == Replaced(False, first)
    assert store.replace("sid", second, ttl=600, expected=first) == Replaced(True)
    assert store.get_and_touch("sid", ttl=6000) == second
    assert store.replace("sid", third, ttl=600) == Replaced(True)
    assert store.replace("sid", SMALL, ttl=600, expected=second) == Replaced(False, third)
    assert store.replace("sid", SMALL, ttl=0, expected=second) == Replaced(False, third)
    assert store.replace("sid", first, ttl=0, expected=third) == Replaced(True)
    assert store.length() == 0
    assert store.replace("sid", first, ttl=60, expected=second) == Replaced(False)
