"""What all layouts share: names, statements, and the operations as plain functions without I/O.

A layout does not talk to a server. Each of its operations is given ``execute``,
which the caller binds to a connection, so that the same code serves blocking and
async stores.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import Dialect, Table
from sqlalchemy.schema import CreateIndex, CreateTable

from coatcheck.errors import StoreError
from coatcheck.store import Replaced, Supports
from coatcheck_sql.faults import Faults
from coatcheck_sql.naming import Columns
from coatcheck_sql.statements import NOTHING, Execute, Listings, Statement, as_bytes

__all__ = ["EVERYTHING", "Layout"]

EVERYTHING = Supports(
    touch=True, get_and_touch=True, replace=True, ids=True, all=True, length=True, clear=True, prune=True
)


class Layout(ABC):
    """A table of sessions in one dialect of SQL."""

    defaults: ClassVar[Columns]
    default_table: ClassVar[str]
    supports: ClassVar[Supports] = EVERYTHING
    faults: ClassVar[Faults]
    listings: Listings
    constants: Mapping[str, object] = {}
    """Parameters that every statement may use."""
    begin: ClassVar[str] = "BEGIN"
    """Opens the transaction in which the table is made; empty where definitions commit by themselves."""

    def __init__(self, dialect: Dialect, table: Table, columns: Columns, *, create: bool) -> None:
        self._dialect = dialect
        self._table = table
        self._columns = columns
        self._create = create
        preparer = dialect.identifier_preparer
        self.names: dict[str, str] = {
            "table": _plain(dialect, preparer.format_table(table)),
            "id": _plain(dialect, preparer.quote(columns.id)),
            "payload": _plain(dialect, preparer.quote(columns.payload)),
            "expires": _plain(dialect, preparer.quote(columns.expires)),
        }
        self._ping = Statement("SELECT 1", dialect, returns=True)

    def statement(self, sql: str, *, returns: bool = False, **parts: str) -> Statement:
        """Fill the names into SQL and compile it."""
        # A colon in a name would be taken for a parameter.
        names = {role: name.replace(":", "\\:") for role, name in self.names.items()}
        return Statement(sql.format_map({**names, **parts}), self._dialect, returns=returns)

    # First use.

    def prepare(self, execute: Execute) -> None:
        """Make the table where it is missing and may be made, and look at how it is made."""
        found = self.inspect(execute)
        if not found and self._create:
            self._create_table(execute)
            found = self.inspect(execute)
        if not found:
            raise StoreError(
                f"there is no table {self.names['table']}: create it with coatcheck_sql.create_table, "
                "or let the store do it with create=True"
            )
        missing = {self._columns.id, self._columns.payload, self._columns.expires} - found.keys()
        if missing:
            raise StoreError(
                f"the table {self.names['table']} has no column {', '.join(sorted(missing))}: "
                "name the columns it has with the option 'columns'"
            )
        self.check(found)

    @abstractmethod
    def inspect(self, execute: Execute) -> Mapping[str, Sequence[Any]]:
        """Return what is known of each column, by its name; empty where there is no table."""

    @abstractmethod
    def check(self, found: Mapping[str, Sequence[Any]]) -> None:
        """Raise :class:`StoreError` for a table that would change or mix up what is stored."""

    def _create_table(self, execute: Execute) -> None:
        try:
            for statement in self._definitions():
                execute(statement, NOTHING)
        except Exception as error:
            if self.begin:
                execute(Statement.plain("ROLLBACK"), NOTHING)
            # Another process was faster, between our look and our attempt.
            if not self.faults.exists_already(error):
                raise

    def _definitions(self) -> list[Statement]:
        dialect = self._dialect
        made = [
            Statement.of_ddl(CreateTable(self._table), dialect),
            *(Statement.of_ddl(CreateIndex(index), dialect) for index in self._table.indexes),
        ]
        if not self.begin:
            return made
        return [Statement.plain(self.begin), *made, Statement.plain("COMMIT")]

    # Every use.

    def hold_to(self, execute: Execute, info: dict[Any, Any], seconds: float) -> None:  # noqa: B027
        """Tell a connection to wait no longer; ``info`` is what is remembered of it."""

    def let_go(self, execute: Execute, info: dict[Any, Any]) -> None:  # noqa: B027
        """Restore what :meth:`hold_to` changed on a connection of the application."""

    # Operations.

    def ping(self, execute: Execute) -> None:
        """Ask for nothing."""
        execute(self._ping, NOTHING)

    @abstractmethod
    def get(self, execute: Execute, sid: str) -> bytes | None:
        """See the contract; so for all that follows."""

    @abstractmethod
    def set(self, execute: Execute, sid: str, payload: bytes, ttl: float) -> None: ...

    @abstractmethod
    def destroy(self, execute: Execute, sid: str) -> bool: ...

    @abstractmethod
    def touch(self, execute: Execute, sid: str, ttl: float, slack: float) -> bool: ...

    @abstractmethod
    def get_and_touch(self, execute: Execute, sid: str, ttl: float, slack: float) -> bytes | None: ...

    @abstractmethod
    def replace(
        self, execute: Execute, sid: str, payload: bytes, ttl: float, expected: bytes | None
    ) -> Replaced: ...

    def ids_after(self, execute: Execute, last: str | None) -> list[str]:
        """Return the next ids in the order of the key, at most :data:`IDS_BATCH`."""
        return [str(row[0]) for row in self._listed(execute, self.listings.ids, last)]

    def records_after(self, execute: Execute, last: str | None) -> list[tuple[str, bytes]]:
        """Return the next records in the order of the key, at most :data:`ALL_BATCH`."""
        return [
            (sid, as_bytes(payload)) for sid, payload in self._listed(execute, self.listings.records, last)
        ]

    def length(self, execute: Execute) -> int:
        return int(execute(self.listings.length, self.constants).rows[0][0])

    def clear_some(self, execute: Execute) -> int:
        """Remove records, at most :data:`IDS_BATCH`, and return how many."""
        return execute(self.listings.clear, self.constants).changed

    def prune_some(self, execute: Execute) -> int:
        """Remove expired records, at most :data:`IDS_BATCH`, and return how many."""
        return execute(self.listings.prune, self.constants).changed

    def _listed(
        self, execute: Execute, statements: tuple[Statement, Statement], last: str | None
    ) -> Sequence[Sequence[Any]]:
        first, following = statements
        if last is None:
            return execute(first, self.constants).rows
        return execute(following, {**self.constants, "last": last}).rows


def _plain(dialect: Dialect, quoted: str) -> str:
    """Return a quoted name as it is in SQL: SQLAlchemy doubles % in it for drivers, and does so again."""
    doubles = "%%" in dialect.identifier_preparer.quote_identifier("%")
    return quoted.replace("%%", "%") if doubles else quoted
