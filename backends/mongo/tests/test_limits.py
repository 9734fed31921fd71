"""What MongoDB cannot hold is refused with the sizes, and nothing is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from databases.bench import Databases
from databases.server import Server
from pymongo.collection import Collection

from coatcheck.errors import StoreError, StoreUnavailable
from coatcheck.store import Replaced, Store

Documents = Collection[dict[str, Any]]
Open = Callable[..., Store]


@pytest.fixture
def server(databases: Databases) -> Server:
    return databases.get("mongodb")


SMALL = b'{"cookie":{},"n":1}'
LIMIT = 16 * 1024 * 1024


def payload(size: int, letter: bytes = b"x") -> bytes:
    start = b'{"cookie":{},"text":"'
    return start + letter * (size - len(start) - 2) + b'"}'


@pytest.mark.parametrize("stringify", [True, False])
@pytest.mark.parametrize("size", [LIMIT - 10, LIMIT + 10_000, LIMIT + 100_000, 48_000_000])
def test_what_is_too_large_is_refused_with_the_sizes(
    opened: Open, server: Server, documents: Documents, stringify: bool, size: int
) -> None:
    store = opened(server.url, collection=documents.name, stringify=stringify)
    store.set("sid", SMALL, ttl=600)
    large = payload(size)
    for write in (
        lambda: store.set("sid", large, ttl=60),
        lambda: store.set("new", large, ttl=60),
        lambda: store.replace("sid", large, ttl=60),
        lambda: store.replace("sid", large, ttl=60, expected=SMALL),
    ):
        with pytest.raises(StoreError, match="too large") as refusal:
            write()
        assert not isinstance(refusal.value, StoreUnavailable)
        assert f"{size:,}" in str(refusal.value)
        assert f"{LIMIT:,}" in str(refusal.value)
        assert "xxx" not in str(refusal.value)
    assert list(store.all()) == [("sid", SMALL)]


@pytest.mark.parametrize("size", range(LIMIT - 150, LIMIT, 25))
def test_at_the_limit_it_is_kept_or_refused_and_never_lost(store: Store, size: int) -> None:
    large = payload(size)
    try:
        store.set("sid", large, ttl=60)
    except StoreError:
        assert store.get("sid") is None
    else:
        assert store.get("sid") == large
        assert store.replace("sid", SMALL, ttl=60, expected=large) == Replaced(True)


@pytest.mark.parametrize("size", range(LIMIT // 2 - 200, LIMIT // 2 + 9000, 2300))
def test_replace_knows_where_one_command_no_longer_carries_both(store: Store, size: int) -> None:
    first, second = payload(size), payload(size, b"y")
    store.set("sid", first, ttl=60)
    assert store.replace("sid", second, ttl=60, expected=first) == Replaced(True)
    assert store.replace("sid", second, ttl=60, expected=first) == Replaced(False, second)
