"""At most so many sessions; the least recently used goes first, and losing a living one is said."""

from collections.abc import Callable

import pytest
from faces import FakeClock

from coatcheck.errors import ConfigurationError
from coatcheck.store import Store
from coatcheck_memory import Table

Opener = Callable[[Table], Store]


@pytest.fixture
def table(clock: FakeClock) -> Table:
    return Table(3, clock)


@pytest.fixture
def full(store: Store) -> Store:
    """Holds a, b and c, of which a was set first."""
    for sid in "abc":
        store.set(sid, b"1", ttl=60)
    return store


def test_the_least_recently_used_session_makes_room(full: Store) -> None:
    full.set("d", b"1", ttl=60)
    assert sorted(full.ids()) == ["b", "c", "d"]


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.get("a"),
        lambda store: store.set("a", b"2", ttl=600),
        lambda store: store.touch("a", ttl=60),
        lambda store: store.touch("a", ttl=600),
        lambda store: store.get_and_touch("a", ttl=6),
        lambda store: store.replace("a", b"2", ttl=60),
    ],
)
def test_every_operation_on_a_session_is_a_use(full: Store, use: Callable[[Store], object]) -> None:
    use(full)
    full.set("d", b"1", ttl=60)
    assert sorted(full.ids()) == ["a", "c", "d"]


def test_overwriting_evicts_nothing(full: Store) -> None:
    for sid in "abcabc":
        full.set(sid, b"2", ttl=600)
    assert sorted(full.all()) == [("a", b"2"), ("b", b"2"), ("c", b"2")]


def test_what_was_evicted_is_forgotten_entirely(full: Store, table: Table, clock: FakeClock) -> None:
    for number in range(100):
        full.set(f"sid-{number}", b"1", ttl=60 + number)
    assert len(table.snapshot()) == full.length() == 3
    full.set("a", b"again", ttl=60)
    assert full.get("a") == b"again"
    clock.advance(300)
    assert (full.prune(), full.length(), table.snapshot()) == (3, 0, [])


def test_evicting_living_sessions_is_said_once(full: Store, caplog: pytest.LogCaptureFixture) -> None:
    assert caplog.records == []
    for number in range(10):
        full.set(f"secret-{number}", b"secret", ttl=60)
    [record] = caplog.records
    assert (record.name, record.levelname) == ("coatcheck", "WARNING")
    assert "max_sessions=3" in record.getMessage()
    assert "secret" not in record.getMessage()


def test_each_table_says_it_for_itself(over: Opener, caplog: pytest.LogCaptureFixture) -> None:
    for table in (Table(1), Table(1)):
        for sid in "abc":
            over(table).set(sid, b"1", ttl=60)
    assert len(caplog.records) == 2


@pytest.mark.parametrize("ttl", [0.25, 60])
def test_ended_sessions_make_room_silently(
    store: Store, clock: FakeClock, caplog: pytest.LogCaptureFixture, ttl: float
) -> None:
    clock.now = 1000.0
    for sid in "abc":
        store.set(sid, b"1", ttl=ttl)
    clock.advance(ttl)
    for sid in "def":
        store.set(sid, b"1", ttl=60)
    assert sorted(store.ids()) == ["d", "e", "f"]
    assert caplog.records == []


@pytest.mark.parametrize("bound", [0, -1, 1.5, "10", True, None])
def test_a_bound_that_is_no_positive_integer_is_refused(bound: int) -> None:
    with pytest.raises(ConfigurationError, match="max_sessions must be a positive integer"):
        Table(bound)
