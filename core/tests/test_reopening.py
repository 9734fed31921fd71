"""A store that was opened from a URL and closed is opened afresh: once, whoever asks at the same time."""

import threading
import time
from typing import Any

import pytest
from harness import ASGISite, Site, WSGISite

from coatcheck import AsyncStore, Store, register
from coatcheck.wsgi import SessionMiddleware
from coatcheck_memory import AsyncMemoryStore, MemoryStore

SECRET = "a secret of the tests, long enough"
opened: list[Any] = []


class SlowBackend:
    """Takes its time to open a store, and notes it."""

    def open(self, url: str) -> Store:
        time.sleep(0.02)
        opened.append(MemoryStore())
        return opened[-1]  # type: ignore[no-any-return]


class Hooked(MemoryStore):
    """Runs something at the next load."""

    hook: Any = None

    def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        hook, self.hook = self.hook, None
        if hook is not None:
            hook()
        return super().get_and_touch(sid, ttl=ttl, slack=slack)


class AsyncHooked(AsyncMemoryStore):
    """The same for async code."""

    hook: Any = None

    async def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        hook, self.hook = self.hook, None
        if hook is not None:
            hook()
        return await super().get_and_touch(sid, ttl=ttl, slack=slack)


class HookedBackend:
    """Opens such stores, and notes it."""

    def open(self, url: str) -> Store:
        opened.append(Hooked())
        return opened[-1]  # type: ignore[no-any-return]

    def open_async(self, url: str) -> AsyncStore:
        opened.append(AsyncHooked())
        return opened[-1]  # type: ignore[no-any-return]


register("reopening-slow", SlowBackend())
register("reopening-hooked", HookedBackend())


@pytest.fixture(autouse=True)
def nothing_opened() -> None:
    opened.clear()


def test_threads_that_find_the_store_closed_open_one_together() -> None:
    def app(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return []

    middleware = SessionMiddleware(app, secret=SECRET, store="reopening-slow:")
    middleware.close()
    opened.clear()
    barrier = threading.Barrier(4)

    def visit() -> None:
        barrier.wait()
        environ = {"PATH_INFO": "/", "wsgi.url_scheme": "http"}
        middleware(environ, lambda *_: lambda _: None)

    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    middleware.close()
    assert len(opened) == 1


@pytest.mark.parametrize("open_site", [WSGISite, ASGISite])
def test_a_request_keeps_the_store_that_it_began_with(open_site: type[Site]) -> None:
    site = open_site(store="reopening-hooked:")
    site.visit(lambda session: session.update(n=1))
    store = opened[-1]
    store.hook = site.middleware._setup.take_opened  # closing meanwhile, in another thread

    assert site.visit(lambda session: session.store).value is store
    assert len(opened) == 1
