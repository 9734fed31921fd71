"""PostgreSQL: the table of connect-pg-simple, and the statements over it.

The column of the expiry has no time zone: connect-pg-simple stores what
``to_timestamp()`` becomes in the zone of its connection. Here the zone is named
in every statement, so that a connection's own setting changes nothing. The
column is always read the way Node reads it, as local time of the zone made into
an instant, which also decides the hour that a clock put back has twice.
"""

# ruff: noqa: S608 (names are quoted, values are parameters)

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Dialect, Index, MetaData, Table
from sqlalchemy.dialects.postgresql import JSON, TIMESTAMP, VARCHAR

from coatcheck.errors import StoreError
from coatcheck.store import Replaced
from coatcheck_sql.faults import Faults
from coatcheck_sql.layout import Layout
from coatcheck_sql.naming import Columns, index_name
from coatcheck_sql.statements import (
    ALL_BATCH,
    FOREVER,
    IDS_BATCH,
    Execute,
    Listings,
    Statement,
    as_bytes,
    as_text,
    check_id,
    payload_of,
)

__all__ = ["DEFAULTS", "TABLE", "PostgresLayout", "table"]

DEFAULTS = Columns(id="sid", payload="sess", expires="expire")
TABLE = "session"

TEXT = {"text", "character varying"}
LOCAL, ZONED = "timestamp without time zone", "timestamp with time zone"

FAULTS = Faults(
    server="PostgreSQL",
    code=lambda error: getattr(error, "sqlstate", None),
    # Connection, resources, intervention (also a start, a stop, a cancelled statement), the system's own.
    unavailable_classes=("08", "53", "57", "58"),
    # A read-only transaction or server, a lock that was not to be had in time.
    unavailable=frozenset({"25006", "55P03"}),
    # Not JSON, a character that the encoding lacks, longer than the column.
    invalid=frozenset({"22P02", "22021", "22P05", "22001"}),
    too_large=frozenset({"54000", "54001"}),
    undone=frozenset({"40001", "40P01"}),
    # unique_violation is what PostgreSQL says of two that make one table at the same time.
    existing=frozenset({"42P07", "42710", "23505", "42P06"}),
    advice={
        "42501": "grant the user what it needs on the table, or on the schema to create it",
        "3F000": "create the schema",
        "22023": "check the option 'time_zone'",
        "28P01": "check user and password",
        "28000": "check user and password, and pg_hba.conf",
        "3D000": "create the database",
    },
)


def table(metadata: MetaData, name: str, schema: str | None, columns: Columns) -> Table:
    """Describe the table as connect-pg-simple makes it."""
    return Table(
        name,
        metadata,
        Column(columns.id, VARCHAR(collation="default"), primary_key=True),
        Column(columns.payload, JSON, nullable=False),
        Column(columns.expires, TIMESTAMP(precision=6), nullable=False),
        Index(index_name(name, columns.expires), columns.expires),
        schema=schema,
    )


class PostgresLayout(Layout):
    """Sessions in PostgreSQL, shared with connect-pg-simple."""

    defaults = DEFAULTS
    default_table = TABLE
    faults = FAULTS

    def __init__(
        self, dialect: Dialect, table: Table, columns: Columns, *, create: bool, time_zone: str | None = None
    ) -> None:
        super().__init__(dialect, table, columns, create=create)
        self._zone = time_zone
        self._inspect = self.statement(
            """
            SELECT attname, format_type(atttypid, NULL),
                   (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'TimeZone'),
                   CASE WHEN CAST(:zone AS text) IS NOT NULL THEN now() AT TIME ZONE CAST(:zone AS text) END
            FROM pg_catalog.pg_attribute
            WHERE attrelid = to_regclass(CAST(:table AS text)) AND attnum > 0 AND NOT attisdropped
            """,
            returns=True,
        )
        self._compile(LOCAL, "json")

    def inspect(self, execute: Execute) -> Mapping[str, Sequence[Any]]:
        rows = execute(self._inspect, {"table": self.names["table"], "zone": self._zone}).rows
        if rows and self._zone is None:
            # What RESET would set: the server's own zone, not what the connection was set to.
            self._zone = str(rows[0][2])
        self.constants: Mapping[str, object] = {"zone": self._zone}
        return {row[0]: row[1:] for row in rows}

    def check(self, found: Mapping[str, Sequence[Any]]) -> None:
        columns, names = self._columns, self.names
        payload, expires = found[columns.payload][0], found[columns.expires][0]
        alter = f"ALTER TABLE {names['table']} ALTER COLUMN"
        if payload not in {"json", *TEXT}:
            raise StoreError(
                f"the column {names['payload']} of {names['table']} is {payload}, which does not keep a "
                f"payload as it was written: {alter} {names['payload']} TYPE json "
                f"USING {names['payload']}::text::json"
            )
        if found[columns.id][0] not in TEXT:
            raise StoreError(
                f"the column {names['id']} of {names['table']} is {found[columns.id][0]}, which does not "
                f"tell all ids apart: {alter} {names['id']} TYPE varchar"
            )
        if expires not in {LOCAL, ZONED}:
            raise StoreError(
                f"the column {names['expires']} of {names['table']} is {expires}, no timestamp: "
                f"{alter} {names['expires']} TYPE timestamp(6)"
            )
        self._compile(expires, payload)

    def _compile(self, expires: str, payload: str) -> None:
        """Write the statements for the types of the columns."""
        # In an index's condition the column stands alone; elsewhere it is an instant, see above.
        local = "AT TIME ZONE CAST(:zone AS text)" if expires == LOCAL else ""
        self._parts = {
            "ends": f"(s.{self.names['expires']} {local})",
            "local": local,
            "value": f"CAST(CAST(:payload AS text) AS {payload})",
            "text": f"CAST(s.{self.names['payload']} AS text)",
            "until": "(clock_timestamp() + CAST(:ttl AS double precision) * interval '1 second')",
            # One moment for the whole statement where the end is both compared and set.
            "then": "(now() + CAST(:ttl AS double precision) * interval '1 second')",
            "slack": "CAST(:slack AS double precision) * interval '1 second'",
        }
        self._compile_operations()
        self._compile_replace()
        self._compile_listings()

    def _sql(self, sql: str, *, returns: bool = False) -> Statement:
        return self.statement(sql, returns=returns, **self._parts)

    def _compile_operations(self) -> None:
        self._get = self._sql(
            "SELECT {text} FROM {table} AS s WHERE s.{id} = :sid AND {ends} > now()", returns=True
        )
        self._set = self._sql(
            "INSERT INTO {table} AS s ({id}, {payload}, {expires}) VALUES (:sid, {value}, {until} {local}) "
            "ON CONFLICT ({id}) DO UPDATE SET {payload} = excluded.{payload}, {expires} = excluded.{expires}"
        )
        self._remove = self._sql("DELETE FROM {table} AS s WHERE s.{id} = :sid")
        self._destroy = self._sql(
            "DELETE FROM {table} AS s WHERE s.{id} = :sid AND {ends} > clock_timestamp()"
        )
        self._touch = self._sql(
            """
            WITH moved AS (
                UPDATE {table} AS s SET {expires} = {then} {local}
                WHERE s.{id} = :sid AND {ends} > clock_timestamp()
                  AND {ends} NOT BETWEEN {then} - {slack} AND {then}
                RETURNING 1
            )
            SELECT EXISTS (SELECT 1 FROM moved)
                OR EXISTS (SELECT 1 FROM {table} AS s WHERE s.{id} = :sid AND {ends} > clock_timestamp())
            """,
            returns=True,
        )
        self._get_and_touch = self._sql(
            """
            WITH moved AS (
                UPDATE {table} AS s SET {expires} = {then} {local}
                WHERE s.{id} = :sid AND {ends} > clock_timestamp() AND {ends} < {then} - {slack}
                RETURNING {text} AS payload
            )
            SELECT payload FROM moved
            UNION ALL
            SELECT {text} FROM {table} AS s
            WHERE s.{id} = :sid AND {ends} > clock_timestamp() AND NOT EXISTS (SELECT 1 FROM moved)
            """,
            returns=True,
        )

    def _compile_replace(self) -> None:
        changes = "UPDATE {table} AS s SET {payload} = {value}, {expires} = {until} {local}"
        self._overwrite = self._sql(changes + " WHERE s.{id} = :sid AND {ends} > clock_timestamp()")
        # The row is locked before it is compared: a statement that compares and reads in its own
        # snapshot refuses with what the row held before, which may be the caller's own "expected".
        locked = """
            WITH found AS (
                SELECT s.{id} AS id, {text} AS payload FROM {table} AS s
                WHERE s.{id} = :sid AND {ends} > clock_timestamp() FOR UPDATE
            ), changed AS ("""
        outcome = """
                WHERE s.{id} = found.id AND found.payload = CAST(:expected AS text) RETURNING 1
            )
            SELECT EXISTS (SELECT 1 FROM changed),
                   CASE WHEN found.payload <> CAST(:expected AS text) THEN found.payload END
            FROM found
            """
        self._exchange = self._sql(locked + changes + " FROM found" + outcome, returns=True)
        self._remove_expected = self._sql(
            locked + "DELETE FROM {table} AS s USING found" + outcome, returns=True
        )

    def _compile_listings(self) -> None:
        living = "FROM {table} AS s WHERE {ends} > now()"
        after = " AND s.{id} > :last"
        ids, records = f" ORDER BY s.{{id}} LIMIT {IDS_BATCH}", f" ORDER BY s.{{id}} LIMIT {ALL_BATCH}"
        some = "DELETE FROM {table} AS s WHERE s.ctid = ANY (ARRAY(SELECT s.ctid FROM {table} AS s "
        limit = f"LIMIT {IDS_BATCH} FOR UPDATE"
        # The first condition is the index's, the second the exact one. What others have locked is
        # being renewed, or removed by them.
        expired = "WHERE s.{expires} <= now() {local} AND {ends} <= now() ORDER BY s.{expires} "
        self.listings: Listings = Listings(
            ids=(
                self._sql("SELECT s.{id} " + living + ids, returns=True),
                self._sql("SELECT s.{id} " + living + after + ids, returns=True),
            ),
            records=(
                self._sql("SELECT s.{id}, {text} " + living + records, returns=True),
                self._sql("SELECT s.{id}, {text} " + living + after + records, returns=True),
            ),
            length=self._sql("SELECT count(*) " + living, returns=True),
            clear=self._sql(some + limit + "))"),
            prune=self._sql(some + expired + limit + " SKIP LOCKED))"),
        )

    def _values(self, sid: str, **values: object) -> dict[str, object]:
        check_id(sid)
        if "\0" in sid:
            raise ValueError("PostgreSQL cannot store an id with a NUL character")
        return {**self.constants, "sid": sid, **values}

    def get(self, execute: Execute, sid: str) -> bytes | None:
        return payload_of(execute(self._get, self._values(sid)).rows)

    def set(self, execute: Execute, sid: str, payload: bytes, ttl: float) -> None:
        text = as_text(payload)
        if ttl > 0:
            execute(self._set, self._values(sid, payload=text, ttl=_seconds(ttl)))
        else:
            execute(self._remove, self._values(sid))

    def destroy(self, execute: Execute, sid: str) -> bool:
        return execute(self._destroy, self._values(sid)).changed > 0

    def touch(self, execute: Execute, sid: str, ttl: float, slack: float) -> bool:
        values = self._values(sid, ttl=_seconds(ttl), slack=_seconds(slack))
        return bool(execute(self._touch, values).rows[0][0])

    def get_and_touch(self, execute: Execute, sid: str, ttl: float, slack: float) -> bytes | None:
        values = self._values(sid, ttl=_seconds(ttl), slack=_seconds(slack))
        return payload_of(execute(self._get_and_touch, values).rows)

    def replace(
        self, execute: Execute, sid: str, payload: bytes, ttl: float, expected: bytes | None
    ) -> Replaced:
        values = self._values(sid, payload=as_text(payload), ttl=_seconds(ttl))
        if expected is None:
            statement = self._overwrite if ttl > 0 else self._destroy
            return Replaced(written=execute(statement, values).changed > 0)
        values["expected"] = as_text(expected)
        rows = execute(self._exchange if ttl > 0 else self._remove_expected, values).rows
        if not rows:
            return Replaced(written=False)
        written, current = rows[0]
        return Replaced(written=True) if written else Replaced(written=False, current=as_bytes(current))


def _seconds(seconds: float) -> float:
    return float(max(-FOREVER, min(seconds, FOREVER)))
