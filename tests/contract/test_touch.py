"""touch sets the time left; get_and_touch reads and prolongs in one step."""

import pytest

from coatcheck import Store
from contract.conftest import Wait
from contract.payloads import numbered

renewing = pytest.mark.subjects(fits=lambda subject: "get_and_touch" not in subject.lacks)


def test_touch_prolongs(store: Store, short: float, outlive: Wait) -> None:
    store.set("sid", numbered(1), ttl=short)
    assert store.touch("sid", ttl=60) is True
    outlive(short)
    assert store.get("sid") == numbered(1)


def test_touch_shortens(store: Store, short: float, outlive: Wait) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.touch("sid", ttl=short) is True
    outlive(short)
    assert store.get("sid") is None


@pytest.mark.parametrize("ttl", [0, -1])
def test_touch_with_no_time_left_ends_the_record(store: Store, ttl: float) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.touch("sid", ttl=ttl) is True
    assert store.get("sid") is None
    assert store.touch("sid", ttl=60) is False


def test_touch_of_an_unknown_id_is_false_and_creates_nothing(store: Store) -> None:
    assert store.touch("nobody", ttl=60) is False
    assert store.touch("nobody", ttl=60, slack=10) is False
    assert store.length() == 0


def test_touch_never_changes_the_payload(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    store.touch("sid", ttl=120)
    store.touch("sid", ttl=30, slack=5)
    assert store.get("sid") == numbered(1)


def test_touch_reports_a_record_that_it_leaves_alone(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.touch("sid", ttl=60, slack=30) is True
    assert store.touch("sid", ttl=60, slack=1e6) is True
    assert store.get("sid") == numbered(1)


def test_touch_prolongs_what_has_less_left_than_the_slack_allows(
    store: Store, short: float, outlive: Wait
) -> None:
    store.set("sid", numbered(1), ttl=short)
    assert store.touch("sid", ttl=60, slack=10) is True
    outlive(short)
    assert store.get("sid") == numbered(1)


def test_touch_shortens_what_has_more_left_whatever_the_slack(
    store: Store, short: float, outlive: Wait
) -> None:
    store.set("sid", numbered(1), ttl=3600)
    assert store.touch("sid", ttl=short, slack=1000) is True
    outlive(short)
    assert store.get("sid") is None


def test_touch_touches_one_record(store: Store, short: float, outlive: Wait) -> None:
    store.set("sid", numbered(1), ttl=60)
    store.set("other", numbered(2), ttl=short)
    store.touch("sid", ttl=60)
    outlive(short)
    assert (store.get("sid"), store.get("other")) == (numbered(1), None)


@renewing
def test_get_and_touch_returns_the_payload(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.get_and_touch("sid", ttl=60) == numbered(1)
    assert store.get_and_touch("sid", ttl=60, slack=30) == numbered(1)


@renewing
def test_get_and_touch_prolongs(store: Store, short: float, outlive: Wait) -> None:
    store.set("sid", numbered(1), ttl=short)
    assert store.get_and_touch("sid", ttl=60) == numbered(1)
    outlive(short)
    assert store.get("sid") == numbered(1)


@renewing
def test_get_and_touch_prolongs_what_has_less_left_than_the_slack_allows(
    store: Store, short: float, outlive: Wait
) -> None:
    store.set("sid", numbered(1), ttl=short)
    assert store.get_and_touch("sid", ttl=60, slack=10) == numbered(1)
    outlive(short)
    assert store.get("sid") == numbered(1)


@renewing
def test_get_and_touch_never_brings_the_end_nearer(store: Store, short: float, outlive: Wait) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.get_and_touch("sid", ttl=short) == numbered(1)
    assert store.get_and_touch("sid", ttl=short, slack=10) == numbered(1)
    outlive(short)
    assert store.get("sid") == numbered(1)


@renewing
@pytest.mark.parametrize("ttl", [0, -1])
def test_get_and_touch_with_no_time_left_only_reads(store: Store, ttl: float) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.get_and_touch("sid", ttl=ttl) == numbered(1)
    assert store.get("sid") == numbered(1)


@renewing
def test_get_and_touch_of_an_unknown_id_creates_nothing(store: Store) -> None:
    assert store.get_and_touch("nobody", ttl=60) is None
    assert store.length() == 0
