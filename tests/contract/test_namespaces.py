"""A store sees and clears only its own namespace; wildcards in its name are literal."""

import uuid

import pytest

from coatcheck import Store
from contract.conftest import Wait
from contract.homes import Home
from contract.payloads import numbered
from contract.subjects import Subject


@pytest.fixture
def neighbours(home: Home, subject: Subject) -> tuple[Store, Store]:
    """Two stores on one server: the name of the first, read as a pattern, fits the second's."""
    unique = uuid.uuid4().hex[:12]
    wild, tame = (name.format(unique) for name in subject.wild_names)
    return home.elsewhere(wild).open(), home.elsewhere(tame).open()


def test_a_record_is_in_one_namespace_only(neighbours: tuple[Store, Store]) -> None:
    wild, tame = neighbours
    wild.set("sid", numbered(1), ttl=60)
    assert tame.get("sid") is None
    assert tame.destroy("sid") is False
    assert tame.touch("sid", ttl=60) is False
    assert tame.replace("sid", numbered(2), ttl=60).current is None
    assert wild.get("sid") == numbered(1)


def test_one_id_has_a_record_in_each_namespace(neighbours: tuple[Store, Store]) -> None:
    for number, store in enumerate(neighbours):
        store.set("sid", numbered(number), ttl=60)
    assert [store.get("sid") for store in neighbours] == [numbered(0), numbered(1)]


def test_a_listing_stays_in_its_namespace(neighbours: tuple[Store, Store]) -> None:
    wild, tame = neighbours
    wild.set("wild", numbered(1), ttl=60)
    tame.set("tame", numbered(2), ttl=60)
    assert (list(wild.ids()), list(tame.ids())) == (["wild"], ["tame"])
    assert (dict(wild.all()), dict(tame.all())) == ({"wild": numbered(1)}, {"tame": numbered(2)})
    assert (wild.length(), tame.length()) == (1, 1)


def test_clear_stays_in_its_namespace(neighbours: tuple[Store, Store]) -> None:
    wild, tame = neighbours
    for store in neighbours:
        store.set("sid", numbered(1), ttl=60)
    wild.clear()
    assert (wild.get("sid"), tame.get("sid")) == (None, numbered(1))
    wild.set("sid", numbered(2), ttl=60)
    tame.clear()
    assert (wild.get("sid"), tame.get("sid")) == (numbered(2), None)


@pytest.mark.subjects(fits=lambda subject: "prune" not in subject.lacks)
def test_prune_stays_in_its_namespace(neighbours: tuple[Store, Store], short: float, outlive: Wait) -> None:
    wild, tame = neighbours
    wild.set("sid", numbered(1), ttl=short)
    tame.set("sid", numbered(1), ttl=short)
    outlive(short)
    assert wild.prune() == 1
    assert tame.prune() == 1


def test_an_id_does_not_reach_into_another_namespace(home: Home) -> None:
    """Whatever the id, it is inside of the namespace: no path, no separator leads out."""
    first = home.elsewhere(f"{home.namespace}a").open()
    second = home.elsewhere(f"{home.namespace}b").open()
    second.set("sid", numbered(1), ttl=60)
    for sid in ("../b/sid", f"{home.namespace}bsid", ":sid", "b:sid", f".{home.namespace}b.sid"):
        assert first.get(sid) is None
        assert first.destroy(sid) is False
    assert second.get("sid") == numbered(1)
