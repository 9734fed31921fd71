"""The MongoDB stores: blocking and async twins over one layout."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.collection import Collection

from coatcheck.store import AsyncStore, Replaced, Store, Supports
from coatcheck_mongo.async_connecting import AsyncLink
from coatcheck_mongo.connecting import Link
from coatcheck_mongo.documents import DOCUMENTS, TEXTS, own_form, to_json, to_text
from coatcheck_mongo.failures import restless
from coatcheck_mongo.layout import (
    ATTEMPTS,
    EVERY,
    ID_ONLY,
    LARGEST_COMMAND,
    PAYLOAD,
    WITH_ID,
    Fields,
    ending,
    judged,
    key,
    living,
    page_query,
    payload_of,
    prolonging,
    sid_of,
    stored_form,
    swap_of,
    swapping,
    touching,
    writing,
)
from coatcheck_mongo.settings import COLLECTION, TIMEOUT, Settings

__all__ = ["AsyncMongoStore", "MongoStore"]

ALL_BUT_PRUNE = Supports(
    touch=True, get_and_touch=True, replace=True, ids=True, all=True, length=True, clear=True
)

Document = Mapping[str, Any]


class MongoStore(Store):
    """Keep sessions in MongoDB, for blocking code.

    The first argument is a URL (``mongodb://HOST/DATABASE``), a ``MongoClient``
    or a ``Collection``; what was handed in is never closed. ``stringify=False``
    keeps sessions as documents, as connect-mongo's option of that name does.

    A value that cannot be raises :class:`ConfigurationError`, an id that is no
    str ``TypeError``, a payload that is no UTF-8, or that a document cannot
    hold, ``ValueError``.
    """

    supports = ALL_BUT_PRUNE

    def __init__(
        self,
        target: str | MongoClient[Any] | Collection[Any],
        /,
        *,
        database: str | None = None,
        collection: str = COLLECTION,
        timeout: float = TIMEOUT,
        pool_size: int | None = None,
        stringify: bool = True,
        create_index: bool = True,
    ) -> None:
        settings = Settings(
            database=database,
            collection=collection,
            timeout=timeout,
            pool_size=pool_size,
            prepare=create_index,
            codec=TEXTS if stringify else DOCUMENTS,
        )
        self._link = Link(target, settings)
        self._stringify = stringify

    def get(self, sid: str, /) -> bytes | None:
        found = self._link.repeatable(lambda records: records.find_one(living(sid), PAYLOAD))
        return payload_of(found)

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        session = stored_form(payload, self._stringify)
        with self._link.calling(len(payload)) as records:
            if ttl <= 0:
                records.delete_one(key(sid))
            else:
                records.update_one(key(sid), writing(session, ttl), upsert=True)

    def destroy(self, sid: str, /) -> bool:
        with self._link.calling() as records:
            return (records.delete_one(living(sid))).deleted_count == 1

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        if ttl <= 0:
            return self.destroy(sid)
        change = touching(ttl, slack)
        result = self._link.repeatable(lambda records: records.update_one(living(sid), change))
        return result.matched_count == 1

    def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        change = prolonging(ttl, slack)
        found = self._link.repeatable(
            lambda records: records.find_one_and_update(living(sid), change, PAYLOAD)
        )
        return payload_of(found)

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        session = stored_form(payload, self._stringify)
        with self._link.calling(len(payload)) as records:
            if expected is None and ttl <= 0:
                return Replaced((records.delete_one(living(sid))).deleted_count == 1)
            if expected is None:
                return Replaced((records.update_one(living(sid), writing(session, ttl))).matched_count == 1)
            if self._stringify and len(payload) + len(expected) <= LARGEST_COMMAND:
                was = to_text(expected)
                change = swapping(was, session, ttl) if ttl > 0 else ending(was)
                outcome = judged(records.find_one_and_update(living(sid), change, PAYLOAD), was)
                # What a document reads as is no text that the server can compare.
                if outcome.current != expected:
                    return outcome
            return self._read_and_swap(records, sid, session, ttl, expected)

    def _read_and_swap(
        self, records: Collection[Any], sid: str, session: Any, ttl: float, expected: bytes
    ) -> Replaced:
        records = records.with_options(codec_options=DOCUMENTS)
        for _ in range(ATTEMPTS):
            found = records.find_one(living(sid), PAYLOAD)
            if found is None or payload_of(found) != expected:
                return Replaced(False, payload_of(found))
            stored = found.get("session")
            write = swap_of(sid, session if self._stringify else own_form(session, stored), ttl)
            result = records.bulk_write([write], let={"was": {"$literal": stored}})
            if result.matched_count + result.deleted_count:
                return Replaced(True)
        raise restless(ATTEMPTS)

    def ids(self) -> Iterator[str]:
        for sid, _ in self._each(ID_ONLY):
            yield sid

    def all(self) -> Iterator[tuple[str, bytes]]:
        for sid, document in self._each(WITH_ID):
            yield sid, to_json(document.get("session"))

    def _each(self, fields: Fields) -> Iterator[tuple[str, Document]]:
        last: str | None = None
        while page := self._page(page_query(last, fields)):
            for document in page:
                last = sid_of(document)
                yield last, document

    def _page(self, query: dict[str, Any]) -> list[Document]:
        return self._link.repeatable(lambda records: records.find(**query).to_list())

    def length(self) -> int:
        return self._link.repeatable(lambda records: records.count_documents(EVERY))

    def clear(self) -> None:
        with self._link.calling() as records:
            records.delete_many({})

    def close(self) -> None:
        self._link.close()

    def __repr__(self) -> str:
        return self._link.shown(self)


class AsyncMongoStore(AsyncStore):
    """Keep sessions in MongoDB, for async code: see :class:`MongoStore`.

    The first argument is a URL, an ``AsyncMongoClient`` or an ``AsyncCollection``.
    """

    supports = ALL_BUT_PRUNE

    def __init__(
        self,
        target: str | AsyncMongoClient[Any] | AsyncCollection[Any],
        /,
        *,
        database: str | None = None,
        collection: str = COLLECTION,
        timeout: float = TIMEOUT,
        pool_size: int | None = None,
        stringify: bool = True,
        create_index: bool = True,
    ) -> None:
        settings = Settings(
            database=database,
            collection=collection,
            timeout=timeout,
            pool_size=pool_size,
            prepare=create_index,
            codec=TEXTS if stringify else DOCUMENTS,
        )
        self._link = AsyncLink(target, settings)
        self._stringify = stringify

    async def get(self, sid: str, /) -> bytes | None:
        found = await self._link.repeatable(lambda records: records.find_one(living(sid), PAYLOAD))
        return payload_of(found)

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        session = stored_form(payload, self._stringify)
        async with self._link.calling(len(payload)) as records:
            if ttl <= 0:
                await records.delete_one(key(sid))
            else:
                await records.update_one(key(sid), writing(session, ttl), upsert=True)

    async def destroy(self, sid: str, /) -> bool:
        async with self._link.calling() as records:
            return (await records.delete_one(living(sid))).deleted_count == 1

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        if ttl <= 0:
            return await self.destroy(sid)
        change = touching(ttl, slack)
        result = await self._link.repeatable(lambda records: records.update_one(living(sid), change))
        return result.matched_count == 1

    async def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        change = prolonging(ttl, slack)
        found = await self._link.repeatable(
            lambda records: records.find_one_and_update(living(sid), change, PAYLOAD)
        )
        return payload_of(found)

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        session = stored_form(payload, self._stringify)
        async with self._link.calling(len(payload)) as records:
            if expected is None and ttl <= 0:
                return Replaced((await records.delete_one(living(sid))).deleted_count == 1)
            if expected is None:
                return Replaced(
                    (await records.update_one(living(sid), writing(session, ttl))).matched_count == 1
                )
            if self._stringify and len(payload) + len(expected) <= LARGEST_COMMAND:
                was = to_text(expected)
                change = swapping(was, session, ttl) if ttl > 0 else ending(was)
                outcome = judged(await records.find_one_and_update(living(sid), change, PAYLOAD), was)
                # What a document reads as is no text that the server can compare.
                if outcome.current != expected:
                    return outcome
            return await self._read_and_swap(records, sid, session, ttl, expected)

    async def _read_and_swap(
        self, records: AsyncCollection[Any], sid: str, session: Any, ttl: float, expected: bytes
    ) -> Replaced:
        records = records.with_options(codec_options=DOCUMENTS)
        for _ in range(ATTEMPTS):
            found = await records.find_one(living(sid), PAYLOAD)
            if found is None or payload_of(found) != expected:
                return Replaced(False, payload_of(found))
            stored = found.get("session")
            write = swap_of(sid, session if self._stringify else own_form(session, stored), ttl)
            result = await records.bulk_write([write], let={"was": {"$literal": stored}})
            if result.matched_count + result.deleted_count:
                return Replaced(True)
        raise restless(ATTEMPTS)

    async def ids(self) -> AsyncIterator[str]:
        async for sid, _ in self._each(ID_ONLY):
            yield sid

    async def all(self) -> AsyncIterator[tuple[str, bytes]]:
        async for sid, document in self._each(WITH_ID):
            yield sid, to_json(document.get("session"))

    async def _each(self, fields: Fields) -> AsyncIterator[tuple[str, Document]]:
        last: str | None = None
        while page := await self._page(page_query(last, fields)):
            for document in page:
                last = sid_of(document)
                yield last, document

    async def _page(self, query: dict[str, Any]) -> list[Document]:
        return await self._link.repeatable(lambda records: records.find(**query).to_list())

    async def length(self) -> int:
        return await self._link.repeatable(lambda records: records.count_documents(EVERY))

    async def clear(self) -> None:
        async with self._link.calling() as records:
            await records.delete_many({})

    async def aclose(self) -> None:
        await self._link.aclose()

    def __repr__(self) -> str:
        return self._link.shown(self)
