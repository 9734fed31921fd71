"""A record lives for ttl seconds by the store's own clock; what is dead is gone for every operation."""

import math
import time
from collections.abc import Callable

import pytest

from coatcheck import Replaced, Store
from contract.conftest import Wait
from contract.payloads import numbered
from contract.subjects import Subject

CENTURY = 100 * 365.25 * 86400
ENDLESS = [math.nan, math.inf, -math.inf]

DEAD: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.get("sid"),
    "touched": lambda store: store.touch("sid", ttl=60) or None,
    "touched with slack": lambda store: store.touch("sid", ttl=60, slack=30) or None,
    "read and touched": lambda store: (
        store.get_and_touch("sid", ttl=60) if store.supports.get_and_touch else None
    ),
    "replaced": lambda store: current(store.replace("sid", numbered(2), ttl=60)),
    "replaced as expected": lambda store: current(
        store.replace("sid", numbered(2), ttl=60, expected=numbered(1))
    ),
    "reported by destroy": lambda store: store.destroy("sid") or None,
    "listed by id": lambda store: list(store.ids()) or None,
    "listed": lambda store: list(store.all()) or None,
    "counted": lambda store: store.length() or None,
}


def current(answer: Replaced) -> object:
    """Return None only if the replacement found nothing."""
    return answer if answer.written else answer.current


@pytest.mark.parametrize("how", DEAD)
def test_a_record_whose_time_is_over_is_not(store: Store, short: float, outlive: Wait, how: str) -> None:
    store.set("sid", numbered(1), ttl=short)
    outlive(short)
    assert DEAD[how](store) is None
    assert store.get("sid") is None


@pytest.mark.parametrize("how", DEAD)
def test_a_record_that_was_destroyed_is_not(store: Store, how: str) -> None:
    store.set("sid", numbered(1), ttl=60)
    store.destroy("sid")
    assert DEAD[how](store) is None
    assert store.get("sid") is None


@pytest.mark.parametrize("how", DEAD)
def test_a_record_that_never_was_is_not(store: Store, how: str) -> None:
    assert DEAD[how](store) is None
    assert store.get("sid") is None


@pytest.mark.parametrize("ttl", [0, 0.0, -0.0, -0.001, -1, -CENTURY])
def test_a_ttl_of_zero_or_less_leaves_nothing_behind(store: Store, ttl: float) -> None:
    store.set("sid", numbered(1), ttl=ttl)
    assert store.get("sid") is None
    assert store.length() == 0


@pytest.mark.parametrize("ttl", [0, -1, -CENTURY])
def test_a_ttl_of_zero_or_less_removes_what_was_there(store: Store, ttl: float) -> None:
    store.set("sid", numbered(1), ttl=60)
    store.set("sid", numbered(2), ttl=ttl)
    assert store.get("sid") is None
    assert list(store.ids()) == []


def test_a_record_lives_as_long_as_it_was_told_to(store: Store, short: float) -> None:
    for number in range(20):
        began = time.monotonic()
        store.set("sid", numbered(number), ttl=short)
        found = store.get("sid")
        if time.monotonic() - began < short:
            assert found == numbered(number)


def test_fractions_are_rounded_up(store: Store, subject: Subject) -> None:
    lifetime = subject.resolution * 0.6
    for number in range(20):
        began = time.monotonic()
        store.set("sid", numbered(number), ttl=lifetime)
        found = store.get("sid")
        if time.monotonic() - began < lifetime:
            assert found == numbered(number)


def test_a_record_ends_within_the_resolution(store: Store, subject: Subject) -> None:
    lifetime = subject.resolution * 1.3
    store.set("sid", numbered(1), ttl=lifetime)
    time.sleep(lifetime + subject.resolution + 0.05)
    assert store.get("sid") is None


def test_the_smallest_lifetime_is_accepted_and_ends(store: Store, outlive: Wait) -> None:
    store.set("sid", numbered(1), ttl=5e-324)
    outlive(0)
    assert store.get("sid") is None


@pytest.mark.parametrize("ttl", [CENTURY, CENTURY * 10, 1e15, 1e300])
def test_a_century_does_not_overflow(store: Store, ttl: float) -> None:
    store.set("set", numbered(1), ttl=ttl)
    assert store.get("set") == numbered(1)
    assert store.length() == 1


@pytest.mark.parametrize("ttl", [CENTURY, CENTURY * 10, 1e15, 1e300])
def test_a_century_does_not_overflow_in_what_renews(store: Store, ttl: float) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.touch("sid", ttl=ttl)
    assert store.replace("sid", numbered(2), ttl=ttl).written
    assert store.replace("sid", numbered(3), ttl=ttl, expected=numbered(2)).written
    if store.supports.get_and_touch:
        assert store.get_and_touch("sid", ttl=ttl) == numbered(3)
    assert store.get("sid") == numbered(3)


def test_a_whole_number_is_a_lifetime(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.get("sid") == numbered(1)


@pytest.mark.parametrize("ttl", ENDLESS)
def test_a_ttl_that_is_no_finite_number_raises(store: Store, ttl: float) -> None:
    store.set("sid", numbered(1), ttl=60)
    for operation in (
        lambda: store.set("sid", numbered(2), ttl=ttl),
        lambda: store.touch("sid", ttl=ttl),
        lambda: store.replace("sid", numbered(2), ttl=ttl),
    ):
        with pytest.raises(ValueError, match="ttl"):
            operation()
    assert store.get("sid") == numbered(1)


@pytest.mark.parametrize("slack", [*ENDLESS, -1])
def test_a_slack_that_is_negative_or_no_finite_number_raises(store: Store, slack: float) -> None:
    store.set("sid", numbered(1), ttl=60)
    with pytest.raises(ValueError, match="slack"):
        store.touch("sid", ttl=60, slack=slack)
    if store.supports.get_and_touch:
        with pytest.raises(ValueError, match="slack"):
            store.get_and_touch("sid", ttl=60, slack=slack)


def test_writing_again_starts_the_lifetime_over(store: Store, short: float, outlive: Wait) -> None:
    store.set("longer", numbered(1), ttl=short)
    store.set("longer", numbered(2), ttl=60)
    store.set("shorter", numbered(1), ttl=60)
    store.set("shorter", numbered(2), ttl=short)
    outlive(short)
    assert (store.get("longer"), store.get("shorter")) == (numbered(2), None)


def test_reading_does_not_prolong(store: Store, short: float, outlive: Wait) -> None:
    store.set("sid", numbered(1), ttl=short)
    assert store.get("sid") == numbered(1)
    outlive(short)
    assert store.get("sid") is None


def test_a_record_can_be_created_where_one_has_ended(store: Store, short: float, outlive: Wait) -> None:
    store.set("sid", numbered(1), ttl=short)
    outlive(short)
    store.set("sid", numbered(2), ttl=60)
    assert store.get("sid") == numbered(2)
    assert dict(store.all()) == {"sid": numbered(2)}
