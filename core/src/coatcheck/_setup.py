"""What both middlewares do before the first request: options, store, and advice to operators."""

import multiprocessing
import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from coatcheck._log import RateLimit, label, logger
from coatcheck.bridge import ThreadedStore
from coatcheck.engine.state import Context, State, changed_since_saved
from coatcheck.errors import StoreUnavailable
from coatcheck.options import Options
from coatcheck.store import AsyncStore, Store

__all__ = [
    "UNAVAILABLE",
    "UNAVAILABLE_HEADERS",
    "Setup",
    "check_entry",
    "goes_on_without",
    "tell_outage",
    "warn_of_late_changes",
]

_S = TypeVar("_S", bound=Store | AsyncStore)

_WITHOUT = {
    "touch": "sessions that are only read are not renewed",
    "get_and_touch": "loading and renewing a session take two calls",
    "replace": (
        "writes are not atomic: requests at the same time can lose each other's changes or undo a logout"
    ),
}
_ENVIRONMENTS = ("APP_ENV", "ENV", "ENVIRONMENT", "FLASK_ENV", "NODE_ENV", "PYTHON_ENV")


class Setup(Generic[_S]):
    """One middleware's options and store; a store from a URL is ours: closed by us, and opened afresh."""

    def __init__(self, options: Options, given: _S | None, opener: Callable[[], _S]) -> None:
        self.options = options
        self._given = given
        self._opener = opener
        self._opening = threading.Lock()
        self._opened = opener() if given is None else None
        self._advised = self._told_passing = False
        self.context = Context(options, self.store.supports, RateLimit())
        for operation, consequence in _WITHOUT.items():
            if not getattr(self.store.supports, operation):
                logger.warning("%s does not offer %s: %s", _name(self.store), operation, consequence)

    @property
    def store(self) -> _S:
        """The store, opened afresh if it was closed; read it once for each request."""
        store = self._given if self._given is not None else self._opened
        return store if store is not None else self._open()

    def _open(self) -> _S:
        with self._opening:  # several threads may find it closed
            if self._opened is None:
                self._opened = self._opener()
            return self._opened

    def take_opened(self) -> _S | None:
        """Give up the store that was opened from a URL, so that it can be closed; None if there is none."""
        with self._opening:
            opened, self._opened = self._opened, None
        return opened

    def tell_passing_through(self) -> None:
        """Say once that a middleware further out serves the requests' sessions already."""
        if not self._told_passing:
            self._told_passing = True
            logger.warning(
                "the entry %r exists already: this session middleware passes requests through; "
                "remove one of the two",
                self.options.key,
            )

    def advise(self, request: Mapping[str, Any], store: _S) -> None:
        """Warn once where a store that lives in one process cannot serve several, or is not meant to."""
        if self._advised:
            return
        self._advised = True
        if not store.process_local:
            return
        if request.get("wsgi.multiprocess") or _is_one_of_several():
            reason = "its server has started several processes, which do not share sessions"
        elif any(os.environ.get(name, "").lower() in ("production", "prod") for name in _ENVIRONMENTS):
            reason = "this is a production setting, and a restart loses all sessions"
        else:
            return
        logger.warning(
            "%s keeps sessions in this process, but %s; use a server-backed store such as redis://",
            _name(store),
            reason,
        )


RETRY_AFTER = "5"
UNAVAILABLE = b"Service unavailable: the session store cannot be reached. Please try again.\n"
UNAVAILABLE_HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Length", str(len(UNAVAILABLE))),
    ("Retry-After", RETRY_AFTER),
]


def tell_outage(state: State, error: StoreUnavailable) -> None:
    """Log that the store is unavailable, once in a while."""
    state.context.warnings.warn("the session store is unavailable: %s", error)


def goes_on_without(state: State, error: StoreUnavailable) -> bool:
    """Apply ``on_unavailable`` to a failed load: raise, or tell whether the application runs anonymously."""
    tell_outage(state, error)
    if state.options.on_unavailable == "raise":
        raise error
    if state.options.on_unavailable == "503":
        sid = state.verified[0] if state.verified else None
        logger.debug("session %s not loaded: the store is unavailable; answered with 503", label(sid))
    state.forget()  # the outage may have begun after the record was read
    state.anonymous = state.options.on_unavailable == "anonymous"
    return state.anonymous


def check_entry(state: State, entry: object, session: object) -> None:
    """Take notice of what the application left in scope or environ.

    Raises ``TypeError`` unless it is the session, or None for a session that is unset.
    """
    if entry is None:
        state.unset = True
    elif entry is not session:
        raise TypeError(
            f"the entry {state.options.key!r} holds {type(entry).__name__}: only None (which unsets the "
            "session) may be assigned; change the session itself instead"
        )


def warn_of_late_changes(state: State) -> None:
    """Say that nested data was changed after the response had been sent."""
    nothing_to_save = state.unset or state.anonymous or state.withheld or not state.accessed
    settled = nothing_to_save or state.destroyed or state.gone
    if not settled and changed_since_saved(state):
        state.context.warnings.warn(
            "a session was changed after its response had been sent; the change is lost"
        )


def _name(store: Store | AsyncStore) -> str:
    """Return what a store is called; of one that is lent to async code, what that one is called."""
    return type(store._store if isinstance(store, ThreadedStore) else store).__name__


def _is_one_of_several() -> bool:
    workers = os.environ.get("WEB_CONCURRENCY", "")
    asked_for = workers.isdecimal() and int(workers) > 1
    return asked_for or _is_a_later_process(multiprocessing.current_process().name)


def _is_a_later_process(name: str) -> bool:
    """Tell from multiprocessing's name of a process whether its parent started others before it.

    To be a child says nothing: some servers run even their only worker in one. The
    names are ``SpawnProcess-1``, ``SpawnProcess-2``, and below the latter ``SpawnProcess-2:1``.
    """
    return re.fullmatch(r"[A-Za-z_]\w*-(\d+:)*([2-9]|[1-9]\d+)", name, re.ASCII) is not None
