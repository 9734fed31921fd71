"""Calls that must not type-check. This file is checked, not run.

Each line names the error that mypy and the one that pyright must report. Both complain about a marker that is
not needed, so that a line which begins to type-check fails the check.
"""

from typing import Any

from coatcheck import (
    AsyncSession,
    AsyncStore,
    CookieOptions,
    Session,
    Store,
    Supports,
    asgi,
    open_store,
    wsgi,
)


class Unfinished(Store):
    def get(self, sid: str, /) -> bytes | None:
        return None


class Textual(Unfinished):
    def get(self, sid: str, /) -> str | None:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return None


def wsgi_application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    return []


async def asgi_application(scope: Any, receive: Any, send: Any) -> None: ...


def stores(store: Store, async_store: AsyncStore) -> None:
    Unfinished()  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]
    Supports(expire=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Supports().touch = True  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    open_store(80)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    store.get(sid="id")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    store.set("id", b"{}")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    store.set("id", "{}", ttl=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    store.set("id", b"{}", 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    store.touch("id", ttl="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    store.replace("id", b"{}", ttl=1, expected="{}")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async_store.close()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def forgotten_await(store: AsyncStore) -> bytes | None:
    return store.get("id")  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


def middlewares(async_store: AsyncStore) -> None:
    wsgi.SessionMiddleware(wsgi_application, secret=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    wsgi.SessionMiddleware(wsgi_application, secret="s", store=async_store)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    wsgi.SessionMiddleware(asgi_application, secret="s")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    asgi.SessionMiddleware(wsgi_application, secret="s")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    asgi.SessionMiddleware(asgi_application, secret="s", unset="drop")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    asgi.SessionMiddleware(asgi_application, secret="s", ressave=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    asgi.SessionMiddleware(asgi_application, secret="s", rolling="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    CookieOptions(samesite="loose")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    CookieOptions("/")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def sessions(session: Session, async_session: AsyncSession) -> None:
    session[1] = "value"  # type: ignore[index]  # pyright: ignore[reportArgumentType]
    session.id = "chosen"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    session.transact(lambda: 1)  # type: ignore[arg-type, misc]  # pyright: ignore[reportArgumentType]
    async_session.save()  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
