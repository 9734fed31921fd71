"""The three-way merge of data and of cookie attributes, against a model written key by key."""

import json
from copy import deepcopy
from typing import Any

import pytest
from faces import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from coatcheck import load_session
from coatcheck.engine.merge import cookie_changes, find_changes, merge_cookie
from coatcheck_memory import MemoryStore

KEYS = st.sampled_from("abcd")
SCALARS = st.sampled_from([0, 0.0, -0.0, False, 1, 1.0, True, None, "", "1"])
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(KEYS, SCALARS, max_size=2)
DATA = st.dictionaries(KEYS, VALUES, max_size=4)
EDITS = st.lists(
    st.tuples(st.just("assign"), KEYS, VALUES)
    | st.tuples(st.just("delete"), KEYS, st.none())
    | st.tuples(st.just("mutate"), KEYS, SCALARS)
    | st.tuples(st.just("clear"), KEYS, st.none()),
    max_size=5,
)
ABSENT = object()


def same(_key: str, one: Any, other: Any) -> bool:
    return json.dumps(one) == json.dumps(other)


def edit(data: Any, edits: list[tuple[str, str, Any]]) -> tuple[set[str], bool]:
    """Carry edits out; return the keys that were assigned or deleted, and whether the mapping was cleared."""
    touched: set[str] = set()
    cleared = False
    for action, key, value in edits:
        if action == "assign":
            data[key] = deepcopy(value)
            touched.add(key)
        elif action == "clear":
            data.clear()
            cleared = True
        elif action == "delete" and key in data:
            del data[key]
            touched.add(key)
        elif action == "mutate" and isinstance(data.get(key), list):
            data[key].append(value)
        elif action == "mutate" and isinstance(data.get(key), dict):
            data[key]["m"] = value
    return touched, cleared


def model(
    base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any], touched: set[str], cleared: bool
) -> dict[str, Any]:
    """Decide for each key on its own whose state it gets."""
    merged: dict[str, Any] = {}
    for key in {*base, *mine, *theirs}:
        before, now = base.get(key, ABSENT), mine.get(key, ABSENT)
        if cleared or key in touched:
            changed = True
        elif before is ABSENT or now is ABSENT:
            changed = before is not now
        else:
            changed = repr(before) != repr(now)
        chosen = now if changed else theirs.get(key, ABSENT)
        if chosen is not ABSENT:
            merged[key] = chosen
    return merged


def exactly(data: dict[str, Any]) -> list[str]:
    return sorted(map(repr, data.items()))


@given(base=DATA, theirs=DATA, edits=EDITS)
def test_a_merge_takes_each_key_from_whoever_changed_it(
    base: dict[str, Any], theirs: dict[str, Any], edits: list[tuple[str, str, Any]]
) -> None:
    mine = deepcopy(base)
    touched, cleared = edit(mine, edits)
    changes = find_changes(base, mine, touched, cleared, same)

    assert exactly(changes.applied_to(theirs, same)) == exactly(model(base, mine, theirs, touched, cleared))


@given(base=DATA, edits=EDITS)
def test_over_an_unchanged_record_a_merge_gives_what_the_request_has(
    base: dict[str, Any], edits: list[tuple[str, str, Any]]
) -> None:
    mine = deepcopy(base)
    changes = find_changes(base, mine, *edit(mine, edits), same)

    assert exactly(changes.applied_to(deepcopy(base), same)) == exactly(mine)


@given(base=DATA, theirs=DATA)
def test_a_request_that_changed_nothing_gets_what_is_stored(
    base: dict[str, Any], theirs: dict[str, Any]
) -> None:
    changes = find_changes(base, deepcopy(base), (), False, same)

    assert exactly(changes.applied_to(theirs, same)) == exactly(theirs)


@given(base=DATA, theirs=DATA, edits=EDITS)
def test_a_merge_leaves_its_inputs_alone(
    base: dict[str, Any], theirs: dict[str, Any], edits: list[tuple[str, str, Any]]
) -> None:
    mine = deepcopy(base)
    touched, cleared = edit(mine, edits)
    before = deepcopy((base, mine, theirs))
    find_changes(base, mine, touched, cleared, same).applied_to(theirs, same)

    assert exactly({"all": (base, mine, theirs)}) == exactly({"all": before})


@given(base=DATA, first=EDITS, second=EDITS)
def test_two_sessions_that_save_one_after_the_other_are_merged_in_the_store(
    base: dict[str, Any], first: list[tuple[str, str, Any]], second: list[tuple[str, str, Any]]
) -> None:
    store = MemoryStore()
    store.set("sid", json.dumps({"cookie": {}, **base}).encode(), ttl=60)
    theirs, mine = load_session(store, "sid"), load_session(store, "sid")
    assert theirs is not None
    assert mine is not None
    edit(theirs, first)
    theirs.save()
    touched, cleared = edit(mine, second)
    expected = model(base, dict(mine), dict(theirs), touched, cleared)
    mine.save()

    stored = json.loads(store.get("sid") or b"")
    del stored["cookie"]
    assert exactly(stored) == exactly(expected)
    assert exactly(dict(mine)) == exactly(expected)


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (1, 1.0), (0, False), (0.0, False), (0.0, -0.0), ([1], [True])]
)
def test_values_that_are_equal_only_to_python_are_a_change(one: object, other: object) -> None:
    changes = find_changes({"k": one}, {"k": other}, (), False, same)

    assert repr(changes.applied_to({"k": one}, same)) == repr({"k": other})


def test_an_equal_value_that_was_assigned_wins() -> None:
    changes = find_changes({"k": 1}, {"k": 1}, {"k"}, False, same)

    assert changes.applied_to({"k": 2}, same) == {"k": 1}
    assert changes.applied_to({}, same) == {"k": 1}


def test_clearing_deletes_what_was_added_meanwhile() -> None:
    changes = find_changes({"k": 1}, {"new": 2}, (), True, same)

    assert changes.applied_to({"k": 1, "added": 3}, same) == {"new": 2}


def test_a_key_that_was_added_and_deleted_again_stays_deleted() -> None:
    changes = find_changes({}, {}, {"k"}, False, same)

    assert changes.applied_to({"k": 1, "other": 2}, same) == {"other": 2}


def test_objects_that_nobody_changed_stay_the_ones_that_the_application_holds() -> None:
    mine = {"cart": [1], "user": {"id": 5}}
    changes = find_changes({"cart": [1], "user": {"id": 5}}, mine, (), False, same)
    merged = changes.applied_to({"cart": [1], "user": {"id": 6}}, same)

    assert merged["cart"] is mine["cart"]
    assert merged["user"] == {"id": 6}


# -- cookie attributes

ATTRIBUTES = st.dictionaries(
    st.sampled_from(["path", "domain", "secure", "sameSite", "theirs"]), st.sampled_from(["x", "y"])
)


@given(base=ATTRIBUTES, mine=ATTRIBUTES, theirs=ATTRIBUTES)
def test_cookie_attributes_are_taken_from_whoever_set_them(
    base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    expected = {
        key: value
        for key in {*base, *mine, *theirs}
        if (value := (mine if mine.get(key) != base.get(key) else theirs).get(key)) is not None
    }

    assert merge_cookie(theirs, cookie_changes(base, mine)) == expected


def test_a_lifetime_is_merged_together_with_its_end() -> None:
    base = {"originalMaxAge": 60000, "expires": "2026-11-23T21:15:17.440Z"}
    mine = {"originalMaxAge": 5000, "expires": "2026-11-23T21:14:22.440Z"}
    theirs = {"originalMaxAge": 5, "expires": "2027-01-01T00:00:00.000Z", "path": "/"}

    assert merge_cookie(theirs, cookie_changes(base, mine)) == {**mine, "path": "/"}


def test_an_end_that_was_only_renewed_is_no_change_of_the_cookie() -> None:
    base = {"originalMaxAge": 60000, "expires": "2026-11-23T21:15:17.440Z"}
    mine = {"originalMaxAge": 60000, "expires": "2026-11-23T21:16:17.440Z"}

    assert cookie_changes(base, mine) == {}


def test_a_lifetime_that_was_taken_away_stays_written_as_null() -> None:
    base = {"originalMaxAge": 60000, "expires": "2026-11-23T21:15:17.440Z"}
    mine = {"originalMaxAge": None, "expires": None}

    assert merge_cookie(base, cookie_changes(base, mine)) == mine


def test_attributes_that_two_sessions_set_are_merged_in_the_store() -> None:
    clock = FakeClock(1_795_468_517.5)
    store = MemoryStore()
    cookie = (
        '{"originalMaxAge":60000,"expires":"2026-11-23T21:15:17.500Z","path":"/","sameSite":"lax","x":[1]}'
    )
    store.set("sid", f'{{"cookie":{cookie}}}'.encode(), ttl=60)
    theirs = load_session(store, "sid", clock=clock)
    mine = load_session(store, "sid", clock=clock)
    assert theirs is not None
    assert mine is not None
    theirs.cookie.priority = "high"
    theirs.cookie.max_age = 30
    theirs.save()
    clock.advance(10)
    mine.cookie.samesite = None
    mine.cookie.secure = True
    mine.save()

    assert json.loads(store.get("sid") or b"")["cookie"] == {
        "originalMaxAge": 30000,
        "priority": "high",
        "expires": "2026-11-23T21:15:57.500Z",
        "secure": True,
        "path": "/",
        "x": [1],
    }
