"""Redis stores by URL: ``redis://``, ``rediss://`` and ``unix://``."""

from coatcheck_redis.store import POOL_SIZE, PREFIX, TIMEOUT, AsyncRedisStore, RedisStore

__all__ = ["open", "open_async"]


def open(  # noqa: A001 (the registry calls it so)
    url: str, *, prefix: str = PREFIX, timeout: float = TIMEOUT, pool_size: int = POOL_SIZE
) -> RedisStore:
    """Open a blocking store, without I/O: see :class:`RedisStore` for the options and the errors."""
    return RedisStore(url, prefix=prefix, timeout=timeout, pool_size=pool_size)


def open_async(
    url: str, *, prefix: str = PREFIX, timeout: float = TIMEOUT, pool_size: int = POOL_SIZE
) -> AsyncRedisStore:
    """Open an async store, without I/O: see :class:`AsyncRedisStore`."""
    return AsyncRedisStore(url, prefix=prefix, timeout=timeout, pool_size=pool_size)
