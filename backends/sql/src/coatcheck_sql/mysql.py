"""MySQL and MariaDB: the table of express-mysql-session, and the statements over it.

Its expiry is in whole seconds since 1970, in a column that ends in 2106. The
server's clock is UNIX_TIMESTAMP(), which no time zone touches.
"""

# ruff: noqa: S608 (names are quoted, values are parameters)

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from sqlalchemy import Column, Dialect, Index, MetaData, Table
from sqlalchemy.dialects.mysql import INTEGER, MEDIUMTEXT, VARCHAR

from coatcheck.errors import StoreError
from coatcheck.store import Replaced, Supports
from coatcheck_sql.faults import Faults
from coatcheck_sql.layout import EVERYTHING, Layout
from coatcheck_sql.naming import Columns, index_name
from coatcheck_sql.statements import (
    ALL_BATCH,
    IDS_BATCH,
    Execute,
    Listings,
    Statement,
    as_text,
    check_id,
    exchanged,
    payload_of,
)

__all__ = ["DEFAULTS", "TABLE", "MysqlLayout", "table"]

DEFAULTS = Columns(id="session_id", payload="data", expires="expires")
TABLE = "sessions"

COLLATION = "utf8mb4_bin"
ID_LENGTH = 128
LAST_SECOND = 2**32 - 1
OVERHEAD = 4096
"""What a statement is longer than the payloads in it, generously."""

TEXT = {"tinytext", "text", "mediumtext", "longtext", "varchar", "blob", "mediumblob", "longblob"}


def _number(error: BaseException) -> int | None:
    first = error.args[0] if error.args else None
    return first if isinstance(first, int) and first else None


FAULTS = Faults(
    server="MySQL",
    code=_number,
    unavailable=frozenset(
        {
            *range(2000, 2100),  # the client's own: cannot connect, gone away, lost, timed out
            *(1040, 1203, 1226, 1129, 1152, 1158, 1159, 1160, 1161, 1184),  # connections: too many, aborted
            *(1021, 1114, 1041, 1037, 1038),  # disk, table or memory full
            *(1053, 1077, 1079, 1927, 4031),  # shutting down, connection killed or idle for too long
            *(1290, 1836, 1792, 1047),  # read-only, or no member of its cluster
            *(1205, 1317, 1969, 3024),  # waited too long for a lock, interrupted, statement timed out
        }
    ),
    invalid=frozenset({1366, 1406, 3140, 4025, 1300, 1267, 3854}),
    too_large=frozenset({1153, 1301}),
    undone=frozenset({1213}),
    existing=frozenset({1050, 1061}),
    advice={
        1044: "check the user's rights on the database",
        1045: "check user and password",
        1049: "create the database",
        1142: "grant the user what it needs on the table, or CREATE to make it",
    },
)


def table(metadata: MetaData, name: str, schema: str | None, columns: Columns) -> Table:
    """Describe the table as express-mysql-session makes it, and an index, which that lacks."""
    return Table(
        name,
        metadata,
        Column(columns.id, VARCHAR(ID_LENGTH, collation=COLLATION), primary_key=True),
        Column(columns.expires, INTEGER(display_width=11, unsigned=True), nullable=False),
        Column(columns.payload, MEDIUMTEXT(collation=COLLATION)),
        Index(index_name(name, columns.expires), columns.expires),
        schema=schema,
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


class MysqlLayout(Layout):
    """Sessions in MySQL or MariaDB, shared with express-mysql-session."""

    defaults = DEFAULTS
    default_table = TABLE
    supports: ClassVar[Supports] = replace(EVERYTHING, get_and_touch=False, resolution=1.0)
    faults = FAULTS
    begin = ""

    def __init__(self, dialect: Dialect, table: Table, columns: Columns, *, create: bool) -> None:
        super().__init__(dialect, table, columns, create=create)
        self._schema = table.schema
        self._name = table.name
        self._id_length = ID_LENGTH
        self._largest = 0
        self._largest_packet = 0
        self._inspect = self.statement(
            """
            SELECT column_name, data_type, character_maximum_length, character_octet_length, collation_name,
                   @@max_allowed_packet
            FROM information_schema.columns
            WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :table
            """,
            returns=True,
        )
        self._compile_operations()
        self._compile_listings()

    def inspect(self, execute: Execute) -> Mapping[str, Sequence[Any]]:
        rows = execute(self._inspect, {"schema": self._schema, "table": self._name}).rows
        if rows:
            self._largest_packet = int(rows[0][5])
        return {row[0]: row[1:] for row in rows}

    def check(self, found: Mapping[str, Sequence[Any]]) -> None:
        columns, names = self._columns, self.names
        alter = f"ALTER TABLE {names['table']} MODIFY"
        _, length, _, collation, _ = found[columns.id]
        if collation is None or not str(collation).endswith("_bin"):
            raise StoreError(
                f"the column {names['id']} of {names['table']} does not tell all ids apart: "
                f"{alter} {names['id']} varchar({ID_LENGTH}) COLLATE {COLLATION} NOT NULL"
            )
        kind, _, octets, collation, _ = found[columns.payload]
        if kind not in TEXT or not str(collation or COLLATION).startswith("utf8mb4"):
            raise StoreError(
                f"the column {names['payload']} of {names['table']} does not keep every payload as it was "
                f"written: {alter} {names['payload']} mediumtext COLLATE {COLLATION}"
            )
        self._id_length, self._largest = int(length), int(octets)

    def _sql(self, sql: str, *, returns: bool = False) -> Statement:
        # An end is rounded up, so that the first moment is needed with its fraction.
        until = (
            f"LEAST({LAST_SECOND}, "
            "CEILING(UNIX_TIMESTAMP() + MICROSECOND(UTC_TIMESTAMP(6)) / 1000000 + :ttl))"
        )
        living = "{id} = :sid AND {expires} > UNIX_TIMESTAMP()".format_map(self.names)
        return self.statement(sql, returns=returns, living=living, until=until)

    def _compile_operations(self) -> None:
        # Both sides as bytes: letters that a collation takes for equal are different payloads.
        same = "{living} AND CAST({payload} AS BINARY) = CAST(:expected AS BINARY)"
        self._get = self._sql("SELECT {payload} FROM {table} WHERE {living}", returns=True)
        self._set = self._sql(
            "INSERT INTO {table} ({id}, {expires}, {payload}) VALUES (:sid, {until}, :payload) "
            "ON DUPLICATE KEY UPDATE {expires} = VALUES({expires}), {payload} = VALUES({payload})"
        )
        self._remove = self._sql("DELETE FROM {table} WHERE {id} = :sid")
        self._destroy = self._sql("DELETE FROM {table} WHERE {living}")
        self._touch = self._sql(
            "UPDATE {table} SET {expires} = IF({expires} BETWEEN {until} - :slack AND {until}, "
            "{expires}, {until}) WHERE {living}"
        )
        self._end = self._sql("UPDATE {table} SET {expires} = 0 WHERE {living}")
        changes = "UPDATE {table} SET {payload} = :payload, {expires} = {until} WHERE "
        self._overwrite = self._sql(changes + "{living}")
        self._exchange = self._sql(changes + same)
        self._remove_expected = self._sql("DELETE FROM {table} WHERE " + same)

    def _compile_listings(self) -> None:
        living, after = "FROM {table} WHERE {expires} > UNIX_TIMESTAMP()", " AND {id} > :last"
        ids, records = f" ORDER BY {{id}} LIMIT {IDS_BATCH}", f" ORDER BY {{id}} LIMIT {ALL_BATCH}"
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
            clear=self._sql(f"DELETE FROM {{table}} LIMIT {IDS_BATCH}"),
            prune=self._sql(
                "DELETE FROM {table} WHERE {expires} <= UNIX_TIMESTAMP() "
                f"ORDER BY {{expires}} LIMIT {IDS_BATCH}"
            ),
        )

    def _values(self, sid: str, **values: object) -> dict[str, object]:
        check_id(sid, longest=self._id_length)
        if sid.endswith(" "):
            raise ValueError("MySQL does not tell an id with a space at its end from one without")
        return {"sid": sid, **values}

    def _text(self, payload: bytes, others: bytes = b"") -> str:
        """Return the payload as text; raise :class:`StoreError` where column or packet are too small."""
        text = as_text(payload)
        if len(payload) > self._largest:
            raise StoreError(
                f"a payload of {len(payload)} bytes is too large: the column takes {self._largest}"
            )
        if 2 * (len(payload) + len(others)) + OVERHEAD > self._largest_packet:
            size = _quoted(payload) + _quoted(others) + OVERHEAD
            if size > self._largest_packet:
                raise StoreError(
                    f"a payload of {len(payload)} bytes is too large: the statement has {size} bytes, and "
                    f"the server's max_allowed_packet is {self._largest_packet}"
                )
        return text

    def get(self, execute: Execute, sid: str) -> bytes | None:
        return payload_of(execute(self._get, self._values(sid)).rows)

    def set(self, execute: Execute, sid: str, payload: bytes, ttl: float) -> None:
        values = self._values(sid, payload=self._text(payload), ttl=_whole(ttl))
        execute(self._set if ttl > 0 else self._remove, values)

    def destroy(self, execute: Execute, sid: str) -> bool:
        return execute(self._destroy, self._values(sid)).changed > 0

    def touch(self, execute: Execute, sid: str, ttl: float, slack: float) -> bool:
        values = self._values(sid, ttl=_whole(ttl), slack=_whole(slack))
        return execute(self._touch if ttl > 0 else self._end, values).changed > 0

    def get_and_touch(self, execute: Execute, sid: str, ttl: float, slack: float) -> bytes | None:
        raise NotImplementedError("MySQL cannot update a row and return it in one statement")

    def replace(
        self, execute: Execute, sid: str, payload: bytes, ttl: float, expected: bytes | None
    ) -> Replaced:
        values = self._values(sid, payload=self._text(payload, expected or b""), ttl=_whole(ttl))
        if expected is None:
            statement = self._overwrite if ttl > 0 else self._destroy
            return Replaced(written=execute(statement, values).changed > 0)
        values["expected"] = as_text(expected)
        statement = self._exchange if ttl > 0 else self._remove_expected
        return exchanged(execute, statement, self._get, values, expected)


def _whole(seconds: float) -> float:
    # Beyond the column's end all lifetimes are equal, and the server's arithmetic stays exact.
    return max(0.0, min(float(seconds), float(LAST_SECOND)))


def _quoted(payload: bytes) -> int:
    """Return how many bytes a payload takes in a statement: drivers escape these characters."""
    return len(payload) + sum(
        payload.count(letter) for letter in (b'"', b"\\", b"'", b"\n", b"\r", b"\0", b"\x1a")
    )
