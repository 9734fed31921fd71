"""The cells of the decision table: what express-session does, and what Coatcheck does instead."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from express.differences import DIFFERENCES
from express.observed import MAX_AGE_60, NO_MAX_AGE

COLUMNS = ("TTF", "TTT", "TFF", "TFT", "FTF", "FTT", "FFF", "FFT")
BLOCKS = {None: NO_MAX_AGE, 60: MAX_AGE_60}


class Place(NamedTuple):
    """Where a cell stands: the block's max_age in seconds, the row, the column's three options."""

    max_age: int | None
    row: str
    resave: bool
    save_uninitialized: bool
    rolling: bool

    def __str__(self) -> str:
        column = "".join("FT"[option] for option in self[2:])
        return f"{self.row} ({column}, max_age={self.max_age})"


@dataclass(frozen=True)
class Cell:
    """What happens in one place: in express-session, in Coatcheck, and the numbers of what differs."""

    express: str
    expected: str
    differences: frozenset[int]


def _rows(block: str) -> Iterator[tuple[str, list[str]]]:
    header, *rows = block.splitlines()
    assert tuple(header.split()[-8:]) == COLUMNS
    for row in rows:
        *words, _, _, _, _, _, _, _, _ = row.split()
        yield " ".join(words), row.split()[-8:]


def observed() -> dict[Place, str]:
    """Return what was observed of express-session."""
    return {
        Place(max_age, row, *(letter == "T" for letter in column)): cell
        for max_age, block in BLOCKS.items()
        for row, cells in _rows(block)
        for column, cell in zip(COLUMNS, cells, strict=True)
    }


def rewritten(place: Place, cell: str, without: int | None = None) -> tuple[str, frozenset[int]]:
    """Apply the differences that concern a place, and return the new cell and their numbers."""
    numbers: set[int] = set()
    for difference in DIFFERENCES:
        if difference.number != without and difference.concerns(place, cell):
            cell = difference.rewrite(place, cell)
            numbers.add(difference.number)
    return cell, frozenset(numbers)


CELLS = {place: Cell(cell, *rewritten(place, cell)) for place, cell in observed().items()}
