"""Where the stores of a test live: a subject, on a server, in a namespace of its own."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from databases.server import Server
from faces import AwaitedStore

from coatcheck import AsyncStore, Store, open_async_store, open_store
from contract.subjects import SUBJECTS, Subject

__all__ = ["Awaited", "Home"]

T = TypeVar("T")
PATIENT = {"timeout": 20.0}
"""A loaded machine is no fault of a store; tests of the deadline leave it at its default."""


class Awaited(AwaitedStore):
    """An async store behind a blocking face, whose event loop tests may use."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the store's event loop."""
        return self._runner.run(coroutine)

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the store's event loop."""
        return self._runner.get_loop()


class Home:
    """Opens stores of one subject in one namespace, and closes them at the end of the test."""

    def __init__(self, subject: Subject, server: Server | None, folder: Path, namespace: str = "") -> None:
        self.subject = subject
        self.server = server
        self.namespace = namespace or f"t{uuid.uuid4().hex[:16]}"
        self.folder = folder
        self._stack = ExitStack()

    def described(self) -> dict[str, Any]:
        """Return what another process needs to open stores here, as JSON can carry it."""
        addresses = ("url", "ports", "sentinels", "service")
        found = {name: getattr(self.server, name) for name in addresses if hasattr(self.server, name)}
        return {
            "subject": self.subject.name,
            "namespace": self.namespace,
            "folder": str(self.folder),
            "server": found,
        }

    @classmethod
    def of(cls, described: dict[str, Any]) -> "Home":
        """Return the home that another process has described."""
        subject = next(subject for subject in SUBJECTS if subject.name == described["subject"])
        server: Any = SimpleNamespace(**described["server"]) if described["server"] else None
        return cls(subject, server, Path(described["folder"]), described["namespace"])

    def elsewhere(self, namespace: str) -> "Home":
        """Return the home of another namespace, on the same server."""
        home = Home(self.subject, self.server, self.folder, namespace)
        self._stack.callback(home.close)
        return home

    def url(self, port: int | None = None) -> str:
        """Return the URL of the stores; with ``port``, through a proxy that listens there."""
        if self.server is None:
            name = self.folder / "sessions.sqlite"
            return f"memory:{self.namespace}" if self.subject.scheme == "" else f"sqlite:///{name}"
        url = self.server.url if port is None else self.server.url_at(port)
        scheme, colon, rest = url.partition(":")
        return (self.subject.scheme or scheme) + colon + rest

    def options(self, **options: Any) -> dict[str, Any]:
        """Return the options of the stores: the namespace, what the subject has, and the given ones."""
        if not self.subject.namespace_option:
            return {}
        return {self.subject.namespace_option: self.namespace, **self.subject.options, **options}

    def bare(self, *, port: int | None = None, **options: Any) -> Store | AsyncStore:
        """Open a store as an application does, which the caller closes."""
        given = self.options(**options)
        if self.subject.client:
            return _over_a_client(self.subject, cast(Any, self.server), given)
        opener: Callable[..., Store | AsyncStore]
        opener = open_async_store if self.subject.asynchronous else open_store
        return opener(self.url(port), **given)

    def open(self, *, port: int | None = None, patient: bool = True, **options: Any) -> Store:
        """Open a store with a blocking face; it is patient unless its deadline is what is tested."""
        return self.faced(self.bare(port=port, **{**(PATIENT if patient else {}), **options}))

    def faced(self, store: Store | AsyncStore) -> Store:
        """Give a store a blocking face, and close it at the end of the test."""
        if isinstance(store, Store):
            self._stack.callback(store.close)
            return store
        face = Awaited(store)
        self._stack.callback(face.stop)
        self._stack.callback(face.close)
        return face

    def twin(self) -> Store:
        """Open a store of the other way, blocking or async, in the same namespace."""
        other = next(
            subject
            for subject in SUBJECTS
            if subject.kind == self.subject.kind
            and subject.package == self.subject.package
            and subject.options == self.subject.options
            and subject.asynchronous is not self.subject.asynchronous
        )
        home = self.elsewhere(self.namespace)
        home.subject = replace(other)
        return home.open()

    def close(self) -> None:
        """Close what was opened."""
        self._stack.close()


def _over_a_client(subject: Subject, server: Any, options: dict[str, Any]) -> Store | AsyncStore:
    """Open a store on a cluster or under sentinels, which no URL names: the application hands in a client."""
    driver = import_module("redis.asyncio" if subject.asynchronous else "redis")
    backend = import_module(subject.package)
    if subject.client == "cluster":
        client = driver.RedisCluster(host="127.0.0.1", port=server.ports[0])
    else:
        client = driver.Sentinel(server.sentinels).master_for(server.service)
    opened = (backend.AsyncRedisStore if subject.asynchronous else backend.RedisStore)(client, **options)
    return cast(Store | AsyncStore, opened)
