"""Which kinds of server there are, where each comes from, and what happens when one cannot be had."""

import os
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn, cast

import pytest

from databases.containers import Containers
from databases.finding import Missing
from databases.processes import Workshop
from databases.server import Server

__all__ = ["KINDS", "REQUIRED", "Databases", "Kind", "not_available"]

REQUIRED = "COATCHECK_REQUIRE_SERVERS"


@dataclass(frozen=True)
class Kind:
    """Where a kind of server may come from.

    ``module`` has its ``server`` class and the function ``start``. It is named, not
    imported: a driver may be missing. ``version`` is what the started program reports.
    """

    module: str
    server: str
    start: str
    version: str
    variable: str = ""
    service: str = ""


_REDIS = ("databases.redis_servers", "RedisServer")

KINDS = {
    "redis-6.2": Kind(*_REDIS, "start_redis", "6.2"),
    "redis-7.0": Kind(*_REDIS, "start_redis", "7.0"),
    "redis-8.2": Kind(*_REDIS, "start_redis", "8.2", "COATCHECK_TEST_REDIS_URL", "redis"),
    "redis-cluster": Kind(*_REDIS, "start_cluster", "8.2"),
    "redis-sentinel": Kind(*_REDIS, "start_sentinel", "8.2"),
    "mongodb": Kind(
        "databases.mongodb", "MongoServer", "start_mongodb", "6.0", "COATCHECK_TEST_MONGO_URL", "mongo"
    ),
    "mongodb-replica-set": Kind("databases.mongodb", "MongoServer", "start_replica_set", "6.0"),
    "postgresql": Kind(
        *("databases.postgresql", "PostgresServer", "start_postgresql", "18"),
        *("COATCHECK_TEST_POSTGRES_URL", "postgres"),
    ),
    "postgresql-new-york": Kind("databases.postgresql", "PostgresServer", "start_in_new_york", "18"),
    "mariadb": Kind(
        "databases.mariadb", "MariaServer", "start_mariadb", "10.11", "COATCHECK_TEST_MYSQL_URL", "mariadb"
    ),
}


class Databases:
    """Starts each kind of server once, when it is first asked for."""

    def __init__(self, workshop: Workshop, containers: Containers) -> None:
        self._workshop = workshop
        self._containers = containers
        self._servers: dict[tuple[str, bool], Server | Missing] = {}

    def get(self, kind: str) -> Server:
        """Return a server of the kind; skip the test where none can be had, fail it where it is required."""
        return self._server(kind, own=False)

    def own(self, kind: str) -> Server:
        """Return one that these tests started, which may be paused and killed; else as :meth:`get`."""
        return self._server(kind, own=True)

    def _server(self, kind: str, *, own: bool) -> Server:
        if (kind, own) not in self._servers:
            self._servers[kind, own] = self._open(kind, own=own)
        server = self._servers[kind, own]
        if isinstance(server, Missing):
            not_available(kind, str(server))
        return server

    def _open(self, kind: str, *, own: bool) -> Server | Missing:
        known = KINDS[kind]
        try:
            module = import_module(known.module)
            if not own and (url := self._url(known)):
                return cast(Server, getattr(module, known.server)(kind, url))
            other = self._servers.get((kind, not own))
            if isinstance(other, Server) and other.ours:
                return other
            return cast(Server, getattr(module, known.start)(self._workshop, kind))
        except ImportError as error:
            return Missing(f"{error.name} is not installed, which the tests ask servers with")
        except Missing as missing:
            return missing

    def _url(self, known: Kind) -> str | None:
        named = os.environ.get(known.variable) if known.variable else None
        return named or (self._containers.url(known.service) if known.service else None)


def not_available(kind: str, reason: str) -> NoReturn:
    """Skip the test for the reason; fail it where COATCHECK_REQUIRE_SERVERS demands the kind."""
    if required(kind):
        pytest.fail(f"{kind} is required by {REQUIRED}: {reason}")
    pytest.skip(f"{kind}: {reason}")


def required(kind: str) -> bool:
    """Tell whether COATCHECK_REQUIRE_SERVERS is ``all`` or a list that names the kind."""
    named = {name.strip() for name in os.environ.get(REQUIRED, "").split(",")} - {""}
    unknown = named - {"all", *KINDS}
    if unknown:
        raise pytest.UsageError(
            f"{REQUIRED} names {', '.join(sorted(unknown))}; known: all, {', '.join(KINDS)}"
        )
    return bool(named & {"all", kind})
