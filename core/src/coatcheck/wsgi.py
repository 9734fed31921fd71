"""The WSGI middleware (PEP 3333): a thin shell around the engine."""

import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeAlias, Unpack

from coatcheck._log import logger
from coatcheck._run import run
from coatcheck._setup import (
    UNAVAILABLE,
    UNAVAILABLE_HEADERS,
    Setup,
    check_entry,
    goes_on_without,
    tell_outage,
    warn_of_late_changes,
)
from coatcheck.engine import Outcome, State, begin, commit, load
from coatcheck.engine.committing import abandon
from coatcheck.errors import StoreUnavailable
from coatcheck.options import Secret, SessionOptions, parse_options
from coatcheck.registry import open_store
from coatcheck.session import Session
from coatcheck.store import AsyncStore, Store

__all__ = ["SessionMiddleware"]

Environ: TypeAlias = dict[str, Any]
Headers: TypeAlias = list[tuple[str, str]]
ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
Write: TypeAlias = Callable[[bytes], object]
StartResponse: TypeAlias = Callable[..., Write]
WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

_UNAVAILABLE_STATUS = "503 Service Unavailable"


class SessionMiddleware:
    """Gives every request a session in ``environ["coatcheck.session"]``."""

    def __init__(
        self,
        app: WSGIApp,
        *,
        secret: Secret | Sequence[Secret],
        store: Store | str = "memory:",
        **options: Unpack[SessionOptions],
    ) -> None:
        """Wrap ``app``; ``store`` is a blocking store or the URL of one.

        ``secret`` signs the cookies: 16 random bytes or more. Of several, the first
        signs and all verify. Raises :class:`ConfigurationError` and ``TypeError`` for wrong options.
        """
        parsed = parse_options(secret, options, key="coatcheck.session")
        self.app = app
        self._setup = Setup(parsed, *_store_or_opener(store))
        weakref.finalize(self, _close, self._setup)

    def close(self) -> None:
        """Close the store that was opened from a URL; a request that follows opens it afresh."""
        _close(self._setup)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        setup = self._setup
        key = setup.options.key
        if environ.get(key) is not None:
            setup.tell_passing_through()
            return self.app(environ, start_response)
        state = begin(
            setup.context,
            environ,
            path=_path(environ),
            cookies=environ.get("HTTP_COOKIE", ""),
            https=environ.get("wsgi.url_scheme") == "https",
            forwarded=environ.get("HTTP_X_FORWARDED_PROTO", ""),
        )
        if state is None:
            return self.app(environ, start_response)
        store = setup.store
        setup.advise(environ, store)
        try:
            if state.verified:  # else there is nothing to load
                run(load(state), store)
        except StoreUnavailable as error:
            if not goes_on_without(state, error):
                start_response(_UNAVAILABLE_STATUS, list(UNAVAILABLE_HEADERS))
                return _apology(environ)
        return _Exchange(state, store, environ, start_response).respond(self.app)


class _Exchange:
    """One response on its way out: held back until the session is committed."""

    def __init__(self, state: State, store: Store, environ: Environ, start_response: StartResponse) -> None:
        self._state = state
        self._store = store
        self._environ = environ
        self._real_start_response = start_response
        self._real_write: Write | None = None
        self._held: tuple[str, Headers, tuple[ExcInfo, ...]] | None = None
        self._head_out = self._replaced = self._complete = False
        self._apology = _apology(environ)
        self._session = environ[state.options.key] = Session(state, store)

    def respond(self, app: WSGIApp) -> Iterable[bytes]:
        with self.abandoning():
            body = app(self._environ, self.start_response)
            if isinstance(body, list | tuple) or self._is_file(body):
                # Nothing is computed any more: the server may see the body's length or send the file itself.
                try:
                    self.end()
                finally:
                    if not self._complete or self._replaced:
                        _close_body(body)
                return self._apology if self._replaced else body
            try:
                return _Body(self, body)
            except BaseException:  # it could not be iterated over
                _close_body(body)
                raise

    def start_response(self, status: str, headers: Headers, exc_info: ExcInfo | None = None) -> Write:
        given = () if exc_info is None else (exc_info,)
        if self._head_out:
            return self._real_start_response(status, headers, *given)  # raises, as the protocol wants
        if self._held is not None and not given:
            raise RuntimeError("the application called start_response twice without exc_info")
        self._held = status, list(headers), given
        return self._write

    def _write(self, data: bytes) -> None:
        self.send_head()
        if self._real_write is not None:
            self._real_write(data)

    def send_head(self) -> None:
        """Commit, and send the held head, or a 503 if the store fails."""
        if self._head_out:
            return
        if self._held is None:
            raise RuntimeError("the application returned a body without calling start_response")
        status, headers, exc_info = self._held
        try:
            outcome = self._commit()
        except StoreUnavailable as error:
            tell_outage(self._state, error)
            if self._state.options.on_unavailable == "raise":
                raise
            self._replaced = True
            status, headers, exc_info = _UNAVAILABLE_STATUS, list(UNAVAILABLE_HEADERS), ()
        else:
            outcome.add_to(headers)
        self._head_out = self._state.head_sent = True
        write = self._real_start_response(status, headers, *exc_info)
        if not self._replaced:
            self._real_write = write

    def _commit(self) -> Outcome:
        check_entry(self._state, self._environ.get(self._state.options.key), self._session)
        return run(commit(self._state), self._store)

    def end(self) -> None:
        """Commit what was not committed yet; the response is complete then."""
        if self._state.closed:
            return
        if self._head_out and not self._replaced:
            self._commit()
        else:
            self.send_head()
        self._state.finish()
        self._complete = True

    def next_chunk(self, chunks: Iterator[bytes]) -> bytes:
        """Return the next chunk that is not empty; the head goes out before the first."""
        if not self._replaced:
            with self.abandoning():
                for chunk in chunks:
                    if chunk:
                        self.send_head()
                        break
                else:
                    self.end()
                    chunk = b""
            if chunk and not self._replaced:
                return chunk
        if self._replaced and self._apology:
            return self._apology.pop()
        raise StopIteration

    def close(self) -> None:
        """Save what the application did even if the server did not want the whole body."""
        if self._complete:
            warn_of_late_changes(self._state)
        elif not (self._state.closed or self._replaced):
            self._state.head_sent = True
            self._commit()
            self._state.finish()

    def _is_file(self, body: Iterable[bytes]) -> bool:
        wrapper = self._environ.get("wsgi.file_wrapper")
        return isinstance(wrapper, type) and isinstance(body, wrapper)

    @contextmanager
    def abandoning(self) -> Generator[None, None, None]:
        """Carry out a pending destroy, and nothing else, if the application raises."""
        try:
            yield
        except BaseException:
            self._state.unset |= self._environ.get(self._state.options.key) is None
            try:
                run(abandon(self._state), self._store)
            except Exception:  # noqa: BLE001 (the application's error is the one to be heard of)
                logger.exception("a session could not be destroyed after the application raised")
            self._state.finish()
            raise


class _Body:
    """The body of a response, passed through lazily."""

    def __init__(self, exchange: _Exchange, body: Iterable[bytes]) -> None:
        self._exchange = exchange
        self._body = body
        self._chunks = iter(body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._exchange.next_chunk(self._chunks)

    def close(self) -> None:
        with self._exchange.abandoning():
            _close_body(self._body)
        self._exchange.close()


def _apology(environ: Environ) -> list[bytes]:
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [UNAVAILABLE]


def _close_body(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


def _path(environ: Environ) -> str:
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return path.encode("latin-1").decode("utf-8", "replace") or "/"


def _store_or_opener(store: Store | str) -> tuple[Store | None, Callable[[], Store]]:
    if isinstance(store, str):
        return None, lambda: open_store(store)
    if isinstance(store, AsyncStore):
        raise TypeError(
            f"{type(store).__name__} is an async store: WSGI needs a blocking one; "
            "use the blocking store of the same backend, or coatcheck.asgi"
        )
    if not isinstance(store, Store):
        raise TypeError(f"store must be a coatcheck.Store or a URL, not {type(store).__name__}")
    return store, lambda: store


def _close(setup: Setup[Store]) -> None:
    opened = setup.take_opened()
    if opened is not None:
        opened.close()
