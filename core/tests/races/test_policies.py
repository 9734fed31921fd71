"""What ``on_conflict`` and ``on_gone`` make of the same races."""

from typing import Any

import pytest
from harness.races import Ending, Fault, check, every_ending

from coatcheck import SessionConflict, SessionDestroyed

pytestmark = pytest.mark.usefixtures("no_pauses")
LOGOUT = [lambda session: session.destroy()]


def put(**values: Any) -> list[Any]:
    return [lambda session: session.update(values)]


def test_overwriting_leaves_the_whole_session_of_the_later_writer(face: str) -> None:
    endings = list(every_ending(face, {"ann": put(a=1), "bob": put(b=2)}, on_conflict="overwrite"))

    for ending in endings:
        alone = {"a": 1} if ending.last_writer() == "ann" else {"b": 2}
        assert ending.data() in ({"n": 0} | alone, {"n": 0, "a": 1, "b": 2})
        assert all(len(ending.calls(name, "replace")) == 1 for name in ("ann", "bob"))
    assert any(len(ending.data() or ()) == 2 for ending in endings)


def test_overwriting_does_not_revive_a_session(face: str) -> None:
    check(
        face,
        {"logout": LOGOUT, "writer": put(a=1)},
        lambda ending: ending.sid not in ending.left,
        broken_by=Fault.REVIVES,
        on_conflict="overwrite",
    )


def test_raising_tells_the_later_writer_and_writes_nothing_of_it(face: str) -> None:
    def told_or_written(ending: Ending) -> bool:
        written = {"ann": {"a": 1}, "bob": {"b": 2}}
        told = {name for name, answer in ending.answers.items() if isinstance(answer.error, SessionConflict)}
        expected: dict[str, Any] = {"n": 0}
        for name in written.keys() - told:
            expected |= written[name]
        return ending.data() == expected

    endings = check(
        face,
        {"ann": put(a=1), "bob": put(b=2)},
        told_or_written,
        broken_by=Fault.IGNORES_EXPECTED,
        on_conflict="raise",
    )

    told = [sum(answer.error is not None for answer in ending.answers.values()) for ending in endings]
    assert set(told) == {0, 1}  # none where one came wholly after the other


def test_a_write_to_a_session_that_ended_raises_where_that_is_wanted(face: str) -> None:
    endings = check(
        face,
        {"logout": LOGOUT, "writer": put(a=1)},
        lambda ending: ending.sid not in ending.left,
        broken_by=Fault.REVIVES,
        on_gone="raise",
    )

    for ending in endings:
        told = isinstance(ending.answers["writer"].error, SessionDestroyed)
        assert told == ending.found_it_gone("writer")
    assert any(ending.found_it_gone("writer") for ending in endings)


@pytest.mark.parametrize("options", [{}, {"rolling": True}, {"resave": True}], ids=str)
def test_a_reader_of_a_session_that_ended_is_answered_under_every_policy(
    face: str, options: dict[str, Any]
) -> None:
    requests = {"logout": LOGOUT, "reader": [lambda session: session.get("n")]}
    for ending in every_ending(face, requests, on_gone="raise", **options):
        assert ending.answers["reader"].error is None


def test_a_session_that_ended_raises_for_conflicts_too_only_where_it_is_wanted(face: str) -> None:
    for ending in every_ending(face, {"logout": LOGOUT, "writer": put(a=1)}, on_conflict="raise"):
        assert ending.answers["writer"].error is None
        assert ending.sid not in ending.left
