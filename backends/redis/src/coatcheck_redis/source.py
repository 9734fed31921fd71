"""Where the servers are, and how a connection is made: from a URL, or from a client that was given.

Nothing here waits. A given client lends its connection arguments only; the connections are ours, so that
nothing of the driver sends a command again.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis import connection as blocking_connection
from redis import sentinel as blocking_sentinel
from redis.asyncio import connection as async_connection
from redis.asyncio import sentinel as async_sentinel
from redis.exceptions import RedisError

from coatcheck.errors import ConfigurationError, nearest

__all__ = ["ASYNC_DRIVER", "DRIVER", "Address", "Driver", "Sentinels", "Source", "find_source"]

Address = tuple[str, int]

_OURS = {
    *("retry", "retry_on_error", "retry_on_timeout", "health_check_interval"),
    *("socket_timeout", "socket_connect_timeout", "max_connections"),
    *("protocol", "legacy_responses", "decode_responses", "encoding", "encoding_errors"),
    *("parser_class", "command_packer", "response_callbacks", "cache", "cache_config"),
    *("connection_class", "connection_pool", "ssl", "event_dispatcher", "himport_registry"),
}
"""Connection arguments that the store decides itself."""

_NOTIFICATIONS = ("maint", "oss_cluster", "orig_")
"""How the arguments begin that tell connections of maintenance, which the store does not take part in."""


class Driver(NamedTuple):
    """The driver's classes for one kind of code."""

    client: type
    cluster: type
    sentinel_pool: type
    connection: type
    tls_connection: type
    parse_url: Callable[[str], Mapping[str, Any]]
    kind: str
    store_of_the_other: str


DRIVER = Driver(
    redis.Redis,
    redis.RedisCluster,
    blocking_sentinel.SentinelConnectionPool,
    blocking_connection.Connection,
    blocking_connection.SSLConnection,
    blocking_connection.parse_url,
    "redis.Redis or redis.RedisCluster",
    "AsyncRedisStore",
)
ASYNC_DRIVER = Driver(
    redis.asyncio.Redis,
    redis.asyncio.RedisCluster,
    async_sentinel.SentinelConnectionPool,
    async_connection.Connection,
    async_connection.SSLConnection,
    async_connection.parse_url,
    "redis.asyncio.Redis or redis.asyncio.RedisCluster",
    "RedisStore",
)


class Sentinels(NamedTuple):
    """Who knows the address of the master."""

    sources: tuple["Source", ...]
    service: str
    fewest_others: int
    master_host: str | None  # in place of the one that the sentinels tell


@dataclass(frozen=True, kw_only=True, repr=False)
class Source:
    """How a connection is made, and to which server."""

    connection_class: type
    arguments: Mapping[str, Any]
    given: bool = False
    nodes: tuple[Address, ...] = ()
    remap: Callable[[Address], Address] | None = None
    sentinels: Sentinels | None = None

    def arguments_for(self, address: Address | None, **timeouts: float | None) -> dict[str, Any]:
        """Return the arguments of a connection to an address, or to the only one there is."""
        where = dict(zip(("host", "port"), address, strict=True)) if address else {}
        return {**self.arguments, **where, **timeouts, "protocol": 2}

    def reachable(self, host: str, port: int) -> Address:
        """Return where a server of the cluster is reached that the cluster knows under another address."""
        return self.remap((host, port)) if self.remap else (host, port)

    def __repr__(self) -> str:
        if self.sentinels:
            return f"the master of {self.sentinels.service!r}"
        if self.nodes:
            return "the cluster of " + ", ".join(f"{host}:{port}" for host, port in self.nodes)
        where = self.arguments
        server = where.get("path") or f"{where.get('host', 'localhost')}:{where.get('port', 6379)}"
        return f"{server}/{where.get('db', 0)}"


def find_source(where: Any, driver: Driver) -> Source:
    """Return the source for a URL or a client of the driver.

    Raises ``TypeError`` for anything else, :class:`ConfigurationError` for a URL or a client that
    cannot serve a store.
    """
    if isinstance(where, str):
        source = _from_url(where, driver)
    elif isinstance(where, driver.cluster):
        source = _from_cluster(where)
    elif isinstance(where, driver.client):
        source = _from_client(where, driver)
    else:
        raise TypeError(
            f"the store takes a URL, {driver.kind}, not {type(where).__name__}: "
            f"other clients are for {driver.store_of_the_other}, or for none"
        )
    _check(source)
    return source


def _from_url(url: str, driver: Driver) -> Source:
    scheme = url.partition("://")[0]
    if scheme not in {"redis", "rediss", "unix"}:
        raise ConfigurationError("a Redis URL starts with redis://, rediss:// or unix://")
    try:
        arguments = dict(driver.parse_url(url))
        path = urlsplit(url).path.strip("/")
    except ValueError:
        # The driver's error may show a part of the password.
        raise ConfigurationError(
            f"the {scheme} URL cannot be read: percent-encode what is special in user and password, "
            "and give numbers where numbers belong"
        ) from None
    if scheme != "unix" and path and not path.isdecimal():
        raise ConfigurationError("the path of a Redis URL is the number of the database, for example /0")
    connection_class = arguments.pop("connection_class", driver.connection)
    return Source(connection_class=connection_class, arguments=_without_ours(arguments))


def _from_client(client: Any, driver: Driver) -> Source:
    pool = client.connection_pool
    if isinstance(pool, driver.sentinel_pool):
        return _from_sentinel_pool(pool, driver)
    return _from_pool(pool)


def _from_pool(pool: Any) -> Source:
    return Source(
        connection_class=pool.connection_class, arguments=_without_ours(pool.connection_kwargs), given=True
    )


def _from_sentinel_pool(pool: Any, driver: Driver) -> Source:
    if not pool.is_master:
        raise ConfigurationError("a store writes: give it Sentinel.master_for(...), not slave_for(...)")
    manager = pool.sentinel_manager
    tls = issubclass(pool.connection_class, driver.tls_connection)
    return Source(
        connection_class=driver.tls_connection if tls else driver.connection,
        arguments=_without_ours(pool.connection_kwargs),
        given=True,
        sentinels=Sentinels(
            sources=tuple(_from_pool(sentinel.connection_pool) for sentinel in manager.sentinels),
            service=pool.service_name,
            fewest_others=manager.min_other_sentinels,
            master_host=getattr(manager, "_force_master_ip", None),
        ),
    )


def _from_cluster(client: Any) -> Source:
    manager = client.nodes_manager
    nodes = [*manager.startup_nodes.values(), *manager.nodes_cache.values()]
    # The nodes of the blocking client have clients of their own, those of the async one are pools.
    first = next((node.redis_connection for node in nodes if getattr(node, "redis_connection", None)), None)
    pool = first.connection_pool if first else nodes[0]
    arguments = _without_ours(pool.connection_kwargs)
    arguments.pop("redis_connect_func", None)  # a method of the client
    if getattr(client, "user_on_connect_func", None):
        arguments["redis_connect_func"] = _log_in_and(client.user_on_connect_func)
    return Source(
        connection_class=pool.connection_class,
        arguments=arguments,
        given=True,
        nodes=tuple(dict.fromkeys((str(node.host), int(node.port)) for node in nodes)),
        remap=manager.address_remap,
    )


def _log_in_and(then: Callable[[Any], object]) -> Callable[[Any], None]:
    def on_connect(connection: Any) -> None:
        connection.on_connect()
        then(connection)

    return on_connect


def _without_ours(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in arguments.items()
        if name not in _OURS and not name.startswith(_NOTIFICATIONS)
    }


def _check(source: Source) -> None:
    """Make a connection, which does not connect yet, so that wrong arguments show now."""
    unknown = set(source.arguments) - _arguments_of(source.connection_class)
    for name in unknown:
        raise ConfigurationError(
            f"redis-py has no connection argument {name!r}; "
            f"{nearest(name, _arguments_of(source.connection_class))}"
        )
    try:
        connection = source.connection_class(**source.arguments_for(None))
    except (ValueError, RedisError):
        raise ConfigurationError("redis-py refuses the connection arguments: see its Connection") from None
    if connection.retry.get_retries() > 0:
        raise ConfigurationError(
            f"{source.connection_class.__name__} sends commands again by itself, which could write twice: "
            "make its Retry() one of 0 retries"
        )


def _arguments_of(connection_class: type) -> set[str]:
    constructors = [
        vars(base)["__init__"] for base in connection_class.__mro__[:-1] if "__init__" in vars(base)
    ]
    return {name for constructor in constructors for name in inspect.signature(constructor).parameters}
