"""The ASGI middleware (HTTP, WebSocket, Lifespan): a thin shell around the engine."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, TypeAlias, Unpack

from coatcheck._log import logger
from coatcheck._run import Turns, drain, run_async, run_later, run_shielded
from coatcheck._setup import (
    UNAVAILABLE,
    UNAVAILABLE_HEADERS,
    Setup,
    check_entry,
    goes_on_without,
    tell_outage,
    warn_of_late_changes,
)
from coatcheck.bridge import ThreadedStore
from coatcheck.engine import Outcome, State, begin, commit, load
from coatcheck.engine.committing import abandon
from coatcheck.errors import StoreUnavailable
from coatcheck.options import Secret, SessionOptions, parse_options
from coatcheck.registry import open_async_store
from coatcheck.session import AsyncSession
from coatcheck.store import AsyncStore, Store

__all__ = ["SessionMiddleware"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_TRY_AGAIN_LATER = 1013  # RFC 6455's registry of close codes
_STARTS = ("http.response.start", "websocket.http.response.start")
_CONCERNED = (b"vary", b"cache-control")
_BODIES = (
    "http.response.body",
    "http.response.pathsend",
    "http.response.zerocopysend",
    "websocket.http.response.body",
)


class SessionMiddleware:
    """Gives every request and websocket a session in ``scope["session"]``."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        secret: Secret | Sequence[Secret],
        store: AsyncStore | Store | str = "memory:",
        **options: Unpack[SessionOptions],
    ) -> None:
        """Wrap ``app``; ``store`` is a store, a blocking one being lent by threads, or the URL of one.

        ``secret`` signs the cookies: 16 random bytes or more. Of several, the first
        signs and all verify. Raises :class:`ConfigurationError` and ``TypeError`` for wrong options.
        """
        parsed = parse_options(secret, options, key="session")
        self.app = app
        self._setup = Setup(parsed, *_store_or_opener(store))

    async def aclose(self) -> None:
        """Close the store that was opened from a URL; a request that follows opens it afresh."""
        await drain()
        opened = self._setup.take_opened()
        if opened is not None:
            await opened.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.app(scope, receive, self._closing_at_shutdown(send))
        else:
            await self.app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        setup = self._setup
        if scope.get(setup.options.key) is not None:
            setup.tell_passing_through()
            await self.app(scope, receive, send)
            return
        cookies, forwarded = _request_headers(scope)
        https = scope.get("scheme") in ("https", "wss")
        state = begin(
            setup.context, scope, path=_path(scope), cookies=cookies, https=https, forwarded=forwarded
        )
        if state is None:
            await self.app(scope, receive, send)
            return
        store = setup.store
        setup.advise(scope, store)
        try:
            if state.verified:  # else there is nothing to load
                await run_async(load(state), store)
        except StoreUnavailable as error:
            if not goes_on_without(state, error):
                await _refuse(scope, receive, send)
                return
        await _Exchange(state, store, scope, receive, send).run(self.app)

    def _closing_at_shutdown(self, send: Send) -> Send:
        async def closing_send(message: Message) -> None:
            if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                try:
                    await self.aclose()
                except Exception:  # noqa: BLE001 (a third party's; the server shuts down all the same)
                    logger.exception("the session store could not be closed at shutdown")
            await send(message)

        return closing_send


class _ResponseReplaced(OSError):
    """The application goes on with a response that is not sent; servers, too, raise an OSError then."""


class _Exchange:
    """One request or websocket: its response is held back until the session is committed."""

    def __init__(self, state: State, store: AsyncStore, scope: Scope, receive: Receive, send: Send) -> None:
        self._state = state
        self._store = store
        self._scope = scope
        self._real_receive = receive
        self._real_send = send
        self._held: Message | None = None
        self._opening = False
        self._opened: asyncio.Event | None = None  # made by the first task that waits for it
        self._replaced = False
        self._failure: Exception | None = None
        self._turns = Turns()
        self._session = scope[state.options.key] = AsyncSession(state, store, self._turns)

    async def run(self, app: ASGIApp) -> None:
        websocket = self._scope["type"] == "websocket"
        try:
            if websocket:
                await app(self._scope, self._receive_websocket, self._send_websocket)
            else:
                await app(self._scope, self._real_receive, self._send)
            await self._finish()
        except BaseException as error:
            await self._abandon(error)
            if not (self._replaced and isinstance(error, Exception)):
                raise
            _tell_unless_due_to_us(error)

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if self._replaced:
            raise _ResponseReplaced("the session store failed: a 503 was sent in place of this response")
        if kind in _STARTS and not self._state.head_sent:
            self._held = message
        elif kind in _BODIES:
            await self._send_body(message)
        else:
            await self._real_send(message)

    async def _send_body(self, message: Message) -> None:
        state = self._state
        last = not message.get("more_body", False)
        first = not state.head_sent or self._opening
        if first:
            await self._send_head()
        # A first commit that wrote has waited, and other tasks may have changed the session meanwhile.
        if last and not state.closed and (state.saved or not first):
            await self._commit()
        if not self._replaced:
            state.closed = state.closed or last
            await self._real_send(message)

    async def _send_head(self) -> None:
        """Commit and send the held start, once: of several tasks that send, the first does it."""
        while self._opening:
            self._opened = self._opened or asyncio.Event()
            await self._opened.wait()
        if self._state.head_sent:
            return
        self._opening, head = True, self._held
        try:
            outcome = await self._commit()
        except StoreUnavailable as error:
            await self._raise_or_replace(error)
        else:
            self._state.head_sent = True
            if head is not None:
                await self._real_send(_with_headers(head, outcome))
        finally:
            self._opening = False
            if self._opened is not None:
                self._opened.set()
                self._opened = None

    async def _raise_or_replace(self, error: StoreUnavailable) -> None:
        """Send a 503 in place of the response, unless the option wants the error."""
        tell_outage(self._state, error)
        if self._state.options.on_unavailable == "raise":
            raise error
        self._replaced = self._state.head_sent = self._state.closed = True
        await _refuse(self._scope, None, self._real_send)

    async def _send_websocket(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept" and not self._state.head_sent:
            self._held = message
            await self._send_head()
        elif kind == "websocket.close" and not self._replaced:
            await self._close_websocket(message)
        else:
            await self._send(message)

    async def _close_websocket(self, message: Message) -> None:
        answered, self._state.head_sent = self._state.head_sent, True
        try:
            await self._commit()
        except StoreUnavailable as error:
            if answered:
                raise
            await self._raise_or_replace(error)
            return
        await self._real_send(message)

    async def _receive_websocket(self) -> Message:
        message = await self._real_receive()
        if message["type"] == "websocket.disconnect" and not self._replaced:
            # The usual end: frameworks raise at this message, after which nothing would be saved.
            self._state.head_sent = True
            try:
                await self._commit()
            except Exception as error:  # noqa: BLE001 (raised at the end; the application needs the message)
                self._failure = error
        return message

    async def _commit(self) -> Outcome:
        if self._failure is not None:  # to be raised; what failed at the end is not tried again
            return Outcome()
        check_entry(self._state, self._scope.get(self._state.options.key), self._session)
        return await run_shielded(commit(self._state), self._store, self._turns)

    async def _finish(self) -> None:
        """Commit what was not committed when the application returned."""
        state = self._state
        if self._failure is not None:
            raise self._failure
        if self._replaced:
            pass
        elif state.closed:
            warn_of_late_changes(state)
        elif self._held is not None and not state.head_sent:
            await self._send_head()
        else:
            state.head_sent = True
            await self._commit()
        state.finish()

    async def _abandon(self, raised: BaseException) -> None:
        """Carry out a pending destroy, and nothing else: the application raised or was cancelled."""
        state = self._state
        if self._failure is not None and raised is not self._failure:
            logger.error("saving a session failed when its websocket closed", exc_info=self._failure)
        state.unset = state.unset or self._scope.get(state.options.key) is None
        try:
            if self._turns.ahead and isinstance(raised, asyncio.CancelledError):
                run_later(abandon(state), self._store, self._turns)  # cancelled again: it waits for nothing
            else:
                await run_shielded(abandon(state), self._store, self._turns)
        except Exception:  # noqa: BLE001 (the application's error is the one to be heard of)
            logger.exception("a session could not be destroyed after the application raised")
        state.finish()


def _tell_unless_due_to_us(error: Exception) -> None:
    """Log what the application raised after its response was replaced, unless that is how it heard of it."""
    if not isinstance(error, OSError) and not isinstance(error.__context__, _ResponseReplaced):
        logger.info("the application raised after a 503 was sent in place of its response", exc_info=error)


async def _refuse(scope: Scope, receive: Receive | None, send: Send) -> None:
    """Answer with 503, or close a websocket whose server cannot deny it with a response."""
    headers = [(name.lower().encode(), value.encode()) for name, value in UNAVAILABLE_HEADERS]
    prefix = ""
    if scope["type"] == "websocket":
        if receive is not None:
            await receive()  # websocket.connect
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            reason = "session store unavailable"
            await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER, "reason": reason})
            return
        prefix = "websocket."
    await send({"type": f"{prefix}http.response.start", "status": 503, "headers": headers})
    await send({"type": f"{prefix}http.response.body", "body": UNAVAILABLE})


def _with_headers(message: Message, outcome: Outcome) -> Message:
    if outcome.set_cookie is None and not outcome.vary:
        return message
    headers = list(message.get("headers", ()))
    concerned = [index for index, (name, _) in enumerate(headers) if name.lower() in _CONCERNED]
    ours = [(headers[i][0].decode("latin-1"), headers[i][1].decode("latin-1")) for i in concerned]
    outcome.add_to(ours)
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in ours]
    for index, header in zip(concerned, encoded, strict=False):
        headers[index] = header
    headers += encoded[len(concerned) :]
    return {**message, "headers": headers}


def _request_headers(scope: Scope) -> tuple[str, str]:
    """Return the Cookie header, put together where HTTP/2 split it, and the first X-Forwarded-Proto."""
    cookies: list[str] = []
    forwarded = ""
    for name, value in scope["headers"]:
        if name == b"cookie":
            cookies.append(value.decode("latin-1"))
        elif name == b"x-forwarded-proto" and not forwarded:
            forwarded = value.decode("latin-1")
    return "; ".join(cookies), forwarded


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    # Servers differ in whether the path includes the root path; the specification wants it to.
    return path if path == root or path.startswith(f"{root}/") else root + path


def _store_or_opener(store: AsyncStore | Store | str) -> tuple[AsyncStore | None, Callable[[], AsyncStore]]:
    if isinstance(store, str):
        return None, lambda: open_async_store(store)
    if isinstance(store, AsyncStore):
        return store, lambda: store
    if not isinstance(store, Store):
        raise TypeError(f"store must be a coatcheck.AsyncStore, a Store or a URL, not {type(store).__name__}")
    logger.info("%s is a blocking store: threads lend it to async code", type(store).__name__)
    threaded = ThreadedStore(store)
    return threaded, lambda: threaded
