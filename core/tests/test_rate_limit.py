"""Warnings that hostile traffic can cause: at most one of a kind in a while, and nothing secret in them."""

import logging

import pytest

from coatcheck._log import RateLimit, label


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> RateLimit:
    return RateLimit(interval=1.0, clock=clock)


def test_the_first_warning_of_a_kind_is_logged_at_once(
    limit: RateLimit, caplog: pytest.LogCaptureFixture
) -> None:
    limit.warn("a cookie of %d bytes", 5000)

    (record,) = caplog.records
    assert (record.name, record.levelno) == ("coatcheck", logging.WARNING)
    assert record.getMessage() == "a cookie of 5000 bytes"


def test_the_same_warning_is_kept_back_until_the_interval_is_over(
    limit: RateLimit, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    limit.warn("forged")
    clock.now += 0.999
    limit.warn("forged")
    assert len(caplog.records) == 1

    clock.now += 0.001
    limit.warn("forged")
    assert len(caplog.records) == 2


def test_a_warning_tells_how_many_were_kept_back(
    limit: RateLimit, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(4):
        limit.warn("forged by %d", number)
    clock.now += 1
    limit.warn("forged by %d", 4)
    clock.now += 1
    limit.warn("forged by %d", 5)

    assert caplog.messages == ["forged by 0", "forged by 4 (3 more like it before)", "forged by 5"]


def test_kinds_are_told_apart_by_their_message_and_not_by_its_arguments(
    limit: RateLimit, caplog: pytest.LogCaptureFixture
) -> None:
    limit.warn("large: %d", 1)
    limit.warn("large: %d", 2)
    limit.warn("forged")

    assert caplog.messages == ["large: 1", "forged"]


def test_two_limits_do_not_share_what_they_kept_back(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    RateLimit(clock=clock).warn("forged")
    RateLimit(clock=clock).warn("forged")

    assert len(caplog.records) == 2


def test_a_label_follows_an_id_without_showing_it() -> None:
    sid = "hv3tQPqKBDcVOZbJ1jXQfF6sP9dIr1aN"

    assert label(sid) == label(sid)
    assert label(sid) != label(sid + "x")
    assert len(label(sid)) == 8
    assert label(sid) not in sid


def test_any_id_has_a_label() -> None:
    assert label(None) == "-"
    assert len(label("\ud800")) == 8
