"""What a store may be made from, and what is said of the rest."""

import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from coatcheck import open_async_store, open_store
from coatcheck.errors import ConfigurationError
from coatcheck_sql import AsyncSQLStore, SQLStore
from coatcheck_sql.engines import parse_url

NOWHERE = "postgresql://user:hunter2@127.0.0.1:1/nowhere"


@pytest.mark.parametrize(
    ("url", "blocking", "asynchronous"),
    [
        ("postgresql://host/db", "postgresql+psycopg", "postgresql+psycopg"),
        ("mysql://host/db", "mysql+pymysql", "mysql+asyncmy"),
        ("mariadb://host/db", "mariadb+pymysql", "mariadb+asyncmy"),
        ("sqlite:///file.db", "sqlite+pysqlite", "sqlite+aiosqlite"),
    ],
)
def test_a_url_without_a_driver_gets_one(url: str, blocking: str, asynchronous: str) -> None:
    assert parse_url(url, asynchronous=False).drivername == blocking
    assert parse_url(url, asynchronous=True).drivername == asynchronous


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Have modules look as if they were not installed."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in modules else found(name))


def test_async_postgresql_falls_back_to_asyncpg(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "psycopg")
    assert parse_url("postgresql://host/db", asynchronous=True).drivername == "postgresql+asyncpg"


@pytest.mark.parametrize(
    ("url", "extra"), [("postgresql://host/db", "postgresql"), ("mariadb://host/db", "mysql")]
)
def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch, url: str, extra: str) -> None:
    hide(monkeypatch, "psycopg", "asyncpg", "pymysql", "asyncmy")
    for opener in (open_store, open_async_store):
        with pytest.raises(ConfigurationError, match=rf"coatcheck-sql\[{extra}\]"):
            opener(url)


@pytest.mark.parametrize("opener", [open_store, open_async_store])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql+psycopg2://user:hunter2@host/db", "'psycopg2' cannot serve"),
        ("postgresql://user:hunter2@host:port/db", "no URL of a database"),
        ("postgresql://user:hunter2@host/db?tabel=x&table=", "'table' must be a str that is not empty"),
        ("postgresql://user:hunter2@host/db?timeout=0", "'timeout' must be a number above zero"),
        ("postgresql://user:hunter2@host/db?pool_size=0", "'pool_size' must be a number above zero"),
        (
            "postgresql://user:hunter2@host/db?prune_interval=-1",
            "'prune_interval' must be a number above zero",
        ),
        ("postgresql://user:hunter2@host/db?columns=key:sid", "'columns' has no 'key'"),
        ("postgresql://user:hunter2@host/db?columns=id:a,payload:a", "two columns cannot have one name"),
        ("mysql://user:hunter2@host/db?time_zone=UTC", "'time_zone' is for PostgreSQL"),
    ],
)
def test_what_cannot_be_is_refused_without_the_password(
    opener: Callable[[str], object], url: str, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        opener(url)
    assert "hunter2" not in str(caught.value)


def test_an_async_driver_does_not_serve_a_blocking_store() -> None:
    with pytest.raises(ConfigurationError, match="cannot serve a blocking store"):
        SQLStore("postgresql+asyncpg://host/db")


@pytest.mark.parametrize(
    ("option", "value"),
    [("timeout", "1"), ("pool_size", 1.5), ("create", "yes"), ("metadata", "public"), ("timeout", True)],
)
def test_an_option_of_a_wrong_type_is_a_type_error(option: str, value: Any) -> None:
    with pytest.raises(TypeError, match=option):
        SQLStore("sqlite://", **{option: value})


def test_a_dialect_without_a_layout_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no SQL store for 'oracle'"):
        SQLStore("oracle://host/db")


def test_constructors_do_no_io(tmp_path: Path) -> None:
    for kind in (SQLStore, AsyncSQLStore):
        kind(NOWHERE)
        kind(f"sqlite:///{tmp_path}/new.db")
    assert list(tmp_path.iterdir()) == []


def test_the_repr_shows_the_table_and_no_url() -> None:
    for kind in (SQLStore, AsyncSQLStore):
        assert repr(kind(NOWHERE, table="carts", schema="shop")) == f"<{kind.__name__} table=shop.carts>"


def test_engines_of_the_other_way_are_refused() -> None:
    engine, async_engine = create_engine("sqlite://"), create_async_engine("sqlite+aiosqlite://")
    with pytest.raises(TypeError, match="AsyncEngine goes with AsyncSQLStore"):
        SQLStore(async_engine)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="Engine goes with SQLStore"):
        AsyncSQLStore(engine)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="a store takes a URL or an Engine"):
        SQLStore(42)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_an_engine_with_a_database_for_each_thread_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="poolclass=StaticPool"):
        SQLStore(create_engine("sqlite://"))
    SQLStore(create_engine("sqlite://", poolclass=StaticPool))


def test_a_store_that_is_closed_says_so() -> None:
    store = SQLStore("sqlite://")
    store.set("sid", b"{}", ttl=60)
    store.close()
    store.close()
    assert repr(store) == "<SQLStore closed>"
    with pytest.raises(Exception, match="this store is closed"):
        store.get("sid")


def test_columns_are_renamed_in_a_url(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/a.db?columns=id:key,payload:value&table=carts") as store:
        store.set("sid", b"{}", ttl=60)
    engine = create_engine(f"sqlite:///{tmp_path}/a.db")
    metadata = MetaData()
    metadata.reflect(engine)
    engine.dispose()
    assert list(metadata.tables["carts"].c.keys()) == ["key", "value", "expires"]


def test_options_have_the_names_that_the_documentation_lists() -> None:
    assert list(inspect.signature(SQLStore.__init__).parameters)[2:] == [
        *("table", "schema", "columns", "create", "metadata"),
        *("timeout", "pool_size", "time_zone", "prune_interval"),
    ]
