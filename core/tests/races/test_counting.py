"""``transact`` beside other requests of the session: every order of their calls."""

from typing import Any

import pytest
from harness.races import Fault, Step, check

pytestmark = pytest.mark.usefixtures("no_pauses")


def increment(data: dict[str, Any]) -> int:
    data["n"] += 1
    return int(data["n"])


def transacting() -> Step:
    return lambda session: session.transact(increment)


def put(**values: Any) -> Step:
    return lambda session: session.update(values)


def test_two_increments_at_once_are_both_counted(face: str) -> None:
    endings = check(
        face,
        {"ann": [transacting()], "bob": [transacting()]},
        lambda ending: ending.data() == {"n": 2},
        broken_by=Fault.IGNORES_EXPECTED,
    )

    for ending in endings:
        assert {answer.results[0] for answer in ending.answers.values()} == {1, 2}


def test_an_increment_is_counted_beside_a_writer_of_another_key(face: str) -> None:
    check(
        face,
        {"ann": [put(a=1), transacting()], "bob": [put(b=2)]},
        lambda ending: ending.data() == {"n": 1, "a": 1, "b": 2},
        broken_by=Fault.IGNORES_EXPECTED,
    )


def test_an_increment_and_an_assignment_of_one_key_take_effect_one_after_the_other(face: str) -> None:
    check(
        face,
        {"ann": [transacting(), transacting()], "bob": [put(n=10, b=2)]},
        lambda ending: ending.data() == {"n": {0: 12, 1: 11, 2: 10}[ending.writers().index("bob")], "b": 2},
        broken_by=Fault.IGNORES_EXPECTED,
    )
