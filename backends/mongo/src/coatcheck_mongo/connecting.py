"""The way to the collection, blocking: one client, one deadline per call, one index."""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import pymongo
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import OperationFailure, PyMongoError

from coatcheck.errors import ConfigurationError, StoreError
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

__all__ = ["INDEX_EXISTS", "Link", "check_collation", "is_ttl", "log_without_ttl"]

Records = Collection[Any]
T = TypeVar("T")
Target = str | MongoClient[Any] | Collection[Any]

INDEX_EXISTS = frozenset({85, 86})
"""IndexOptionsConflict, IndexKeySpecsConflict: there is an index on ``expires`` already, another one."""

_logger = logging.getLogger("coatcheck")


class Link:
    """Lend the collection for one call at a time, blocking."""

    def __init__(self, target: Target, settings: Settings) -> None:
        self._settings = settings
        self._closed = False
        self._prepared = not settings.prepare
        self._own = self._open(target) if isinstance(target, str) else None
        self._records = self._collection(self._own or target)
        self.name: str = self._records.full_name

    def _open(self, url: str) -> MongoClient[Any]:
        try:
            return MongoClient(url, **client_options(url, self._settings))
        except (PyMongoError, ValueError) as error:
            raise refused_url(url, error) from None

    def _collection(self, target: Target) -> Records:
        if self._own is None:
            self._settings.check_for_client()
        found: Collection[Any]
        if isinstance(target, MongoClient):
            found = collection_of(target, self._settings)
        elif isinstance(target, Collection):
            self._settings.check_for_collection()
            found = target
        else:
            raise wrong_target("MongoStore", target, "a pymongo MongoClient or Collection")
        return found.with_options(
            codec_options=self._settings.codec, write_concern=acknowledged(found.write_concern)
        )

    @contextmanager
    def calling(self, size: int = 0) -> Generator[Records, None, None]:
        """Lend the collection until the deadline; ``size`` is that of what is to be written."""
        if self._closed:
            raise StoreError("this MongoStore is closed: make a new one, or open its URL again")
        with translated(self._settings.timeout, size), pymongo.timeout(self._settings.timeout):
            if not self._prepared:
                self._prepare(self._records)
            yield self._records

    def repeatable(self, ask: Callable[[Records], T]) -> T:
        """Ask what may be asked twice, once more after an outage that ends before the deadline."""
        with self.calling() as records:
            try:
                return ask(records)
            except PyMongoError as error:
                if not is_outage(error):
                    raise
            return ask(records)

    def _prepare(self, records: Records) -> None:
        # Several threads and processes may come here at once: the server makes the index once.
        for found in records.database.list_collections(filter={"name": records.name}):
            check_collation(found)
        try:
            records.create_index(**INDEX)
        except OperationFailure as error:
            if error.code not in INDEX_EXISTS:
                raise
            if not any(is_ttl(index) for index in records.list_indexes()):
                log_without_ttl(self.name)
        self._prepared = True

    def close(self) -> None:
        """Close the client if it is the store's own."""
        self._closed = True
        if self._own is not None:
            # The farewell to the server takes a while where that is frozen.
            with pymongo.timeout(self._settings.timeout):
                self._own.close()

    def shown(self, store: object) -> str:
        """Return the repr of a store."""
        return f"<{type(store).__name__} {'closed' if self._closed else self.name}>"


def check_collation(found: Any) -> None:
    """Raise :class:`ConfigurationError` for a collection that does not compare ids and texts exactly."""
    if "collation" in found.get("options", {}):
        raise ConfigurationError(
            "the collection of the sessions has a collation, by which different ids may be the same: "
            "use a collection without one"
        )


def is_ttl(index: Any) -> bool:
    """Tell whether the server removes what is dead by this index."""
    return "expireAfterSeconds" in index and list(index["key"]) == ["expires"]


def log_without_ttl(collection: str) -> None:
    """Say that nothing removes what is dead."""
    _logger.warning(
        "the index on 'expires' of the collection %s is no TTL index: expired sessions are not returned, "
        "but nothing removes them; drop that index, and the store makes the right one",
        collection,
    )
