"""Memory stores by URL."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest

import coatcheck_memory
from coatcheck.errors import ConfigurationError
from coatcheck_memory import AsyncMemoryStore, MemoryStore

Open = Callable[..., object]
BOTH = pytest.mark.parametrize("opener", [coatcheck_memory.open, coatcheck_memory.open_async])


@pytest.fixture
def url() -> str:
    """A name that no other test has used: names live as long as the process."""
    return f"memory:{uuid4()}"


def test_each_opening_without_a_name_has_records_of_its_own() -> None:
    first, second = coatcheck_memory.open("memory:"), coatcheck_memory.open("memory:")
    first.set("sid", b"1", ttl=60)
    assert second.get("sid") is None


def test_a_name_is_shared_by_blocking_and_async_code(url: str) -> None:
    blocking, awaited = coatcheck_memory.open(url), coatcheck_memory.open_async(url)
    assert isinstance(blocking, MemoryStore)
    assert isinstance(awaited, AsyncMemoryStore)
    blocking.set("sid", b"1", ttl=60)
    assert asyncio.run(awaited.get("sid")) == b"1"


def test_different_names_share_nothing(url: str) -> None:
    coatcheck_memory.open(url).set("sid", b"1", ttl=60)
    assert coatcheck_memory.open(url + "x").get("sid") is None
    assert coatcheck_memory.open(url.upper().replace("MEMORY", "memory")).get("sid") is None


def test_closing_leaves_the_records_of_a_name(url: str) -> None:
    with coatcheck_memory.open(url) as store:
        store.set("sid", b"1", ttl=60)
    assert coatcheck_memory.open(url).get("sid") == b"1"


@BOTH
def test_the_bound_is_an_option(opener: Open, url: str) -> None:
    assert "max_sessions=100000" in repr(opener("memory:"))
    assert "max_sessions=5" in repr(opener("memory:", max_sessions=5))
    assert "max_sessions=5" in repr(opener(url, max_sessions=5))


@BOTH
def test_a_name_keeps_its_bound(opener: Open, url: str) -> None:
    opener(url, max_sessions=5)
    opener(url, max_sessions=5)
    with pytest.raises(ConfigurationError, match=r"already open with max_sessions=5, not 6"):
        opener(url, max_sessions=6)


@BOTH
def test_a_refused_bound_does_not_take_the_name(opener: Open, url: str) -> None:
    with pytest.raises(ConfigurationError, match="positive integer"):
        opener(url, max_sessions=0)
    opener(url, max_sessions=5)


@BOTH
@pytest.mark.parametrize(
    "url",
    ["memory://", "memory://user:hunter2@host/0", "memory:/path", "memory:a/b", "memory:a#hunter2", "redis:"],
)
def test_other_urls_are_refused_without_repeating_them(opener: Open, url: str) -> None:
    with pytest.raises(ConfigurationError, match="'memory:NAME'") as refusal:
        opener(url)
    assert "hunter2" not in str(refusal.value)


@BOTH
@pytest.mark.parametrize("key", ["max_sesions", "max_sessions", "MAX_SESSIONS"])
def test_what_is_left_in_the_query_is_refused_naming_the_nearest(opener: Open, key: str) -> None:
    with pytest.raises(ConfigurationError, match="max_sessions"):
        opener(f"memory:name?{key}=hunter2")


@BOTH
def test_a_query_key_without_a_value_is_refused(opener: Open) -> None:
    with pytest.raises(ConfigurationError, match="'flag'"):
        opener("memory:?flag")


@BOTH
@pytest.mark.parametrize("url", ["memory:?", "MEMORY:"])
def test_an_empty_query_and_capitals_in_the_scheme_are_accepted(opener: Open, url: str) -> None:
    opener(url)
