"""SQLAlchemy's engines: made from a URL, or looked at when they are given."""

import importlib.util
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from coatcheck.errors import ConfigurationError
from coatcheck_sql.drivers import DRIVERS

__all__ = ["check_engine", "is_in_memory", "make_engine", "parse_url", "source_of"]

# The first one that is installed is taken. psycopg comes before asyncpg so that one URL, with the
# parameters of libpq in it, serves blocking and async stores alike.
CHOICES: Mapping[tuple[str, bool], tuple[str, ...]] = {
    ("sqlite", False): ("pysqlite",),
    ("sqlite", True): ("aiosqlite",),
    ("postgresql", False): ("psycopg",),
    ("postgresql", True): ("psycopg", "asyncpg"),
    ("mysql", False): ("pymysql",),
    ("mysql", True): ("asyncmy",),
    ("mariadb", False): ("pymysql",),
    ("mariadb", True): ("asyncmy",),
}
EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
MODULES = {"pysqlite": "sqlite3"}


def parse_url(text: str | URL, *, asynchronous: bool) -> URL:
    """Return the URL with a driver that is installed; raise :class:`ConfigurationError` otherwise."""
    try:
        url = make_url(text)
        given = url.drivername.partition("+")[2]
        dialect = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        # The text may hold a password, and SQLAlchemy's error the text.
        raise ConfigurationError(
            "this is no URL of a database: write, for example, postgresql://user:password@host/database"
        ) from None
    if (dialect, asynchronous) not in CHOICES:
        known = ", ".join(sorted({name for name, _ in CHOICES}))
        raise ConfigurationError(f"there is no SQL store for {dialect!r}; known: {known}")
    choices = CHOICES[dialect, asynchronous]
    known_drivers = (*choices, "asyncpg") if dialect == "postgresql" and asynchronous else choices
    if given and given not in known_drivers:
        kind = "an async" if asynchronous else "a blocking"
        raise ConfigurationError(
            f"the driver {given!r} cannot serve {kind} store, or keep its deadlines: "
            f"use {dialect}+{' or '.join(dict.fromkeys(known_drivers))}"
        )
    driver = given or next((name for name in choices if _is_installed(name)), "")
    if not driver or not _is_installed(driver):
        raise ConfigurationError(
            f"the driver {driver or choices[0]!r} is not installed; "
            f'pip install "coatcheck-sql[{EXTRAS.get(dialect, "")}]"'
        )
    return url.set(drivername=f"{dialect}+{driver}")


def _is_installed(driver: str) -> bool:
    return importlib.util.find_spec(MODULES.get(driver, driver)) is not None


def is_in_memory(engine: Engine) -> bool:
    """Tell whether the engine's database is in the memory of this process: it has one connection only."""
    return isinstance(engine.pool, StaticPool)


def make_engine(url: URL, *, asynchronous: bool, pool_size: int, timeout: float) -> Engine:
    """Make an engine that commits each statement by itself and asks the server for nothing else."""
    options: dict[str, Any] = {
        "isolation_level": "AUTOCOMMIT",
        "pool_reset_on_return": None,
        "hide_parameters": True,
        "connect_args": _connect_args(url, timeout),
    }
    if _names_memory(url):
        options["poolclass"] = StaticPool
    else:
        # Callers wait before the pool, where the deadline of each of them holds.
        options |= {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": timeout}
    if url.get_driver_name() == "psycopg":
        options["use_native_hstore"] = False  # would cost a round trip for each connection
    engine = (
        create_async_engine(url, **options).sync_engine if asynchronous else create_engine(url, **options)
    )
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _names_memory(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and (
        url.database in (None, "", ":memory:") or url.query.get("mode") == "memory"
    )


def _connect_args(url: URL, timeout: float) -> dict[str, Any]:
    """Bound how long a connection may take to be made, where nobody waits for it any more."""
    driver = url.get_driver_name()
    whole = max(2, round(timeout + 0.5))
    arguments: dict[str, dict[str, Any]] = {
        "pysqlite": {"timeout": timeout, "check_same_thread": False},
        "aiosqlite": {"timeout": timeout},
        "psycopg": {"connect_timeout": whole},
        "asyncpg": {"timeout": timeout},
        "pymysql": {"connect_timeout": whole, "read_timeout": timeout, "write_timeout": timeout},
        "asyncmy": {"connect_timeout": whole},
    }
    return {name: value for name, value in arguments[driver].items() if name not in url.query}


def _set_up_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # Readers and the writer do not wait for each other; a commit is safe against a crash of the
    # process, and may be lost, without damage, when the power fails.
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def check_engine(engine: Engine | AsyncEngine, *, asynchronous: bool) -> Engine:
    """Return the engine inside what an application gave; raise where it cannot serve."""
    wanted, other = (AsyncEngine, Engine) if asynchronous else (Engine, AsyncEngine)
    if isinstance(engine, other):
        store = "AsyncSQLStore" if other is AsyncEngine else "SQLStore"
        raise TypeError(f"{other.__name__} goes with {store}, {wanted.__name__} is needed here")
    if not isinstance(engine, wanted):
        raise TypeError(f"a store takes a URL or an {wanted.__name__}, not {type(engine).__name__}")
    inner = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    if inner.driver not in DRIVERS:
        raise ConfigurationError(
            f"the driver {inner.driver!r} cannot be held to a deadline: use {', '.join(sorted(DRIVERS))}"
        )
    if isinstance(inner.pool, SingletonThreadPool):
        raise ConfigurationError(
            "this engine gives every thread a database of its own: "
            "make it with poolclass=StaticPool and connect_args={'check_same_thread': False}"
        )
    return inner


def source_of(database: str | URL | Engine | AsyncEngine, *, asynchronous: bool) -> tuple[Any, Dialect]:
    """Return where a store's connections come from, and the dialect, without any I/O."""
    if isinstance(database, str | URL):
        url = parse_url(database, asynchronous=asynchronous)
        return url, url.get_dialect()()
    return database, check_engine(database, asynchronous=asynchronous).dialect
