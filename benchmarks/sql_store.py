"""Measure the SQL stores beside the bare driver and beside SQLAlchemy's Core, with the same statements.

    python benchmarks/sql_store.py                                  # SQLite, in a temporary folder
    python benchmarks/sql_store.py postgresql://user@host/db mysql://user@host/db

For each database the subjects take turns on one connection each, one call after the other; a figure is the
best of several rounds, a ratio is taken within the run. The bare driver has its connection open; Core
checks one out of its pool for every statement, as an application does.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, closing
from typing import Any

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from coatcheck_sql import AsyncSQLStore, SQLStore
from coatcheck_sql.engines import make_engine, parse_url
from coatcheck_sql.layout import Layout
from coatcheck_sql.statements import Result, Statement

PAYLOAD = b'{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true},"data":"' + b"x" * 900 + b'"}'
CALLS, ROUNDS = 200, 9
TABLE = "coatcheck_benchmark"

OPERATIONS = ("get", "set", "touch", "get_and_touch", "replace", "replace(expected)")


def arguments(operation: str) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """Return the method of a store, and what it is called with."""
    calls: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
        "get": ("get", ("sid",), {}),
        "set": ("set", ("sid", PAYLOAD), {"ttl": 3600}),
        "touch": ("touch", ("sid",), {"ttl": 3600}),
        "get_and_touch": ("get_and_touch", ("sid",), {"ttl": 3600}),
        "replace": ("replace", ("sid", PAYLOAD), {"ttl": 3600}),
        "replace(expected)": ("replace", ("sid", PAYLOAD), {"ttl": 3600, "expected": PAYLOAD}),
    }
    return calls[operation]


def sent_by(layout: Layout, operation: str) -> tuple[str, Any, bool]:
    """Return the statement of an operation, with its parameters, and whether it has rows."""
    noted: list[tuple[str, Any, bool]] = []

    def execute(statement: Statement, values: Mapping[str, object]) -> Result:
        noted.append((statement.sql, statement.bind(values), statement.returns))
        return Result([(PAYLOAD, None)], 1)

    calls: dict[str, Callable[[], object]] = {
        "get": lambda: layout.get(execute, "sid"),
        "set": lambda: layout.set(execute, "sid", PAYLOAD, 3600),
        "touch": lambda: layout.touch(execute, "sid", 3600, 0),
        "get_and_touch": lambda: layout.get_and_touch(execute, "sid", 3600, 0),
        "replace": lambda: layout.replace(execute, "sid", PAYLOAD, 3600, None),
        "replace(expected)": lambda: layout.replace(execute, "sid", PAYLOAD, 3600, PAYLOAD),
    }
    calls[operation]()
    return noted[0]


def blocking_subjects(
    url: URL, store: SQLStore, operation: str, stack: ExitStack
) -> dict[str, Callable[[], object]]:
    """Return the blocking subjects of an operation."""
    engine = make_engine(url, asynchronous=False, pool_size=2, timeout=30)
    stack.callback(engine.dispose)
    borrowed = stack.enter_context(closing(engine.raw_connection()))
    bare: Any = borrowed.driver_connection
    sql, parameters, returns = sent_by(store._layout, operation)
    name, positional, named = arguments(operation)

    def driver() -> None:
        cursor = bare.cursor()
        cursor.execute(sql, parameters)
        if returns:
            cursor.fetchall()
        cursor.close()

    def core() -> None:
        with engine.connect() as connection:
            result = connection.exec_driver_sql(sql, parameters)
            if returns:
                result.fetchall()

    return {"driver": driver, "Core": core, "store": lambda: getattr(store, name)(*positional, **named)}


async def async_subjects(
    url: URL, store: AsyncSQLStore, operation: str, stack: AsyncExitStack
) -> dict[str, Callable[[], Awaitable[object]]]:
    """Return the async subjects of an operation."""
    engine = AsyncEngine(make_engine(url, asynchronous=True, pool_size=2, timeout=30))
    stack.push_async_callback(engine.dispose)
    borrowed = await engine.raw_connection()
    stack.push_async_callback(greenlet_spawn, borrowed.close)
    bare: Any = borrowed.driver_connection
    sql, parameters, returns = sent_by(store._layout, operation)
    name, positional, named = arguments(operation)

    async def asyncpg() -> None:
        await bare.fetch(sql, *parameters)

    async def aiosqlite() -> None:
        async with bare.execute(sql, parameters) as cursor:
            await cursor.fetchall()

    async def driver() -> None:
        async with bare.cursor() as cursor:
            await cursor.execute(sql, parameters)
            if returns:
                await cursor.fetchall()

    async def core() -> None:
        async with engine.connect() as connection:
            result = await connection.exec_driver_sql(sql, parameters)
            if returns:
                result.fetchall()

    bare_call = {"asyncpg": asyncpg, "aiosqlite": aiosqlite}.get(url.get_driver_name(), driver)
    return {"driver": bare_call, "Core": core, "store": lambda: getattr(store, name)(*positional, **named)}


def report(title: str, operation: str, figures: dict[str, list[float]]) -> None:
    """Print the microseconds of a call, and the ratios."""
    cost = {name: min(rounds) for name, rounds in figures.items()}
    print(
        f"{title:28} {operation:18} "
        f"{cost['driver']:8.0f} {cost['Core']:8.0f} {cost['store']:8.0f} µs   "
        f"store / driver {cost['store'] / cost['driver']:5.2f}   "
        f"store / Core {cost['store'] / cost['Core']:5.2f}",
        flush=True,
    )


def measure_blocking(text: str) -> None:
    """Measure the blocking store of a database."""
    url = parse_url(text, asynchronous=False)
    with SQLStore(url, table=TABLE, timeout=30) as store:
        for operation in offered(store):
            store.set("sid", PAYLOAD, ttl=3600)
            with ExitStack() as stack:
                subjects = blocking_subjects(url, store, operation, stack)
                figures: dict[str, list[float]] = {name: [] for name in subjects}
                for name, call in [*subjects.items()] * ROUNDS:
                    began = time.perf_counter()
                    for _ in range(CALLS):
                        call()
                    figures[name].append((time.perf_counter() - began) / CALLS * 1e6)
            report(f"{url.drivername} blocking", operation, figures)
        store.clear()


async def measure_async(text: str) -> None:
    """Measure the async store of a database."""
    url = parse_url(text, asynchronous=True)
    async with AsyncSQLStore(url, table=TABLE, timeout=30) as store:
        for operation in offered(store):
            await store.set("sid", PAYLOAD, ttl=3600)
            async with AsyncExitStack() as stack:
                subjects = await async_subjects(url, store, operation, stack)
                figures: dict[str, list[float]] = {name: [] for name in subjects}
                for name, call in [*subjects.items()] * ROUNDS:
                    began = time.perf_counter()
                    for _ in range(CALLS):
                        await call()
                    figures[name].append((time.perf_counter() - began) / CALLS * 1e6)
            report(f"{url.drivername} async", operation, figures)
        await store.clear()


def offered(store: SQLStore | AsyncSQLStore) -> list[str]:
    """Return the operations that a store has."""
    return [name for name in OPERATIONS if getattr(store.supports, name, True)]


def main() -> None:
    """Measure SQLite and the given databases."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("urls", nargs="*", help="databases; a table is made there and emptied")
    urls = parser.parse_args().urls
    print(f"{'':28} {'':18} {'driver':>8} {'Core':>8} {'store':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for text in [f"sqlite:///{folder}/sessions.db", *urls]:
            measure_blocking(text)
            asyncio.run(measure_async(text))
            if text.startswith("postgresql:"):
                asyncio.run(measure_async(text.replace("postgresql:", "postgresql+asyncpg:", 1)))


if __name__ == "__main__":
    main()
