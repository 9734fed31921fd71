"""SQL stores of every kind, blocking and async, each in a table of its own."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from databases.bench import Databases
from databases.server import Server
from faces import AwaitedStore
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from coatcheck.store import Store
from coatcheck_sql import AsyncSQLStore, SQLStore


@dataclass(frozen=True)
class Kind:
    """A way to reach a server: ``scheme`` with its driver, and which of the stores."""

    server: str
    scheme: str
    asynchronous: bool

    def __str__(self) -> str:
        return f"{self.scheme} {'async' if self.asynchronous else 'blocking'}"


KINDS = [
    Kind("", "sqlite", asynchronous=False),
    Kind("", "sqlite", asynchronous=True),
    Kind("postgresql", "postgresql+psycopg", asynchronous=False),
    Kind("postgresql", "postgresql+psycopg", asynchronous=True),
    Kind("postgresql", "postgresql+asyncpg", asynchronous=True),
    Kind("mariadb", "mysql+pymysql", asynchronous=False),
    Kind("mariadb", "mariadb+asyncmy", asynchronous=True),
]


class Place:
    """Where the stores of a test keep their records."""

    def __init__(self, kind: Kind, server: Server | None, folder: Path) -> None:
        self.kind = kind
        self.server = server
        self.folder = folder
        self.table = f"t{uuid.uuid4().hex[:12]}"
        self._stack = ExitStack()
        self._engines: list[Any] = []
        self._face: AwaitedStore | None = None

    def url(self, port: int | None = None) -> str:
        """Return the URL, through a proxy that listens on ``port``."""
        if self.server is None:
            scheme = "sqlite+aiosqlite" if self.kind.asynchronous else "sqlite"
            return f"{scheme}:///{self.folder / 'sessions.db'}"
        url = self.server.url if port is None else self.server.url_at(port)
        return self.kind.scheme + ":" + url.partition(":")[2]

    def open(self, database: Any = None, *, port: int | None = None, **options: Any) -> Store:
        """Open a store with a blocking face, over a URL unless it is given something else."""
        given: dict[str, Any] = {"table": self.table, "timeout": 20.0, **options}
        database = self.url(port) if database is None else database
        if not self.kind.asynchronous:
            store = SQLStore(database, **given)
            self._stack.callback(store.close)
            return store
        face = AwaitedStore(AsyncSQLStore(database, **given))
        self._face = face
        self._stack.callback(face.stop)
        self._stack.callback(face.close)
        return face

    def engine(self) -> Engine:
        """Return a blocking engine of an application's own, to look at what is stored."""
        scheme = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}.get(
            self.kind.server, "sqlite"
        )
        engine = create_engine(scheme + ":" + self.url().partition(":")[2])
        self._stack.callback(engine.dispose)
        return engine

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """Run a statement beside the stores; ``{table}`` is their table."""
        quoted = f"`{self.table}`" if self.kind.server == "mariadb" else f'"{self.table}"'
        with self.engine().begin() as connection:
            result = connection.execute(text(statement.replace("{table}", quoted)), values)
            return list(result) if result.returns_rows else []

    def application_engine(self, port: int | None = None, **options: Any) -> Any:
        """Return an engine of the store's way, as an application makes it and closes it after its stores."""
        make = create_async_engine if self.kind.asynchronous else create_engine
        engine = make(self.url(port), **options)
        self.dispose_of(engine)
        return engine

    def dispose_of(self, engine: Any) -> None:
        """Close an application's engine at the end, before its loop ends."""
        self._engines.append(engine)

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine on the loop of the last async store."""
        assert self._face is not None
        return self._face._runner.run(coroutine)

    def close(self) -> None:
        """Close the stores."""
        for engine in self._engines:
            if isinstance(engine, AsyncEngine):
                self.run(engine.dispose())
            else:
                engine.dispose()
        self._stack.close()


@pytest.fixture
def place(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Place]:
    """A table that nobody has used, on the server of the kind."""
    kind: Kind = request.param
    place = Place(kind, databases.get(kind.server) if kind.server else None, tmp_path)
    yield place
    place.close()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark that narrows the kinds."""
    config.addinivalue_line("markers", "kinds(*servers, asynchronous=None): kinds of store a test is for")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test over every kind, or over those of the servers that its mark names."""
    if "place" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("kinds")
    servers = mark.args if mark and mark.args else ("sqlite", "postgresql", "mariadb")
    asynchronous = mark.kwargs.get("asynchronous") if mark else None
    fitting = [
        kind
        for kind in KINDS
        if (kind.server or "sqlite") in servers and asynchronous in (None, kind.asynchronous)
    ]
    metafunc.parametrize("place", fitting, ids=str, indirect=True)
