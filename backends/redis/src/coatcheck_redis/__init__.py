"""Coatcheck's sessions in Redis or Valkey, shared with connect-redis, for blocking and async code."""

from coatcheck_redis.opening import open, open_async  # noqa: A004 (the registry calls it so)
from coatcheck_redis.store import AsyncRedisStore, RedisStore

__all__ = ["AsyncRedisStore", "RedisStore", "open", "open_async"]
