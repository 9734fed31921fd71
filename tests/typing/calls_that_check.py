"""Calls that must type-check, under mypy and pyright. This file is checked, not run."""

from collections.abc import Mapping, MutableMapping
from datetime import timedelta
from typing import Any, assert_type

from coatcheck import (
    AsyncSession,
    AsyncStore,
    Cookie,
    CookieOptions,
    Replaced,
    Session,
    Store,
    Supports,
    ThreadedStore,
    asgi,
    load_session,
    load_session_async,
    open_async_store,
    open_store,
    wsgi,
)


class SmallStore(Store):
    def get(self, sid: str, /) -> bytes | None:
        return None

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None: ...

    def destroy(self, sid: str, /) -> bool:
        return False


class SmallAsyncStore(AsyncStore):
    supports = Supports(touch=True)

    async def get(self, sid: str, /) -> bytes | None:
        return None

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None: ...

    async def destroy(self, sid: str, /) -> bool:
        return False

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return False


def wsgi_application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    return []


async def asgi_application(scope: Any, receive: Any, send: Any) -> None: ...


def cookie_for(request: Mapping[str, Any]) -> CookieOptions:
    return CookieOptions(path=request["PATH_INFO"])


wsgi.SessionMiddleware(wsgi_application, secret="secret")
wsgi.SessionMiddleware(wsgi_application, store="memory:", secret=[b"new", "old"], cookie=cookie_for)
wsgi.SessionMiddleware(wsgi_application, store=SmallStore(), secret=b"secret", ttl=timedelta(hours=1))
asgi.SessionMiddleware(asgi_application, secret="secret", cookie=CookieOptions(max_age=60, secure="auto"))
asgi.SessionMiddleware(asgi_application, store=SmallStore(), secret="secret", rolling=True, unset="destroy")
asgi.SessionMiddleware(asgi_application, store=SmallAsyncStore(), secret="secret", on_conflict="raise")


def blocking_store() -> None:
    with open_store("memory:") as store:
        assert_type(store.get("id"), bytes | None)
        assert_type(store.destroy("id"), bool)
        assert_type(store.touch("id", ttl=1, slack=0.5), bool)
        assert_type(store.get_and_touch("id", ttl=1), bytes | None)
        assert_type(store.replace("id", b"{}", ttl=1, expected=b"{}"), Replaced)
        assert_type([*store.ids()], list[str])
        assert_type([*store.all()], list[tuple[str, bytes]])
        assert_type(store.length(), int)
        assert_type(store.prune(), int)
        assert_type(ThreadedStore(store), ThreadedStore)


async def async_store() -> None:
    async with open_async_store("memory:") as store:
        assert_type(await store.get("id"), bytes | None)
        assert_type(await store.replace("id", b"{}", ttl=1), Replaced)
        assert_type([sid async for sid in store.ids()], list[str])
        assert_type([item async for item in store.all()], list[tuple[str, bytes]])


def increment(data: MutableMapping[str, Any]) -> int:
    data["visits"] = data.get("visits", 0) + 1
    return 1


def blocking_session(session: Session) -> None:
    session["user"] = {"name": "Ada"}
    assert_type(session.id, str)
    assert_type(session.is_new, bool)
    assert_type(session.cookie, Cookie)
    assert_type(session.transact(increment, attempts=3), int)
    session.touch()
    session.regenerate(keep_data=True)
    session.save()
    session.reload()
    session.unset()
    session.destroy()


async def async_session(session: AsyncSession) -> None:
    session["user"] = {"name": "Ada"}
    assert_type(session.modified, bool)
    assert_type(await session.transact(increment), int)
    session.regenerate()
    await session.save()
    await session.reload()
    session.destroy()


def blocking_job(store: Store) -> None:
    assert_type(load_session(store, "id"), Session | None)


async def async_job(store: AsyncStore) -> None:
    assert_type(await load_session_async(store, "id", ttl=3600), AsyncSession | None)
