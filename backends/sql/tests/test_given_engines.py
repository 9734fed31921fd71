"""An engine of the application: its connections are borrowed, and come back as they were."""

import asyncio
import threading
import time
from typing import Any

import pytest
from databases.plugin import OpenProxy
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from coatcheck.errors import ConfigurationError, StoreUnavailable
from coatcheck_sql import AsyncSQLStore


def inner(engine: Any) -> Any:
    return engine.sync_engine if isinstance(engine, AsyncEngine) else engine


def test_a_given_engine_serves_and_stays_open(place: Any) -> None:
    engine = place.application_engine()
    store = place.open(engine)
    store.set("sid", b"{}", ttl=60)
    assert store.get("sid") == b"{}"
    before = inner(engine).pool.checkedin()
    assert before == 1
    store.close()
    assert inner(engine).pool.checkedin() == before


def in_transaction(place: Any, engine: Any, *statements: str) -> list[Any]:
    """Run statements as an application does, in one transaction that is rolled back."""

    def work(connection: Any) -> list[Any]:
        return [connection.execute(text(statement)).scalar() for statement in statements]

    if not isinstance(engine, AsyncEngine):
        with engine.connect() as connection:
            return work(connection)

    async def awaited() -> list[Any]:
        async with engine.connect() as connection:
            return await connection.run_sync(work)

    return list(place.run(awaited()))


@pytest.mark.kinds("postgresql", "mariadb")
def test_the_application_still_has_transactions_of_its_own(place: Any) -> None:
    engine = place.application_engine(pool_size=1, max_overflow=0, isolation_level="REPEATABLE READ")
    store = place.open(engine)
    store.set("sid", b"{}", ttl=60)
    column = "sid" if place.kind.server == "postgresql" else "session_id"
    level = "SHOW transaction_isolation" if place.kind.server == "postgresql" else "SELECT @@tx_isolation"
    said = in_transaction(
        place,
        engine,
        level,
        f"UPDATE {place.table} SET {column} = 'changed' RETURNING 1"
        if place.kind.server == "postgresql"
        else f"DELETE FROM {place.table} RETURNING 1",
    )
    assert said[0].lower().replace("-", " ") == "repeatable read"
    assert store.get("sid") == b"{}", "the application's transaction was rolled back"


def test_events_of_the_pool_are_seen_and_statements_are_not(place: Any) -> None:
    engine = place.application_engine()
    seen: list[str] = []
    for name in ("checkout", "checkin"):
        event.listen(inner(engine), name, lambda *_, name=name: seen.append(name))
    event.listen(inner(engine), "before_cursor_execute", lambda *_: seen.append("statement"))
    store = place.open(engine)
    store.ping()
    seen.clear()
    store.set("sid", b"{}", ttl=60)
    assert seen == ["checkout", "checkin"], "parameters, ids and payloads, are logged with statements"


@pytest.mark.kinds("sqlite")
def test_the_busy_timeout_of_the_application_is_restored(place: Any) -> None:
    engine = place.application_engine(pool_size=1, max_overflow=0, connect_args={"timeout": 4.321})
    store = place.open(engine, timeout=1.0)
    store.set("sid", b"{}", ttl=60)
    assert in_transaction(place, engine, "PRAGMA busy_timeout") == [4321]


@pytest.mark.kinds("postgresql", "mariadb", "sqlite", asynchronous=True)
def test_a_given_engine_stays_on_its_loop(place: Any) -> None:
    engine = create_async_engine(place.url())
    store = AsyncSQLStore(engine, table=place.table, timeout=20)

    async def first() -> None:
        await store.ping()
        await engine.dispose()

    asyncio.run(first())
    with pytest.raises(ConfigurationError, match="belongs to another event loop"):
        asyncio.run(store.ping())


@pytest.mark.kinds("postgresql", "mariadb")
def test_the_deadline_holds_on_a_given_engine(place: Any, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(place.server)
    engine = place.application_engine(proxy.port, pool_size=2, max_overflow=0)
    store = place.open(engine, timeout=20)
    store.set("sid", b"{}", ttl=60)
    hasty = place.open(engine, timeout=0.5) if not place.kind.asynchronous else store
    if place.kind.asynchronous:
        store.awaited._commands._timeout = store.awaited._commands._state._timeout = 0.5
    proxy.freeze()
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"did not answer within 0.5 s"):
            hasty.get("sid")
        assert time.monotonic() - began < 3
    proxy.pass_on()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            assert hasty.get("sid") == b"{}"
        except StoreUnavailable:
            continue
        break
    else:
        pytest.fail("the store did not come back")


@pytest.mark.kinds("postgresql", asynchronous=False)
def test_waiting_for_the_pool_of_the_application_counts(place: Any) -> None:
    engine = place.application_engine(pool_size=1, max_overflow=0, pool_timeout=60)
    store = place.open(engine, timeout=0.5)
    store.ping()
    with engine.connect():
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="did not answer within"):
            store.get("sid")
        assert time.monotonic() - began < 5
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(store.get("sid"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [None] * 4
