"""The session that an application works with: a mapping, and what can be done to it."""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, Generic, Self, TypeVar, Unpack

from coatcheck._log import RateLimit
from coatcheck._run import Turns, run, run_async, run_shielded
from coatcheck.cookie import Cookie, CookieOptions
from coatcheck.engine import committing, writing
from coatcheck.engine.documents import RESERVED
from coatcheck.engine.loading import load, reload
from coatcheck.engine.state import Context, State, modified
from coatcheck.options import SessionOptions, parse_options
from coatcheck.store import AsyncStore, Store

__all__ = ["AsyncSession", "Session", "load_session", "load_session_async"]

_T = TypeVar("_T")
_S = TypeVar("_S", bound=Store | AsyncStore)
_ATTEMPTS = 100


class _BaseSession(MutableMapping[str, Any], Generic[_S]):
    """What blocking and async sessions share: everything that does not wait.

    A mapping from str to JSON values. Nested changes count as modified. Any read or
    write of the mapping, ``id``, ``is_new`` or ``cookie`` counts as access, so that
    responses vary by cookie; taking the object does not.
    """

    __slots__ = ("_state", "_store")

    def __init__(self, state: State, store: _S) -> None:
        self._state = state
        self._store = store

    # -- the mapping

    def __getitem__(self, key: str) -> Any:
        self._state.access()
        if key in RESERVED:
            raise KeyError(f"{key!r} is reserved; the cookie's attributes are in session.cookie")
        return self._state.data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if key in RESERVED:
            raise ValueError(f"{key!r} is reserved; the cookie's attributes are in session.cookie")
        state = self._state
        if self._may_change():
            state.data[key] = value
            state.assigned.add(key)

    def __delitem__(self, key: str) -> None:
        state = self._state
        if not self._may_change():
            raise KeyError(key)
        del state.data[key]
        state.assigned.add(key)

    def __iter__(self) -> Iterator[str]:
        self._state.access()
        return iter(self._state.data)

    def __len__(self) -> int:
        self._state.access()
        return len(self._state.data)

    def clear(self) -> None:
        """Delete every key, also those that other requests add meanwhile."""
        state = self._state
        if self._may_change():
            state.assigned.update(state.data)
            state.data.clear()
            state.cleared = True

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self._state.data)} keys>"

    def _may_change(self) -> bool:
        """Prepare for a change: raise where it is impossible, return False where it is dropped."""
        state = self._state
        state.access()
        if state.anonymous:
            state.context.warnings.warn(
                "a change to a session was dropped: the store is unavailable and on_unavailable='anonymous'"
            )
            return False
        state.require_usable()
        state.require_cookie_possible()
        return True

    # -- what is known of it

    @property
    def id(self) -> str:
        """The session's id; regenerate() changes it."""
        self._state.access()
        return self._state.sid

    @property
    def is_new(self) -> bool:
        """True if the session did not come with the request: new, or regenerated."""
        self._state.access()
        return not self._state.loaded

    @property
    def cookie(self) -> Cookie:
        """The attributes of this session's cookie; changing them counts as a modification."""
        self._state.access()
        return self._state.cookie

    @property
    def modified(self) -> bool:
        """True if data, nested data or cookie attributes differ from what the request began with."""
        return modified(self._state)

    @property
    def accessed(self) -> bool:
        """True once the session was read or written."""
        return self._state.accessed

    @property
    def store(self) -> _S:
        """The store that holds the session."""
        return self._store

    # -- what can be done to it without waiting; carried out at the commit

    def touch(self) -> None:
        """Start the lifetime over: the record is renewed and the cookie sent, at the commit.

        Raises :class:`SessionDestroyed` after ``destroy()``.
        """
        if self._may_change():
            self._state.touched = self._state.touch_due = True

    def regenerate(self, keep_data: bool = False) -> None:
        """Give the session a new id at once; the old one is unusable before the response leaves.

        Without ``keep_data`` the session starts empty, as in express-session; with it
        the data stays, which is what a change of privileges (a login) wants. Raises
        :class:`SessionClosed` once the response's head was sent.
        """
        state = self._state
        if not state.destroyed:
            state.require_usable()
        state.require_head_open()
        state.renew_id(keep_data=keep_data)

    def destroy(self) -> None:
        """End the session, at the commit and also if the application raises; the browser's cookie is cleared.

        Reads see an empty mapping from now on; writes raise :class:`SessionDestroyed`.
        """
        state = self._state
        if not state.destroyed:
            state.require_usable()
            state.access()
            state.destroy()

    def unset(self) -> None:
        """Leave the session out of the commit, as deleting its entry from scope or environ does."""
        self._state.access()
        self._state.unset = True


class Session(_BaseSession[Store]):
    """A session in blocking code."""

    __slots__ = ()

    def destroy(self) -> None:
        """End the session; see above. Outside a request it ends at once."""
        super().destroy()
        if self._state.detached:
            run(committing.end_doomed(self._state), self._store)

    def save(self) -> None:
        """Write the session now, merged with what other requests stored meanwhile.

        Raises :class:`SessionDestroyed` if it ended meanwhile, :class:`SessionConflict`,
        :class:`NotSerializable`, :class:`SessionTooLarge`, :class:`StoreUnavailable`.
        """
        run(committing.save(self._state), self._store)

    def reload(self) -> None:
        """Read the session anew; unsaved changes are dropped.

        Raises :class:`SessionDestroyed` if there is nothing stored, :class:`StoreUnavailable`.
        """
        run(reload(self._state), self._store)

    def transact(self, function: Callable[[dict[str, Any]], _T], *, attempts: int = _ATTEMPTS) -> _T:
        """Apply ``function`` to a fresh copy of the stored data and save, until no other write interferes.

        ``function`` is plain, has no other effects and may be called several times;
        what it returns is returned. Raises :class:`SessionConflict` after ``attempts``
        or 5 seconds, :class:`SessionDestroyed` if the session is gone,
        :class:`StoreUnavailable` (outcome unknown, not repeated).
        """
        return run(writing.transact(self._state, function, attempts), self._store)


class AsyncSession(_BaseSession[AsyncStore]):
    """A session in async code: ``save``, ``reload`` and ``transact`` are awaited, all else is plain.

    They wait for each other. A ``save`` or ``transact`` that was begun is carried
    out to its end if its caller is cancelled.
    """

    __slots__ = ("_turns",)

    def __init__(self, state: State, store: AsyncStore, turns: Turns | None = None) -> None:
        super().__init__(state, store)
        self._turns = turns or Turns()

    async def save(self) -> None:
        """See :meth:`Session.save`. Outside a request it also carries out a ``destroy()``."""
        await run_shielded(committing.save(self._state), self._store, self._turns)

    async def reload(self) -> None:
        """See :meth:`Session.reload`."""
        await run_async(reload(self._state), self._store, self._turns)

    async def transact(self, function: Callable[[dict[str, Any]], _T], *, attempts: int = _ATTEMPTS) -> _T:
        """See :meth:`Session.transact`; ``function`` is plain here too."""
        return await run_shielded(writing.transact(self._state, function, attempts), self._store, self._turns)


def load_session(store: Store, sid: str, /, **options: Unpack[SessionOptions]) -> Session | None:
    """Load a session outside a request (jobs, sockets, scripts), or return None if there is none.

    Reading does not prolong it. ``options`` are the middleware's; those of requests
    and cookies have no effect. Raises ``TypeError`` for a wrong store or option,
    :class:`StoreUnavailable`.
    """
    if not isinstance(store, Store):
        raise TypeError(
            f"load_session takes a blocking Store, not {type(store).__name__}; see load_session_async"
        )
    state = _detached_state(store, sid, options)
    run(load(state), store)
    return Session(state, store) if state.loaded else None


async def load_session_async(
    store: AsyncStore, sid: str, /, **options: Unpack[SessionOptions]
) -> AsyncSession | None:
    """Load a session outside a request; see :func:`load_session`.

    ``destroy()`` is carried out by ``save()``.
    """
    if not isinstance(store, AsyncStore):
        raise TypeError(
            f"load_session_async takes an AsyncStore, not {type(store).__name__}; see load_session"
        )
    state = _detached_state(store, sid, options)
    await run_async(load(state), store)
    return AsyncSession(state, store) if state.loaded else None


def _detached_state(store: Store | AsyncStore, sid: str, options: SessionOptions) -> State:
    parsed = parse_options(b"no cookie is signed outside a request", options, key="session")
    context = Context(parsed, store.supports, RateLimit())
    cookie = parsed.cookie if isinstance(parsed.cookie, CookieOptions) else CookieOptions()
    state = State(context, {}, cookie, https=True)
    state.detached = True
    state.verified.append(sid)
    return state
