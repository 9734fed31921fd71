"""SQL stores by URL: sqlite, postgresql, mysql, mariadb."""

from collections.abc import Mapping

from coatcheck_sql.options import POOL_SIZE, PRUNE_INTERVAL, TIMEOUT
from coatcheck_sql.store import AsyncSQLStore, SQLStore

__all__ = ["open", "open_async"]


def open(  # noqa: A001 (the registry calls it so)
    url: str,
    *,
    table: str | None = None,
    schema: str | None = None,
    columns: Mapping[str, str] | str | None = None,
    create: bool = True,
    timeout: float = TIMEOUT,
    pool_size: int = POOL_SIZE,
    time_zone: str | None = None,
    prune_interval: float | None = PRUNE_INTERVAL,
) -> SQLStore:
    """Open a blocking store: see :class:`SQLStore`.

    In a URL columns are written ``columns=id:key,payload:value``.
    """
    return SQLStore(
        url,
        table=table,
        schema=schema,
        columns=columns,
        create=create,
        timeout=timeout,
        pool_size=pool_size,
        time_zone=time_zone,
        prune_interval=prune_interval,
    )


def open_async(
    url: str,
    *,
    table: str | None = None,
    schema: str | None = None,
    columns: Mapping[str, str] | str | None = None,
    create: bool = True,
    timeout: float = TIMEOUT,
    pool_size: int = POOL_SIZE,
    time_zone: str | None = None,
    prune_interval: float | None = PRUNE_INTERVAL,
) -> AsyncSQLStore:
    """Open an async store: see :func:`open`."""
    return AsyncSQLStore(
        url,
        table=table,
        schema=schema,
        columns=columns,
        create=create,
        timeout=timeout,
        pool_size=pool_size,
        time_zone=time_zone,
        prune_interval=prune_interval,
    )
