"""SQLite: a plain table of our own, and the statements over it.

The clock is SQLite's, which is the host's: there is no server. ``expires`` is in
seconds since 1970.
"""

# ruff: noqa: S608 (names are quoted, values are parameters)

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BLOB, REAL, TEXT, Column, Dialect, Index, MetaData, Table

from coatcheck.store import Replaced
from coatcheck_sql.faults import Faults
from coatcheck_sql.layout import Layout
from coatcheck_sql.naming import Columns, index_name
from coatcheck_sql.statements import (
    ALL_BATCH,
    IDS_BATCH,
    NOTHING,
    Execute,
    Listings,
    Statement,
    check_id,
    exchanged,
    payload_of,
)

__all__ = ["DEFAULTS", "TABLE", "SqliteLayout", "table"]

DEFAULTS = Columns(id="sid", payload="payload", expires="expires")
TABLE = "sessions"

BUSY_TIMEOUT, GIVEN_BUSY_TIMEOUT = "coatcheck_sql.busy_timeout", "coatcheck_sql.given_busy_timeout"
"""What is remembered of a connection: what was set last, and what the application had set."""

TICK = 0.001
"""SQLite's clock counts milliseconds and rounds them down."""

NOW = "((julianday('now') - 2440587.5) * 86400.0)"

# https://sqlite.org/rescode.html; extended codes carry the primary one in their lowest byte.
PERM, BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN, TOOBIG = 3, 5, 6, 8, 10, 13, 14, 18
INTERRUPT = 9


def _primary(error: BaseException) -> int | str | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code == 1 and "already exists" in str(error):
        return "exists"
    return None if code is None else int(code) & 0xFF


FAULTS = Faults(
    server="SQLite",
    code=_primary,
    unavailable=frozenset({PERM, BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN, INTERRUPT}),
    too_large=frozenset({TOOBIG}),
    existing=frozenset({"exists"}),
)


def table(metadata: MetaData, name: str, schema: str | None, columns: Columns) -> Table:
    """Describe the table."""
    return Table(
        name,
        metadata,
        Column(columns.id, TEXT, primary_key=True),
        Column(columns.payload, BLOB, nullable=False),
        Column(columns.expires, REAL, nullable=False),
        Index(index_name(name, columns.expires), columns.expires),
        schema=schema,
    )


class SqliteLayout(Layout):
    """Sessions in SQLite."""

    defaults = DEFAULTS
    default_table = TABLE
    faults = FAULTS
    begin = "BEGIN IMMEDIATE"  # a transaction that turns into a writing one later cannot wait

    def __init__(self, dialect: Dialect, table: Table, columns: Columns, *, create: bool) -> None:
        super().__init__(dialect, table, columns, create=create)
        self._inspect = self.statement("SELECT name FROM pragma_table_info(:table, :schema)", returns=True)
        self._schema = table.schema or "main"
        self._name = table.name
        self._compile_operations()
        self._compile_listings()

    def inspect(self, execute: Execute) -> Mapping[str, Sequence[Any]]:
        rows = execute(self._inspect, {"table": self._name, "schema": self._schema}).rows
        return {row[0]: row for row in rows}

    def check(self, found: Mapping[str, Sequence[Any]]) -> None:
        """Take the table as it is: what SQLite stores has the type of the value, not of the column."""

    def hold_to(self, execute: Execute, info: dict[Any, Any], seconds: float) -> None:
        # In steps, so that a setting holds for many calls, and rounded down to keep the deadline.
        wanted = max(1, int(seconds * 10) * 100)
        if info.get(BUSY_TIMEOUT) != wanted:
            before = execute(Statement.plain("PRAGMA busy_timeout", returns=True), NOTHING).rows[0][0]
            info.setdefault(GIVEN_BUSY_TIMEOUT, before)
            execute(Statement.plain(f"PRAGMA busy_timeout = {wanted}", returns=True), NOTHING)
            info[BUSY_TIMEOUT] = wanted

    def let_go(self, execute: Execute, info: dict[Any, Any]) -> None:
        before = info.pop(GIVEN_BUSY_TIMEOUT)
        info.pop(BUSY_TIMEOUT)
        execute(Statement.plain(f"PRAGMA busy_timeout = {before}", returns=True), NOTHING)

    def _sql(self, sql: str, *, returns: bool = False) -> Statement:
        living = f"{{id}} = :sid AND {{expires}} > {NOW}".format_map(self.names)
        return self.statement(sql, returns=returns, now=NOW, living=living, then=f"({NOW} + :ttl)")

    def _compile_operations(self) -> None:
        self._get = self._sql("SELECT {payload} FROM {table} WHERE {living}", returns=True)
        self._set = self._sql(
            "INSERT INTO {table} ({id}, {payload}, {expires}) VALUES (:sid, :payload, {then}) "
            "ON CONFLICT ({id}) DO UPDATE SET {payload} = excluded.{payload}, {expires} = excluded.{expires}"
        )
        self._remove = self._sql("DELETE FROM {table} WHERE {id} = :sid")
        self._destroy = self._sql("DELETE FROM {table} WHERE {living}")
        self._touch = self._sql(
            "UPDATE {table} SET {expires} = CASE WHEN {expires} BETWEEN {then} - :slack AND {then} "
            "THEN {expires} ELSE {then} END WHERE {living}"
        )
        self._get_and_touch = self._sql(
            "UPDATE {table} SET {expires} = CASE WHEN {expires} < {then} - :slack "
            "THEN {then} ELSE {expires} END WHERE {living} RETURNING {payload}",
            returns=True,
        )
        self._overwrite = self._sql(
            "UPDATE {table} SET {payload} = :payload, {expires} = {then} WHERE {living}"
        )
        self._exchange = self._sql(
            "UPDATE {table} SET {payload} = :payload, {expires} = {then} "
            "WHERE {living} AND CAST({payload} AS BLOB) = :expected"
        )
        self._remove_expected = self._sql(
            "DELETE FROM {table} WHERE {living} AND CAST({payload} AS BLOB) = :expected"
        )

    def _compile_listings(self) -> None:
        living, after = "FROM {table} WHERE {expires} > {now}", " AND {id} > :last"
        ids, records = f" ORDER BY {{id}} LIMIT {IDS_BATCH}", f" ORDER BY {{id}} LIMIT {ALL_BATCH}"
        some = f"DELETE FROM {{table}} WHERE {{id}} IN (SELECT {{id}} FROM {{table}} %s LIMIT {IDS_BATCH})"
        self.listings: Listings = Listings(
            ids=(
                self._sql("SELECT {id} " + living + ids, returns=True),
                self._sql("SELECT {id} " + living + after + ids, returns=True),
            ),
            records=(
                self._sql("SELECT {id}, {payload} " + living + records, returns=True),
                self._sql("SELECT {id}, {payload} " + living + after + records, returns=True),
            ),
            length=self._sql("SELECT count(*) " + living, returns=True),
            clear=self._sql(some % ""),
            prune=self._sql(some % "WHERE {expires} <= {now}"),
        )

    def get(self, execute: Execute, sid: str) -> bytes | None:
        check_id(sid)
        return payload_of(execute(self._get, {"sid": sid}).rows)

    def set(self, execute: Execute, sid: str, payload: bytes, ttl: float) -> None:
        check_id(sid)
        if ttl > 0:
            execute(self._set, {"sid": sid, "payload": _blob(payload), "ttl": _lasting(ttl)})
        else:
            execute(self._remove, {"sid": sid})

    def destroy(self, execute: Execute, sid: str) -> bool:
        check_id(sid)
        return execute(self._destroy, {"sid": sid}).changed > 0

    def touch(self, execute: Execute, sid: str, ttl: float, slack: float) -> bool:
        check_id(sid)
        return execute(self._touch, {"sid": sid, "ttl": _lasting(ttl), "slack": float(slack)}).changed > 0

    def get_and_touch(self, execute: Execute, sid: str, ttl: float, slack: float) -> bytes | None:
        check_id(sid)
        values = {"sid": sid, "ttl": _lasting(ttl), "slack": float(slack)}
        return payload_of(execute(self._get_and_touch, values).rows)

    def replace(
        self, execute: Execute, sid: str, payload: bytes, ttl: float, expected: bytes | None
    ) -> Replaced:
        check_id(sid)
        values: dict[str, object] = {"sid": sid, "payload": _blob(payload), "ttl": _lasting(ttl)}
        if expected is None:
            statement = self._overwrite if ttl > 0 else self._destroy
            return Replaced(written=execute(statement, values).changed > 0)
        values["expected"] = _blob(expected)
        statement = self._exchange if ttl > 0 else self._remove_expected
        return exchanged(execute, statement, self._get, values, expected)


def _blob(payload: bytes) -> bytes:
    return payload if isinstance(payload, bytes) else bytes(memoryview(payload))


def _lasting(ttl: float) -> float:
    """Return a lifetime that is over no sooner than ``ttl``, and at once if that is zero or less."""
    return ttl + TICK if ttl > 0 else ttl - TICK
