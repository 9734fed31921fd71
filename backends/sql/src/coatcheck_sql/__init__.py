"""Coatcheck's sessions in PostgreSQL, MySQL, MariaDB or SQLite, for blocking and async code."""

from coatcheck_sql.opening import open, open_async  # noqa: A004 (the registry calls it so)
from coatcheck_sql.store import AsyncSQLStore, SQLStore
from coatcheck_sql.tables import create_table, session_table

__all__ = ["AsyncSQLStore", "SQLStore", "create_table", "open", "open_async", "session_table"]
