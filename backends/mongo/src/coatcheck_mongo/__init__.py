"""Coatcheck's sessions in MongoDB: connect-mongo's layout, for blocking and async code."""

from coatcheck_mongo.opening import open, open_async  # noqa: A004 (the registry calls it so)
from coatcheck_mongo.store import AsyncMongoStore, MongoStore

__all__ = ["AsyncMongoStore", "MongoStore", "open", "open_async"]
