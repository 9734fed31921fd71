"""How long records live, and what prolongs or ends them."""

from math import inf, nan

import pytest
from faces import FakeClock

from coatcheck.store import Replaced, Store

CENTURY = 100 * 365.25 * 86400


@pytest.fixture
def living(store: Store) -> Store:
    """Holds one record with 100 seconds to live."""
    store.set("sid", b"1", ttl=100)
    return store


def left_at(store: Store, clock: FakeClock, seconds: float) -> bool:
    """Tell whether the record lives when so many seconds more have passed."""
    clock.advance(seconds)
    return store.get("sid") is not None


@pytest.mark.parametrize("ttl", [0.001, 0.5, 1, 59.999, 60, 3600, 86400.5, CENTURY])
def test_a_record_lives_for_its_ttl_and_no_longer(store: Store, clock: FakeClock, ttl: float) -> None:
    store.set("sid", b"1", ttl=ttl)
    start = clock.now
    clock.now = start + ttl * 0.999
    assert store.get("sid") == b"1"
    clock.now = start + ttl
    assert store.get("sid") is None


@pytest.mark.parametrize("ttl", [0.25, 100])
def test_a_record_that_has_ended_is_gone_for_every_operation(
    store: Store, clock: FakeClock, ttl: float
) -> None:
    """Within the second in which it ends, it is not freed yet."""
    clock.now = 1000.0
    store.set("sid", b"1", ttl=ttl)
    clock.advance(ttl)
    assert list(store.ids()) == []
    assert list(store.all()) == []
    assert store.length() == 0
    assert store.touch("sid", ttl=60) is False
    assert store.get_and_touch("sid", ttl=60) is None
    assert store.replace("sid", b"2", ttl=60) == Replaced(written=False, current=None)
    assert store.replace("sid", b"2", ttl=60, expected=b"1") == Replaced(written=False, current=None)
    assert store.get("sid") is None
    assert store.destroy("sid") is False


def test_an_id_whose_record_has_ended_can_be_set_again(living: Store, clock: FakeClock) -> None:
    clock.advance(100)
    living.set("sid", b"2", ttl=100)
    assert left_at(living, clock, 99)
    assert not left_at(living, clock, 1)


@pytest.mark.parametrize("ttl", [0, -1, -CENTURY])
def test_set_without_time_leaves_nothing(living: Store, ttl: float) -> None:
    living.set("sid", b"2", ttl=ttl)
    living.set("other", b"2", ttl=ttl)
    assert living.length() == 0
    assert living.get("sid") is None


def test_set_starts_the_lifetime_over(living: Store, clock: FakeClock) -> None:
    clock.advance(50)
    living.set("sid", b"2", ttl=10)
    assert left_at(living, clock, 9)
    assert not left_at(living, clock, 1)


@pytest.mark.parametrize(("ttl", "slack"), [(1000, 0), (200, 50), (10, 0), (60, 0), (61, 30)])
def test_touch_sets_the_time_left(living: Store, clock: FakeClock, ttl: float, slack: float) -> None:
    assert living.touch("sid", ttl=ttl, slack=slack) is True
    assert left_at(living, clock, ttl - 1)
    assert not left_at(living, clock, 1)


@pytest.mark.parametrize(("ttl", "slack"), [(100, 0), (110, 10), (150, 60), (100, 1000)])
def test_touch_leaves_alone_what_has_enough_time_left(
    living: Store, clock: FakeClock, ttl: float, slack: float
) -> None:
    assert living.touch("sid", ttl=ttl, slack=slack) is True
    assert left_at(living, clock, 99)
    assert not left_at(living, clock, 1)


def test_touch_without_time_ends_the_record(living: Store) -> None:
    assert living.touch("sid", ttl=0) is True
    assert living.get("sid") is None
    assert living.length() == 0


def test_touch_creates_nothing_and_changes_no_payload(living: Store) -> None:
    assert living.touch("other", ttl=60) is False
    living.touch("sid", ttl=1000)
    assert dict(living.all()) == {"sid": b"1"}


@pytest.mark.parametrize(("ttl", "slack"), [(1000, 0), (200, 99)])
def test_get_and_touch_prolongs(living: Store, clock: FakeClock, ttl: float, slack: float) -> None:
    assert living.get_and_touch("sid", ttl=ttl, slack=slack) == b"1"
    assert left_at(living, clock, ttl - 1)
    assert not left_at(living, clock, 1)


@pytest.mark.parametrize(("ttl", "slack"), [(10, 0), (100, 0), (110, 10), (200, 100), (0, 0), (-5, 0)])
def test_get_and_touch_never_brings_the_end_nearer_and_honours_slack(
    living: Store, clock: FakeClock, ttl: float, slack: float
) -> None:
    assert living.get_and_touch("sid", ttl=ttl, slack=slack) == b"1"
    assert left_at(living, clock, 99)
    assert not left_at(living, clock, 1)


def test_get_and_touch_creates_nothing(store: Store) -> None:
    assert store.get_and_touch("sid", ttl=60) is None
    assert store.length() == 0


def test_replace_starts_the_lifetime_over(living: Store, clock: FakeClock) -> None:
    living.replace("sid", b"2", ttl=10)
    assert left_at(living, clock, 9)
    assert not left_at(living, clock, 1)


def test_a_refused_replace_leaves_the_lifetime(living: Store, clock: FakeClock) -> None:
    living.replace("sid", b"2", ttl=1000, expected=b"other")
    assert left_at(living, clock, 99)
    assert not left_at(living, clock, 1)


def test_replace_without_time_removes_a_matching_record(living: Store) -> None:
    refused = living.replace("sid", b"2", ttl=0, expected=b"other")
    assert refused == Replaced(written=False, current=b"1")
    assert living.replace("sid", b"2", ttl=0, expected=b"1") == Replaced(written=True)
    assert living.get("sid") is None
    assert living.replace("sid", b"2", ttl=0) == Replaced(written=False, current=None)


@pytest.mark.parametrize("seconds", [nan, inf, -inf])
def test_times_that_are_no_finite_numbers_are_refused(living: Store, seconds: float) -> None:
    for operation in (
        lambda: living.set("sid", b"2", ttl=seconds),
        lambda: living.touch("sid", ttl=seconds),
        lambda: living.touch("sid", ttl=1, slack=seconds),
        lambda: living.get_and_touch("sid", ttl=1, slack=-1),
        lambda: living.replace("sid", b"2", ttl=seconds),
    ):
        with pytest.raises(ValueError, match="must be a finite number"):
            operation()
    assert living.get("sid") == b"1"


def test_the_largest_ttl_does_not_overflow(store: Store) -> None:
    store.set("sid", b"1", ttl=1.7e308)
    assert store.touch("sid", ttl=1.7e308) is True
    assert store.get("sid") == b"1"
