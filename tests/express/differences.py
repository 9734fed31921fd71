"""Where Coatcheck decides differently, by the numbers under which its design lists the differences.

Beside express-session's notation: ``Cem`` is a cookie with Expires and Max-Age,
``Cx`` one that makes the browser drop its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["DIFFERENCES", "Difference"]

ONLY_READ = ("existing, unmodified", "existing, same-value assign", "existing, reload() then end")
SAVED_EXPLICITLY = ("existing, save() unmodified", "existing, modified+save()")
REGENERATED = ("existing, regenerate()", "existing, regenerate()+modify")
DESTROYED = ("existing, destroy()", "existing, req.session=null unset:destroy")
ONLY_COOKIE_NEW = "new, only cookie.maxAge set"
ONLY_COOKIE_EXISTING = "existing, only cookie.maxAge set"
STREAMED_EXISTING = "headers flushed early, then modified"
STREAMED_NEW = "new: headers flushed early, then modified"


class Where(Protocol):
    """The options and the row that a rule looks at."""

    @property
    def max_age(self) -> int | None: ...
    @property
    def row(self) -> str: ...
    @property
    def resave(self) -> bool: ...
    @property
    def save_uninitialized(self) -> bool: ...
    @property
    def rolling(self) -> bool: ...


@dataclass(frozen=True)
class Difference:
    """One numbered difference: which cells it concerns, and what it makes of them."""

    number: int
    concerns: Callable[[Where, str], bool]
    rewrite: Callable[[Where, str], str]


def _cookie(cookie: str) -> Callable[[Where, str], str]:
    return lambda _, cell: f"{cookie}|{calls(cell)}"


def _calls(letters: str) -> Callable[[Where, str], str]:
    return lambda _, cell: f"{cookie(cell)}|{letters}"


def cookie(cell: str) -> str:
    """Return what a cell says about the cookie."""
    return cell.partition("|")[0]


def calls(cell: str) -> str:
    """Return what a cell says about the calls of the store."""
    return cell.partition("|")[2]


def _without(letter: str) -> Callable[[Where, str], str]:
    return lambda _, cell: cell.replace(letter, "")


def _lifetime_sent(where: Where, cell: str) -> str:
    return f"{'Ce' if where.max_age else 'C'}|{calls(cell)}"


def _renewed_on_reading(where: Where, cell: str) -> bool:
    return where.row in ONLY_READ and not where.resave and not where.rolling


DIFFERENCES = (
    # The head waits for the session: what it says was saved or renewed before it went out ...
    Difference(
        1,
        lambda where, cell: where.row == STREAMED_EXISTING and (where.resave or where.rolling),
        lambda where, cell: f"{cookie(cell)}|{'GSS' if where.resave else 'GTS'}",
    ),
    # ... and what is changed while the body streams is saved once more.
    Difference(1, lambda where, cell: where.row == STREAMED_NEW and where.save_uninitialized, _calls("SS")),
    Difference(2, lambda where, cell: where.row in DESTROYED, _cookie("Cx")),
    Difference(
        6,
        lambda where, cell: where.row == ONLY_COOKIE_NEW and not where.save_uninitialized,
        lambda where, cell: "Ce|S",
    ),
    Difference(
        6,
        lambda where, cell: where.row == ONLY_COOKIE_EXISTING and not (where.resave and where.rolling),
        lambda where, cell: "Ce|GS",
    ),
    Difference(7, lambda where, cell: where.row in SAVED_EXPLICITLY, _without("T")),
    Difference(
        15, lambda where, cell: _renewed_on_reading(where, cell) and bool(where.max_age), _without("T")
    ),
    Difference(
        16, lambda where, cell: where.row == STREAMED_NEW and not where.save_uninitialized, _without("S")
    ),
    Difference(18, lambda where, cell: where.row in REGENERATED, _calls("GSD")),
    Difference(19, lambda where, cell: _renewed_on_reading(where, cell) and not where.max_age, _without("T")),
    Difference(
        20,
        lambda where, cell: where.row == "existing, touch() called" and not where.rolling,
        _lifetime_sent,
    ),
    Difference(
        21,
        lambda where, cell: where.row == "new, save() unmodified" and not where.save_uninitialized,
        _lifetime_sent,
    ),
    Difference(22, lambda where, cell: where.row == "new, req.session=null unset:destroy", _without("D")),
    # The last, since it concerns every lifetime that the others left or made.
    Difference(3, lambda where, cell: cookie(cell) == "Ce", lambda where, cell: f"Cem|{calls(cell)}"),
)
