"""The store's own clock counts: a caller whose clock is an hour off changes nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from contract.homes import Home
from contract.subjects import SUBJECTS, Subject

CHILD = Path(__file__).with_name("an_hour_off.py")
TESTS = Path(__file__).parent.parent
HOUR = 3600


def story(home: Home, offset: float, parts: list[str], control: str) -> dict[str, object]:
    """Play parts of the story in a process whose clock is off, and return what it saw."""
    coarse = home.subject.resolution >= 0.1
    question = {
        "home": home.described(),
        "offset": offset,
        "parts": parts,
        "control": control,
        "short": home.subject.resolution if coarse else 0.5,
        "wait": 2 * home.subject.resolution + 0.1 if coarse else 0.7,
    }
    ran = subprocess.run(
        [sys.executable, str(CHILD), json.dumps(question)],
        env={"PYTHONPATH": str(TESTS), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    seen: dict[str, object] = json.loads(ran.stdout)
    return seen


def played(home: Home, offset: float, control: str = "") -> list[dict[str, object]]:
    """Write by a clock that is right and read by one that is off, and the other way round."""
    return [
        story(home, 0, ["write"], control),
        story(home, offset, ["read", "live", "write"], control),
        story(home, 0, ["read"], control),
    ]


LEFT = {"minute": True, "two hours": True, "length": 2}
LIVED = {
    "at once": True,
    "touched": True,
    "after a touch": True,
    "replaced": True,
    "ended": None,
    "ended by touch": None,
    "length": 1,
}
EXPECTED = [{"write": {}}, {"read": LEFT, "live": LIVED, "write": {}}, {"read": LEFT}]


def a_file_in(folder: Path) -> Home:
    """Return the home of the store that is known to be wrong, which keeps its records in a file."""
    return Home(SUBJECTS[0], None, folder)


@pytest.mark.subjects(fits=lambda subject: subject.package != "coatcheck_memory")
@pytest.mark.parametrize("offset", [-HOUR, HOUR], ids=["an hour behind", "an hour ahead"])
def test_a_callers_clock_changes_nothing(home: Home, subject: Subject, offset: float) -> None:
    if not subject.served:
        pytest.skip("there is no server: the store's clock is the machine's")
    assert played(home, offset) == EXPECTED


@pytest.mark.parametrize("offset", [-HOUR, HOUR], ids=["an hour behind", "an hour ahead"])
@pytest.mark.parametrize("clock", ["time.time", "datetime.now"])
def test_a_store_that_counts_by_the_callers_clock_is_found_out(
    tmp_path: Path, clock: str, offset: float
) -> None:
    assert played(a_file_in(tmp_path), offset, clock) != EXPECTED


def test_the_story_is_told_as_expected_where_all_clocks_agree(tmp_path: Path) -> None:
    assert played(a_file_in(tmp_path), 0, "time.time") == EXPECTED
