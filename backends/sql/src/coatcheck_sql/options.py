"""The options of both stores, checked at construction."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Dialect, MetaData

from coatcheck.errors import ConfigurationError
from coatcheck_sql.layout import Layout
from coatcheck_sql.postgresql import PostgresLayout
from coatcheck_sql.tables import kind_of, session_table

__all__ = ["POOL_SIZE", "PRUNE_INTERVAL", "TIMEOUT", "Options"]

TIMEOUT = 1.0
POOL_SIZE = 10
PRUNE_INTERVAL = 900.0
"""What connect-pg-simple and express-mysql-session do: a quarter of an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a store is told beside its URL; raises :class:`ConfigurationError` for what cannot be."""

    table: str | None
    schema: str | None
    columns: Mapping[str, str] | str | None
    create: bool
    metadata: MetaData | None
    timeout: float
    pool_size: int
    time_zone: str | None
    prune_interval: float | None

    def __post_init__(self) -> None:
        _check_number("timeout", self.timeout)
        _check_number("pool_size", self.pool_size)
        if not isinstance(self.pool_size, int):
            raise TypeError("'pool_size' must be an int")
        if self.prune_interval is not None:
            _check_number("prune_interval", self.prune_interval)
        if not isinstance(self.create, bool):
            raise TypeError("'create' must be a bool")
        if self.time_zone is not None and (not isinstance(self.time_zone, str) or not self.time_zone):
            raise ConfigurationError("'time_zone' must be the name of a zone, such as 'America/New_York'")
        if self.metadata is not None and not isinstance(self.metadata, MetaData):
            raise TypeError(
                f"'metadata' must be a MetaData of SQLAlchemy, not {type(self.metadata).__name__}"
            )

    def layout(self, dialect: Dialect) -> Layout:
        """Describe the table in ``metadata`` and return the layout over it."""
        kind = kind_of(dialect.name)
        metadata = self.metadata if self.metadata is not None else MetaData()
        table = session_table(
            metadata, dialect.name, table=self.table, schema=self.schema, columns=self.columns
        )
        columns = kind.layout.defaults.renamed(self.columns)
        if kind.layout is PostgresLayout:
            return PostgresLayout(dialect, table, columns, create=self.create, time_zone=self.time_zone)
        if self.time_zone is not None:
            raise ConfigurationError("'time_zone' is for PostgreSQL: the other tables keep no local time")
        return kind.layout(dialect, table, columns, create=self.create)


def _check_number(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name!r} must be a number, not {type(value).__name__}")
    if not 0 < value < float("inf"):
        raise ConfigurationError(f"{name!r} must be a number above zero, not {value}")
