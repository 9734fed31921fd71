"""Statements, what they bring back, and what goes into them: without I/O."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Dialect, text
from sqlalchemy.schema import CreateIndex, CreateTable

from coatcheck.errors import StoreUnavailable
from coatcheck.store import Replaced

__all__ = [
    "ALL_BATCH",
    "FOREVER",
    "IDS_BATCH",
    "NOTHING",
    "Execute",
    "Listings",
    "Result",
    "Statement",
    "as_bytes",
    "as_text",
    "check_id",
    "exchanged",
    "payload_of",
]

IDS_BATCH = 1000
"""How many ids a listing reads, and how many records a deletion removes, in one statement."""

ALL_BATCH = 100
"""How many records with their payloads a listing reads in one statement."""

FOREVER = 1000 * 365.25 * 86400
"""The longest lifetime that is told from longer ones: no server's clock overflows by it."""

EXCHANGES = 20
"""How often a refusal that has become untrue is asked for again."""


class Result(NamedTuple):
    """What a statement brought back: its rows, and how many rows it changed."""

    rows: Sequence[Sequence[Any]]
    changed: int


class Statement:
    """One statement in the driver's own style of parameters."""

    __slots__ = ("_names", "returns", "sql")

    def __init__(self, sql: str, dialect: Dialect, *, returns: bool = False) -> None:
        """Take SQL with parameters as ``:name``; ``returns`` says whether it has rows."""
        compiled = text(sql).compile(dialect=dialect)
        self.sql: str = str(compiled)
        self.returns: bool = returns
        self._names = None if compiled.positiontup is None else tuple(compiled.positiontup)

    @classmethod
    def of_ddl(cls, element: CreateTable | CreateIndex, dialect: Dialect) -> "Statement":
        """Take a definition of a table or an index."""
        return cls.plain(str(element.compile(dialect=dialect)))

    @classmethod
    def plain(cls, sql: str, *, returns: bool = False) -> "Statement":
        """Take SQL without parameters and names."""
        statement = cls.__new__(cls)
        statement.sql, statement.returns, statement._names = sql, returns, ()
        return statement

    def bind(self, values: Mapping[str, object]) -> Mapping[str, object] | tuple[object, ...]:
        """Return the parameters as the driver takes them."""
        return values if self._names is None else tuple([values[name] for name in self._names])


Execute: TypeAlias = Callable[[Statement, Mapping[str, object]], Result]
NOTHING: Mapping[str, object] = {}


class Listings(NamedTuple):
    """The statements over all records; a listing's are the first one and the one after a ``:last`` id."""

    ids: tuple[Statement, Statement]
    records: tuple[Statement, Statement]
    length: Statement
    clear: Statement
    prune: Statement


def exchanged(
    execute: Execute, exchange: Statement, get: Statement, values: Mapping[str, object], expected: bytes
) -> Replaced:
    """Replace a payload that is ``expected`` where a refusal does not tell what is there."""
    for _ in range(EXCHANGES):
        if execute(exchange, values).changed > 0:
            return Replaced(written=True)
        current = payload_of(execute(get, values).rows)
        # What was refused may have become the expected payload since: then it is not refused any more.
        if current != expected:
            return Replaced(written=False, current=current)
    raise StoreUnavailable("a record was changed back and forth faster than it could be replaced; try again")


def payload_of(rows: Sequence[Sequence[Any]]) -> bytes | None:
    """Return the payload in the only row, or None if there is none."""
    return as_bytes(rows[0][0]) if rows else None


def as_bytes(value: str | bytes) -> bytes:
    """Return a stored payload as bytes, whether the driver gave text or bytes."""
    return value.encode() if isinstance(value, str) else bytes(value)


def as_text(payload: bytes) -> str:
    """Return a payload as the text that a column of text takes; raise ``ValueError`` if it is none."""
    try:
        return str(memoryview(payload), "utf-8")
    except UnicodeDecodeError:
        raise ValueError("a payload is one JSON text in UTF-8, and this one is not UTF-8") from None


def check_id(sid: str, *, longest: int | None = None) -> None:
    """Raise ``TypeError`` for what is no str, ``ValueError`` for an id that no column keeps as it is."""
    if not isinstance(sid, str):
        raise TypeError(f"an id is a str, not {type(sid).__name__}")
    try:
        sid.encode()
    except UnicodeEncodeError:
        raise ValueError("an id with lone surrogates cannot be stored: it has no form in UTF-8") from None
    if longest is not None and len(sid) > longest:
        raise ValueError(f"an id of {len(sid)} characters is too long: the column takes {longest}")
