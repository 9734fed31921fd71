"""Lifetimes that are no usable numbers never reach a store."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from harness.noting import AsyncFull, Full, call

FULL = pytest.mark.parametrize("make", [Full, AsyncFull])

TIMED = pytest.mark.parametrize("operation", ["set", "touch", "get_and_touch", "replace"])
SLACKENED = pytest.mark.parametrize("operation", ["touch", "get_and_touch"])
ARGUMENTS = {"set": ("sid", b"{}"), "touch": ("sid",), "get_and_touch": ("sid",), "replace": ("sid", b"{}")}


@TIMED
@FULL
@pytest.mark.parametrize("ttl", [math.nan, math.inf, -math.inf])
def test_a_lifetime_that_is_no_finite_number_is_refused_before_the_store_sees_it(
    make: Callable[[], Full | AsyncFull], operation: str, ttl: float
) -> None:
    store = make()

    with pytest.raises(ValueError, match=r"ttl must be a finite number of seconds"):
        call(store, operation, *ARGUMENTS[operation], ttl=ttl)
    assert store.reached == []


@SLACKENED
@FULL
@pytest.mark.parametrize("slack", [math.nan, math.inf, -math.inf, -0.001])
def test_a_slack_that_is_negative_or_not_finite_is_refused(
    make: Callable[[], Full | AsyncFull], operation: str, slack: float
) -> None:
    store = make()

    with pytest.raises(ValueError, match=r"slack must be a finite number of seconds, zero or more"):
        call(store, operation, "sid", ttl=60, slack=slack)
    assert store.reached == []


@TIMED
@FULL
@pytest.mark.parametrize("ttl", [60, 0.0005, 0, -5, 86400.0 * 36525])
def test_every_finite_lifetime_reaches_the_store(
    make: Callable[[], Full | AsyncFull], operation: str, ttl: float
) -> None:
    store = make()
    call(store, operation, *ARGUMENTS[operation], ttl=ttl)

    assert store.reached == [operation]


@TIMED
@FULL
def test_times_are_given_by_keyword_and_a_lifetime_is_not_optional(
    make: Callable[[], Full | AsyncFull], operation: str
) -> None:
    store = make()

    with pytest.raises(TypeError):
        call(store, operation, *ARGUMENTS[operation], 60.0)
    with pytest.raises(TypeError):
        call(store, operation, *ARGUMENTS[operation])
    assert store.reached == []


@FULL
def test_the_checks_hold_for_a_child_that_overrides_anew(make: type[Full | AsyncFull]) -> None:
    child: Any = type("Child", (make,), {"touch": vars(make)["touch"]})()

    with pytest.raises(ValueError, match="ttl"):
        call(child, "touch", "sid", ttl=math.nan)
    assert child.reached == []
