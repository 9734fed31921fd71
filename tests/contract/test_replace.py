"""replace writes only over a living record and, with expected, only over exactly those bytes."""

import contextlib

import pytest

from coatcheck import Replaced, Store
from contract.conftest import Wait
from contract.payloads import numbered


def test_replace_overwrites_a_living_record(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.replace("sid", numbered(2), ttl=60) == Replaced(written=True)
    assert store.get("sid") == numbered(2)


def test_replace_never_creates(store: Store) -> None:
    assert store.replace("sid", numbered(1), ttl=60) == Replaced(written=False, current=None)
    assert store.get("sid") is None


def test_replace_does_not_bring_a_destroyed_record_back(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    store.destroy("sid")
    gone = Replaced(written=False, current=None)
    assert store.replace("sid", numbered(2), ttl=60, expected=numbered(1)) == gone
    assert store.replace("sid", numbered(2), ttl=60) == gone
    assert store.get("sid") is None


def test_replace_writes_over_exactly_the_expected_bytes(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.replace("sid", numbered(2), ttl=60, expected=numbered(1)) == Replaced(written=True)
    assert store.get("sid") == numbered(2)


def test_replace_by_the_same_bytes_reports_written(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.replace("sid", numbered(1), ttl=60) == Replaced(written=True)
    assert store.replace("sid", numbered(1), ttl=60, expected=numbered(1)) == Replaced(written=True)


def test_a_refusal_brings_what_the_record_holds_and_changes_nothing(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    refused = store.replace("sid", numbered(3), ttl=60, expected=numbered(2))
    assert refused == Replaced(written=False, current=numbered(1))
    assert store.get("sid") == numbered(1)


def test_a_refusal_can_be_met_by_what_it_brought(store: Store) -> None:
    store.set("sid", numbered(1, text="é 🧥"), ttl=60)
    refused = store.replace("sid", numbered(3), ttl=60, expected=numbered(2))
    assert store.replace("sid", numbered(3), ttl=60, expected=refused.current).written


@pytest.mark.parametrize("expected", [numbered(1)[:-1], numbered(1).upper(), numbered(11)])
def test_bytes_that_are_nearly_the_expected_ones_are_refused(store: Store, expected: bytes) -> None:
    store.set("sid", numbered(1), ttl=60)
    with contextlib.suppress(ValueError):  # a store may refuse what is no JSON
        assert store.replace("sid", numbered(2), ttl=60, expected=expected).current == numbered(1)
    assert store.get("sid") == numbered(1)


def test_a_case_or_an_accent_makes_another_payload(store: Store) -> None:
    store.set("sid", numbered(1, name="resume"), ttl=60)
    for name in ("RESUME", "résumé", "resume "):
        refused = store.replace("sid", numbered(2), ttl=60, expected=numbered(1, name=name))
        assert refused.current == numbered(1, name="resume")


def test_replace_sets_the_lifetime(store: Store, short: float, outlive: Wait) -> None:
    store.set("longer", numbered(1), ttl=short)
    store.set("shorter", numbered(1), ttl=60)
    store.replace("longer", numbered(2), ttl=60, expected=numbered(1))
    store.replace("shorter", numbered(2), ttl=short, expected=numbered(1))
    outlive(short)
    assert (store.get("longer"), store.get("shorter")) == (numbered(2), None)


def test_replace_without_expected_sets_the_lifetime(store: Store, short: float, outlive: Wait) -> None:
    store.set("longer", numbered(1), ttl=short)
    store.set("shorter", numbered(1), ttl=60)
    store.replace("longer", numbered(2), ttl=60)
    store.replace("shorter", numbered(2), ttl=short)
    outlive(short)
    assert (store.get("longer"), store.get("shorter")) == (numbered(2), None)


def test_a_refusal_does_not_prolong(store: Store, short: float, outlive: Wait) -> None:
    store.set("sid", numbered(1), ttl=short)
    assert not store.replace("sid", numbered(3), ttl=60, expected=numbered(2)).written
    outlive(short)
    assert store.get("sid") is None


@pytest.mark.parametrize("ttl", [0, -1])
def test_with_no_time_left_it_removes_a_living_record_and_reports_written(store: Store, ttl: float) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.replace("sid", numbered(2), ttl=ttl) == Replaced(written=True)
    assert store.get("sid") is None
    assert store.length() == 0


@pytest.mark.parametrize("ttl", [0, -1])
def test_with_no_time_left_it_removes_a_matching_record(store: Store, ttl: float) -> None:
    store.set("sid", numbered(1), ttl=60)
    assert store.replace("sid", numbered(2), ttl=ttl, expected=numbered(1)) == Replaced(written=True)
    assert store.get("sid") is None


@pytest.mark.parametrize("ttl", [0, -1])
def test_with_no_time_left_it_leaves_a_record_that_does_not_match(store: Store, ttl: float) -> None:
    store.set("sid", numbered(1), ttl=60)
    refused = store.replace("sid", numbered(3), ttl=ttl, expected=numbered(2))
    assert refused == Replaced(written=False, current=numbered(1))
    assert store.get("sid") == numbered(1)


@pytest.mark.parametrize("ttl", [0, -1])
def test_with_no_time_left_an_unknown_id_is_gone(store: Store, ttl: float) -> None:
    gone = Replaced(written=False, current=None)
    assert store.replace("nobody", numbered(1), ttl=ttl) == gone
    assert store.replace("nobody", numbered(1), ttl=ttl, expected=numbered(1)) == gone


def test_replace_writes_over_one_record(store: Store) -> None:
    store.set("sid", numbered(1), ttl=60)
    store.set("other", numbered(1), ttl=60)
    store.replace("sid", numbered(2), ttl=60, expected=numbered(1))
    assert store.get("other") == numbered(1)
