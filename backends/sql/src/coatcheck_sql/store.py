"""The SQL stores: blocking and async twins over one layout."""

import weakref
from collections.abc import AsyncIterator, Iterator, Mapping

from sqlalchemy import URL, Engine, MetaData
from sqlalchemy.ext.asyncio import AsyncEngine

from coatcheck.store import AsyncStore, Replaced, Store, Supports
from coatcheck_sql.asynchronous import AsyncCommands
from coatcheck_sql.blocking import Commands
from coatcheck_sql.engines import source_of
from coatcheck_sql.layout import EVERYTHING
from coatcheck_sql.options import POOL_SIZE, PRUNE_INTERVAL, TIMEOUT, Options
from coatcheck_sql.pruning import AsyncPruner, Pruner
from coatcheck_sql.statements import ALL_BATCH, IDS_BATCH

__all__ = ["AsyncSQLStore", "SQLStore"]


class SQLStore(Store):
    """Keep sessions in PostgreSQL, MySQL, MariaDB or SQLite, for blocking code.

    Takes a URL of SQLAlchemy, or an ``Engine``, which is never disposed of and whose
    settings stay as they are. ``table``, ``schema`` and ``columns`` (``id``,
    ``payload``, ``expires``) say what things are called; with ``create`` the table is
    made at the first use where it is missing. With ``metadata`` it is described
    there. ``timeout`` is the time for one call in seconds, ``pool_size`` the number
    of connections of a store that is given a URL, ``time_zone`` the zone in which
    PostgreSQL's column is written, ``prune_interval`` after how many seconds, 50 to
    150 %, expired records are removed; None leaves that to you.

    Raises :class:`ConfigurationError` for what cannot be, or for a driver that is not installed.
    """

    supports: Supports = EVERYTHING

    def __init__(
        self,
        database: str | URL | Engine,
        /,
        *,
        table: str | None = None,
        schema: str | None = None,
        columns: Mapping[str, str] | str | None = None,
        create: bool = True,
        metadata: MetaData | None = None,
        timeout: float = TIMEOUT,
        pool_size: int = POOL_SIZE,
        time_zone: str | None = None,
        prune_interval: float | None = PRUNE_INTERVAL,
    ) -> None:
        options = Options(
            table=table,
            schema=schema,
            columns=columns,
            create=create,
            metadata=metadata,
            timeout=timeout,
            pool_size=pool_size,
            time_zone=time_zone,
            prune_interval=prune_interval,
        )
        source, dialect = source_of(database, asynchronous=False)
        self._layout = options.layout(dialect)
        self._commands = Commands(source, self._layout, timeout=timeout, pool_size=pool_size)
        weakref.finalize(self, self._commands.close)
        self._pruner = Pruner(self, prune_interval)
        self.supports = self._layout.supports

    def get(self, sid: str, /) -> bytes | None:
        self._pruner.start()
        return self._commands.repeatable(self._layout.get, sid)

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self._pruner.start()
        self._commands.once(self._layout.set, sid, payload, ttl)

    def destroy(self, sid: str, /) -> bool:
        return self._commands.once(self._layout.destroy, sid)

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return self._commands.repeatable(self._layout.touch, sid, ttl, slack)

    def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        self._pruner.start()
        return self._commands.repeatable(self._layout.get_and_touch, sid, ttl, slack)

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        return self._commands.once(self._layout.replace, sid, payload, ttl, expected)

    def ids(self) -> Iterator[str]:
        last: str | None = None
        while True:
            batch = self._commands.repeatable(self._layout.ids_after, last)
            for sid in batch:  # noqa: UP028 (the async twin cannot delegate)
                yield sid
            if len(batch) < IDS_BATCH:
                return
            last = batch[-1]

    def all(self) -> Iterator[tuple[str, bytes]]:
        last: str | None = None
        while True:
            batch = self._commands.repeatable(self._layout.records_after, last)
            for record in batch:  # noqa: UP028 (as above)
                yield record
            if len(batch) < ALL_BATCH:
                return
            last = batch[-1][0]

    def length(self) -> int:
        return self._commands.repeatable(self._layout.length)

    def clear(self) -> None:
        while self._commands.once(self._layout.clear_some) == IDS_BATCH:
            pass

    def prune(self) -> int:
        removed = 0
        while (batch := self._commands.once(self._layout.prune_some)) == IDS_BATCH:
            removed += batch
        return removed + batch

    def ping(self) -> None:
        self._commands.repeatable(self._layout.ping)

    def close(self) -> None:
        self._pruner.stop()
        self._commands.close()

    def __repr__(self) -> str:
        return _shown(self, self._layout.names["table"], self._commands.closed)


class AsyncSQLStore(AsyncStore):
    """Keep sessions in PostgreSQL, MySQL, MariaDB or SQLite, for async code: see :class:`SQLStore`.

    Takes a URL, or an ``AsyncEngine``, which stays on the loop of its first use.
    """

    supports: Supports = EVERYTHING

    def __init__(
        self,
        database: str | URL | AsyncEngine,
        /,
        *,
        table: str | None = None,
        schema: str | None = None,
        columns: Mapping[str, str] | str | None = None,
        create: bool = True,
        metadata: MetaData | None = None,
        timeout: float = TIMEOUT,
        pool_size: int = POOL_SIZE,
        time_zone: str | None = None,
        prune_interval: float | None = PRUNE_INTERVAL,
    ) -> None:
        options = Options(
            table=table,
            schema=schema,
            columns=columns,
            create=create,
            metadata=metadata,
            timeout=timeout,
            pool_size=pool_size,
            time_zone=time_zone,
            prune_interval=prune_interval,
        )
        source, dialect = source_of(database, asynchronous=True)
        self._layout = options.layout(dialect)
        self._commands = AsyncCommands(source, self._layout, timeout=timeout, pool_size=pool_size)
        weakref.finalize(self, self._commands.drop)
        self._pruner = AsyncPruner(self, prune_interval)
        self.supports = self._layout.supports

    async def get(self, sid: str, /) -> bytes | None:
        self._pruner.start()
        return await self._commands.repeatable(self._layout.get, sid)

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self._pruner.start()
        await self._commands.once(self._layout.set, sid, payload, ttl)

    async def destroy(self, sid: str, /) -> bool:
        return await self._commands.once(self._layout.destroy, sid)

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return await self._commands.repeatable(self._layout.touch, sid, ttl, slack)

    async def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        self._pruner.start()
        return await self._commands.repeatable(self._layout.get_and_touch, sid, ttl, slack)

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        return await self._commands.once(self._layout.replace, sid, payload, ttl, expected)

    async def ids(self) -> AsyncIterator[str]:
        last: str | None = None
        while True:
            batch = await self._commands.repeatable(self._layout.ids_after, last)
            for sid in batch:
                yield sid
            if len(batch) < IDS_BATCH:
                return
            last = batch[-1]

    async def all(self) -> AsyncIterator[tuple[str, bytes]]:
        last: str | None = None
        while True:
            batch = await self._commands.repeatable(self._layout.records_after, last)
            for record in batch:
                yield record
            if len(batch) < ALL_BATCH:
                return
            last = batch[-1][0]

    async def length(self) -> int:
        return await self._commands.repeatable(self._layout.length)

    async def clear(self) -> None:
        while await self._commands.once(self._layout.clear_some) == IDS_BATCH:
            pass

    async def prune(self) -> int:
        removed = 0
        while (batch := await self._commands.once(self._layout.prune_some)) == IDS_BATCH:
            removed += batch
        return removed + batch

    async def ping(self) -> None:
        await self._commands.repeatable(self._layout.ping)

    async def aclose(self) -> None:
        await self._pruner.stop()
        await self._commands.close()

    def __repr__(self) -> str:
        return _shown(self, self._layout.names["table"], self._commands.closed)


def _shown(store: object, table: str, closed: bool) -> str:
    return f"<{type(store).__name__} {'closed' if closed else f'table={table}'}>"
