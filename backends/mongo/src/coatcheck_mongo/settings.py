"""What a store was told, checked at construction, without I/O."""

import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from bson.codec_options import CodecOptions
from pymongo.errors import ConfigurationError as DriversConfigurationError
from pymongo.errors import InvalidName
from pymongo.write_concern import WriteConcern

from coatcheck.errors import ConfigurationError

__all__ = [
    "COLLECTION",
    "TIMEOUT",
    "Settings",
    "acknowledged",
    "client_options",
    "collection_of",
    "refused_url",
    "wrong_target",
]

COLLECTION = "sessions"
"""The collection that connect-mongo uses unless told otherwise."""

TIMEOUT = 1.0
"""Seconds that one call may take."""

_SCHEMES = ("mongodb://", "mongodb+srv://")
_EXAMPLE = "mongodb://HOST/DATABASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of a store; raises :class:`ConfigurationError` for values that cannot be."""

    database: str | None
    collection: str
    timeout: float
    pool_size: int | None
    prepare: bool
    codec: CodecOptions[Any]

    def __post_init__(self) -> None:
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            raise ConfigurationError(
                f"timeout must be a number of seconds greater than 0, not {self.timeout}"
            )
        if self.pool_size is not None and self.pool_size < 1:
            raise ConfigurationError(f"pool_size must be 1 or more connections, not {self.pool_size}")
        _check_collection(self.collection)

    def check_for_client(self) -> None:
        """Raise for what only a client of the store's own can be told."""
        if self.pool_size is not None:
            raise ConfigurationError("a client that is handed in has its own pool: give it maxPoolSize")

    def check_for_collection(self) -> None:
        """Raise for names beside a collection, which has them."""
        if self.database is not None or self.collection != COLLECTION:
            raise ConfigurationError(
                "a collection that is handed in has its names: give neither database nor collection"
            )


def _check_collection(name: str) -> None:
    wrong = any(part in name for part in ("$", "\0", ".."))
    if not name or wrong or name.startswith((".", "system.")) or name.endswith("."):
        raise ConfigurationError(
            f"collection must be a name that MongoDB allows, for example 'sessions', not {name!r}"
        )


def client_options(url: str, settings: Settings) -> dict[str, Any]:
    """Return the driver's options for a URL; raise :class:`ConfigurationError` for one that cannot be."""
    if not url.lower().startswith(_SCHEMES):
        raise ConfigurationError(f"a MongoDB store's URL looks like {_EXAMPLE}")
    given = {name.lower() for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True)}
    if "timeoutms" in given:
        raise ConfigurationError(
            "give the deadline as the store's timeout, in seconds, and leave timeoutMS out of the URL"
        )
    # With a deadline the driver would repeat a read until that is over, not once.
    options: dict[str, Any] = {"connect": False, "retryReads": False}
    if settings.pool_size is not None:
        if "maxpoolsize" in given:
            raise ConfigurationError("give either pool_size or maxPoolSize in the URL")
        options["maxPoolSize"] = settings.pool_size
    return options


def refused_url(url: str, error: Exception) -> ConfigurationError:
    """Return the error for a URL that cannot be, with the driver's reason if that can show no password."""
    if isinstance(error, ConfigurationError):
        return error
    reason = "" if "@" in url else f" ({error})"
    return ConfigurationError(
        f"the driver refuses the MongoDB URL{reason}: see its host, its options, and whether user name "
        "and password are percent-encoded"
    )


def collection_of(client: Any, settings: Settings) -> Any:
    """Return the collection of a client, in the named database, else in that of the client's URL."""
    try:
        database = client.get_default_database() if settings.database is None else client[settings.database]
        return database[settings.collection]
    except InvalidName:
        raise ConfigurationError(f"MongoDB allows no database called {settings.database!r}") from None
    except DriversConfigurationError:
        raise ConfigurationError(
            f"name the database of the sessions: write {_EXAMPLE}, or give database=..."
        ) from None


def acknowledged(concern: WriteConcern) -> WriteConcern:
    """Return a write concern that survives a failover, unless another one was asked for.

    Raises :class:`ConfigurationError` for ``w=0``: then nothing tells what was written.
    """
    if not concern.acknowledged:
        raise ConfigurationError("a session store needs answers to its writes: use w=1 or more, not w=0")
    options: dict[str, Any] = {"w": "majority"}
    options.update(concern.document)
    return WriteConcern(**options)


def wrong_target(store: str, target: object, wanted: str) -> TypeError:
    """Return the error for what is neither URL nor client nor collection of the right kind."""
    kind = type(target).__name__
    hint = ""
    if kind in ("AsyncMongoClient", "AsyncCollection"):
        hint = ": use AsyncMongoStore"
    elif kind in ("MongoClient", "Collection"):
        hint = ": use MongoStore"
    return TypeError(f"{store} takes a URL, {wanted}, not {kind}{hint}")
