"""The tables, as SQLAlchemy describes them: for stores, and for an application's migrations."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, Engine, MetaData, Table

from coatcheck.errors import ConfigurationError
from coatcheck_sql import mysql, postgresql, sqlite
from coatcheck_sql.layout import Layout
from coatcheck_sql.naming import Columns

__all__ = ["Kind", "create_table", "kind_of", "session_table"]


class Kind(NamedTuple):
    """A kind of server: its layout, and how its table is described."""

    layout: type[Layout]
    table: Callable[[MetaData, str, str | None, Columns], Table]


KINDS = {
    "postgresql": Kind(postgresql.PostgresLayout, postgresql.table),
    "mysql": Kind(mysql.MysqlLayout, mysql.table),
    "mariadb": Kind(mysql.MysqlLayout, mysql.table),
    "sqlite": Kind(sqlite.SqliteLayout, sqlite.table),
}


def kind_of(dialect: str) -> Kind:
    """Return the kind of server; raise :class:`ConfigurationError` for one that has no layout."""
    try:
        return KINDS[dialect]
    except KeyError:
        raise ConfigurationError(
            f"there is no SQL store for {dialect!r}; known: {', '.join(KINDS)}"
        ) from None


def session_table(
    metadata: MetaData,
    dialect: str,
    *,
    table: str | None = None,
    schema: str | None = None,
    columns: Mapping[str, str] | str | None = None,
) -> Table:
    """Describe the table of a store in ``metadata``, where migration tools find it.

    ``dialect`` is ``postgresql``, ``mysql``, ``mariadb`` or ``sqlite``. A table that
    is described there already is returned as it is. Raises :class:`ConfigurationError`.
    """
    kind = kind_of(dialect)
    for option, value in (("table", table), ("schema", schema)):
        if value is not None and (not isinstance(value, str) or not value):
            raise ConfigurationError(f"{option!r} must be a str that is not empty")
    name = table or kind.layout.default_table
    known = metadata.tables.get(f"{schema or metadata.schema}.{name}" if schema or metadata.schema else name)
    if known is not None:
        return known
    return kind.table(metadata, name, schema, kind.layout.defaults.renamed(columns))


def create_table(
    bind: Engine | Connection,
    *,
    table: str | None = None,
    schema: str | None = None,
    columns: Mapping[str, str] | str | None = None,
) -> Table:
    """Create the table of a store and its index, unless the table is there; return its description.

    What a migration calls, with ``op.get_bind()`` in Alembic. From async code it is
    ``await connection.run_sync(create_table)``. SQLAlchemy's errors are not translated.
    """
    described = session_table(MetaData(), bind.dialect.name, table=table, schema=schema, columns=columns)
    described.create(bind, checkfirst=True)
    return described
