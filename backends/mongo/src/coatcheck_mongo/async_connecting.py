"""The way to the collection, for async code: a client belongs to the loop that it was first used on."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

import pymongo
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure, PyMongoError

from coatcheck.errors import ConfigurationError, StoreError
from coatcheck_mongo.connecting import INDEX_EXISTS, check_collation, is_ttl, log_without_ttl
from coatcheck_mongo.failures import is_outage, translated
from coatcheck_mongo.layout import INDEX
from coatcheck_mongo.settings import (
    Settings,
    acknowledged,
    client_options,
    collection_of,
    refused_url,
    wrong_target,
)

__all__ = ["AsyncLink"]

Records = AsyncCollection[Any]
T = TypeVar("T")
Target = str | AsyncMongoClient[Any] | AsyncCollection[Any]

_GRACE = 0.1
"""Seconds beyond the deadline after which a call is cancelled that the driver did not end: DNS, TLS."""


class AsyncLink:
    """Lend the collection for one call at a time, on each loop that of a client of its own."""

    def __init__(self, target: Target, settings: Settings) -> None:
        self._settings = settings
        self._closed = False
        self._prepared = not settings.prepare
        self._url = target if isinstance(target, str) else None
        first = self._open(target) if isinstance(target, str) else target
        # What the constructor has checked serves the first loop.
        self._waiting = [self._collection(first)]
        self._lent: dict[asyncio.AbstractEventLoop, Records] = {}
        self._closings: dict[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = {}
        self.name: str = self._waiting[0].full_name

    def _open(self, url: str) -> AsyncMongoClient[Any]:
        try:
            return AsyncMongoClient(url, **client_options(url, self._settings))
        except (PyMongoError, ValueError) as error:
            raise refused_url(url, error) from None

    def _collection(self, target: Target) -> Records:
        if self._url is None:
            self._settings.check_for_client()
        found: AsyncCollection[Any]
        if isinstance(target, AsyncMongoClient):
            found = collection_of(target, self._settings)
        elif isinstance(target, AsyncCollection):
            self._settings.check_for_collection()
            found = target
        else:
            raise wrong_target("AsyncMongoStore", target, "a pymongo AsyncMongoClient or AsyncCollection")
        return found.with_options(
            codec_options=self._settings.codec, write_concern=acknowledged(found.write_concern)
        )

    @asynccontextmanager
    async def calling(self, size: int = 0) -> AsyncGenerator[Records, None]:
        """Lend the collection until the deadline; ``size`` is that of what is to be written."""
        if self._closed:
            raise StoreError("this AsyncMongoStore is closed: make a new one, or open its URL again")
        loop = asyncio.get_running_loop()
        records = self._lent.get(loop)
        if records is None:
            records = await self._arrive(loop)
        timeout = self._settings.timeout
        with translated(timeout, size), _on_its_loop():
            async with asyncio.timeout(timeout + _GRACE):
                with pymongo.timeout(timeout):
                    if not self._prepared:
                        await self._prepare(records)
                    yield records

    async def repeatable(self, ask: Callable[[Records], Awaitable[T]]) -> T:
        """Ask what may be asked twice, once more after an outage that ends before the deadline."""
        async with self.calling() as records:
            try:
                return await ask(records)
            except PyMongoError as error:
                if not is_outage(error):
                    raise
            return await ask(records)

    async def _arrive(self, loop: asyncio.AbstractEventLoop) -> Records:
        """Come to another loop: with a new client, unless the client was handed in."""
        if self._url is None:
            if not self._waiting:
                raise _other_loop()
            self._lent[loop] = self._waiting.pop()
            return self._lent[loop]
        for ended in [known for known in self._lent if known.is_closed()]:
            del self._lent[ended], self._closings[ended]
        records = self._waiting.pop() if self._waiting else self._collection(self._open(self._url))
        self._closings[loop] = _closed_with_the_loop(records.database.client, self._settings)
        self._lent[loop] = records
        await anext(self._closings[loop])
        return records

    async def _prepare(self, records: Records) -> None:
        # Several tasks and processes may come here at once: the server makes the index once.
        async for found in await records.database.list_collections(filter={"name": records.name}):
            check_collation(found)
        try:
            await records.create_index(**INDEX)
        except OperationFailure as error:
            if error.code not in INDEX_EXISTS:
                raise
            if not any([is_ttl(index) async for index in await records.list_indexes()]):
                log_without_ttl(self.name)
        self._prepared = True

    async def aclose(self) -> None:
        """Close the clients if they are the store's own; those of other loops by their loops."""
        self._closed = True
        here = asyncio.get_running_loop()
        for loop, closing in list(self._closings.items()):
            if loop is here:
                await closing.aclose()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(_finish(closing), loop)

    def shown(self, store: object) -> str:
        """Return the repr of a store."""
        return f"<{type(store).__name__} {'closed' if self._closed else self.name}>"


async def _closed_with_the_loop(
    client: AsyncMongoClient[Any], settings: Settings
) -> AsyncGenerator[None, None]:
    """Close the client when the generator is closed, which a loop that ends does by itself."""
    try:
        yield
    finally:
        with suppress(TimeoutError, PyMongoError):
            async with asyncio.timeout(settings.timeout + _GRACE):
                # Half for the farewell to the server, which may be frozen; the rest for the sockets.
                with pymongo.timeout(settings.timeout / 2):
                    await client.close()


@contextmanager
def _on_its_loop() -> Generator[None, None, None]:
    try:
        yield
    except RuntimeError as error:
        if type(error) is RuntimeError and "event loop" in str(error):
            raise _other_loop() from error
        raise


def _other_loop() -> ConfigurationError:
    return ConfigurationError(
        "the AsyncMongoClient of this store is bound to another event loop: "
        "make client and store on the loop that uses them, or give the store a URL"
    )


async def _finish(closing: AsyncGenerator[None, None]) -> None:
    await closing.aclose()
