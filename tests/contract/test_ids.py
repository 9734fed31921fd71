"""Ids are compared exactly; one that cannot be kept raises and is never cut or folded."""

import contextlib

import pytest

from coatcheck import Store, StoreError, StoreUnavailable
from contract.payloads import numbered

CONFUSABLE = {
    "case": ["abc", "ABC", "aBc", "straße", "STRASSE", "\u0131", "i", "I", "İ"],
    "spaces": ["abc", "abc ", " abc", "abc  ", "abc\t", "abc\n", "a bc"],
    "accents": ["resume", "résumé", "re\u0301sume\u0301", "ﬁ", "fi"],
    "wildcards": ["*", "?", "a*", "a?", "ab", "[a-z]", "a%", "a_", "%", "_", "\\*", "\\", "^", "a\\b"],
    "separators": ["a:b", "a", "b", "a:", ":b", "a::b", "a/b", "a.b", "sess:a", "a{b}c", "{a}"],
    "statements": [
        "'",
        '"',
        "' OR '1'='1",
        "`",
        "--",
        ";",
        "$gt",
        "$$NOW",
        "%s",
        ":id",
        "?1",
        "{}",
        "0x61",
        "\\'",
    ],
    "numbers": ["1", "01", "1.0", "1e0", "+1", "true", "null", "None"],
    "widths": ["漢", "漢字", "🧥", "🧥\ufe0f", "e", "\uff45", "\u200be"],
    "controls": ["a\x00b", "a", "a\x01b", "a\x7fb", "a\r\nb"],
}
LENGTHS = [100, 128, 129, 255, 256, 512, 1000, 3000, 20_000]


def kept(store: Store, sid: str, payload: bytes) -> bool:
    """Store a record; False if the store refuses its id."""
    try:
        store.set(sid, payload, ttl=60)
    except StoreUnavailable:
        raise
    except (StoreError, ValueError):
        return False
    return True


def found(store: Store, sid: str) -> bytes | None:
    """Return what is stored; None also where the store refuses the id."""
    try:
        return store.get(sid)
    except StoreUnavailable:
        raise
    except (StoreError, ValueError):
        return None


@pytest.mark.parametrize("group", CONFUSABLE)
def test_ids_that_look_alike_are_different(store: Store, group: str) -> None:
    payloads = {sid: numbered(number) for number, sid in enumerate(CONFUSABLE[group])}
    expected = {sid: payload if kept(store, sid, payload) else None for sid, payload in payloads.items()}
    assert {sid: found(store, sid) for sid in payloads} == expected


@pytest.mark.parametrize("group", CONFUSABLE)
def test_ids_are_listed_as_they_were_given(store: Store, group: str) -> None:
    payloads = {sid: numbered(number) for number, sid in enumerate(CONFUSABLE[group])}
    expected = {sid: payload for sid, payload in payloads.items() if kept(store, sid, payload)}
    assert sorted(store.ids()) == sorted(expected)
    assert dict(store.all()) == expected


@pytest.mark.parametrize("group", CONFUSABLE)
def test_ids_that_look_alike_are_destroyed_one_by_one(store: Store, group: str) -> None:
    sids = [sid for sid in CONFUSABLE[group] if kept(store, sid, numbered(0))]
    for number, sid in enumerate(sids):
        assert store.destroy(sid) is True
        assert store.length() == len(sids) - number - 1


@pytest.mark.parametrize("group", CONFUSABLE)
def test_ids_that_look_alike_are_replaced_one_by_one(store: Store, group: str) -> None:
    sids = [sid for sid in CONFUSABLE[group] if kept(store, sid, numbered(0))]
    for number, sid in enumerate(sids, 1):
        assert store.replace(sid, numbered(number), ttl=60, expected=numbered(0)).written
    assert dict(store.all()) == {sid: numbered(number) for number, sid in enumerate(sids, 1)}


@pytest.mark.parametrize("length", LENGTHS)
def test_a_long_id_is_kept_or_refused_but_never_cut(store: Store, length: int) -> None:
    longer = "x" * length
    cut = [longer[:64], longer[:128], longer[:255], longer[: length // 2], longer[:-1]]
    was_kept = kept(store, longer, numbered(1))
    assert found(store, longer) == (numbered(1) if was_kept else None)
    assert [found(store, sid) for sid in cut if sid != longer] == [None] * len(
        [s for s in cut if s != longer]
    )


def test_an_id_of_128_characters_is_kept(store: Store) -> None:
    sid = "x" * 128
    store.set(sid, numbered(1), ttl=60)
    assert store.get(sid) == numbered(1)


def test_the_ids_that_are_made_by_default_are_kept(store: Store) -> None:
    sid = "Zm9v-_YmFy0123456789ABCDEFGHIJKL"
    store.set(sid, numbered(1), ttl=60)
    assert list(store.ids()) == [sid]


def test_a_lone_surrogate_is_kept_or_refused(store: Store) -> None:
    was_kept = kept(store, "\ud800", numbered(1))
    assert found(store, "\ud800") == (numbered(1) if was_kept else None)
    assert found(store, "?") is None
    assert found(store, "\ufffd") is None


def test_an_empty_id_is_kept_or_refused(store: Store) -> None:
    was_kept = kept(store, "", numbered(1))
    assert found(store, "") == (numbered(1) if was_kept else None)


@pytest.mark.parametrize("operation", ["get", "destroy", "touch", "replace"])
def test_an_id_that_is_refused_is_nowhere(store: Store, operation: str) -> None:
    """It reads as gone, or is refused again."""
    arguments = {"replace": [numbered(1)]}.get(operation, [])
    options = {"touch": {"ttl": 60}, "replace": {"ttl": 60}}.get(operation, {})
    for sid in ["abc ", "x" * 129, "x" * 20_000, "a\x00b", "\ud800"]:
        if not kept(store, sid, numbered(1)):
            with contextlib.suppress(ValueError, StoreError):
                answer = getattr(store, operation)(sid, *arguments, **options)
                assert not getattr(answer, "written", answer)
