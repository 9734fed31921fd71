"""MongoDB stores by URL: ``mongodb://HOST/DATABASE`` and ``mongodb+srv://HOST/DATABASE``."""

from coatcheck_mongo.settings import COLLECTION, TIMEOUT
from coatcheck_mongo.store import AsyncMongoStore, MongoStore

__all__ = ["open", "open_async"]


def open(  # noqa: A001 (the registry calls it so)
    url: str,
    *,
    database: str | None = None,
    collection: str = COLLECTION,
    timeout: float = TIMEOUT,
    pool_size: int | None = None,
    stringify: bool = True,
    create_index: bool = True,
) -> MongoStore:
    """Open a blocking store; what is no option here stays in the URL, for the driver.

    Raises :class:`ConfigurationError` for a URL without a database and for one that the driver refuses.
    """
    return MongoStore(
        url,
        database=database,
        collection=collection,
        timeout=timeout,
        pool_size=pool_size,
        stringify=stringify,
        create_index=create_index,
    )


def open_async(
    url: str,
    *,
    database: str | None = None,
    collection: str = COLLECTION,
    timeout: float = TIMEOUT,
    pool_size: int | None = None,
    stringify: bool = True,
    create_index: bool = True,
) -> AsyncMongoStore:
    """Open an async store: see :func:`open`."""
    return AsyncMongoStore(
        url,
        database=database,
        collection=collection,
        timeout=timeout,
        pool_size=pool_size,
        stringify=stringify,
        create_index=create_index,
    )
