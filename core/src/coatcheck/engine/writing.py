"""Writing a session: creating, writing over, merging, ending."""

import inspect
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from coatcheck._log import label, logger
from coatcheck.engine import calls
from coatcheck.engine.calls import Flow, Wait
from coatcheck.engine.documents import Document, Record, Unreadable, decode, encode, read, seal
from coatcheck.engine.loading import slack
from coatcheck.engine.merge import Changes, cookie_changes, find_changes, merge_cookie
from coatcheck.engine.state import State
from coatcheck.errors import SessionConflict, SessionDestroyed
from coatcheck.store import Replaced

_T = TypeVar("_T")
_MOST_SECONDS = 5.0
_PAUSE = (0.001, 0.020)


def renewed_ttl(state: State) -> float:
    """Start the cookie's lifetime over and return that of the record, in seconds."""
    left = state.time_left()
    state.renew_cookie(left)
    lifetime = state.cookie.original_max_age
    ttl = state.options.ttl if lifetime is None else lifetime
    return ttl if left is None else min(ttl, left)


def touch(state: State, record: Record) -> Flow[bool]:
    """Renew the record; False if it is gone."""
    ttl = renewed_ttl(state)
    # touch() was asked for; only a renewal that is nobody's wish may be left out.
    lenience = 0.0 if state.touch_due else slack(state.options, ttl)
    state.touch_due = False
    state.saved = True  # settled: a second commit while the body streams has nothing to add
    return (yield from calls.touch(state.context.supports, record.sid, ttl, lenience))


@dataclass(frozen=True, slots=True)
class Edits:
    """What this request changed since it loaded or saved its record: data and cookie attributes."""

    data: Changes
    cookie: dict[str, Any]


def _edits_since(state: State, record: Record, data: dict[str, Any], cookie: dict[str, Any]) -> Edits:
    """Find what this request changed since ``record`` was its session, ``data`` being it now."""
    base = decode(state.options, record.plain).data
    return Edits(find_changes(base, data, state.assigned, state.cleared, _sameness(state)), cookie)


def _cookie_edits(state: State) -> dict[str, Any]:
    return cookie_changes(state.cookie_before, state.cookie.snapshot())


def _sameness(state: State) -> Callable[[Any, Any], bool]:
    encode_document = state.options.codec.encode
    return lambda one, other: one is other or encode_document({"": one}) == encode_document({"": other})


def _rebase(state: State, sid: str, current: bytes, edits: Edits) -> dict[str, Any]:
    """Return this request's changes applied to what is stored now; the cookie is merged in place."""
    try:
        _, theirs = read(state.options, sid, current)
    except Unreadable:  # nothing to merge with: ours replaces it
        return state.data
    state.cookie.load_json(merge_cookie(theirs.cookie, edits.cookie))
    if theirs.started is not None:
        state.started = theirs.started
    return edits.data.applied_to(theirs.data, _sameness(state))


class Patience:
    """Counts the attempts of one write and spaces them."""

    def __init__(self, attempts: int = 100) -> None:
        self._attempts = attempts
        self._deadline = time.monotonic() + _MOST_SECONDS

    def wait(self) -> Flow[None]:
        """Pause before the next attempt, or raise :class:`SessionConflict` if there is none left."""
        self._attempts -= 1
        if self._attempts <= 0 or time.monotonic() >= self._deadline:
            raise SessionConflict("other requests changed the session at every attempt to save it; try again")
        yield Wait(random.uniform(*_PAUSE))  # noqa: S311 (spacing, not secrecy)


def _pack(state: State, sid: str, data: dict[str, Any]) -> Record:
    document = Document(state.cookie.to_json(), state.started, data)
    return seal(state.options, state.context.warnings, sid, encode(state.options, document))


def create(state: State, data: dict[str, Any]) -> Flow[None]:
    """Store a new session, then end the one that it follows on from.

    Not where its cookie cannot be sent: nobody could come back to it, so that it
    would only fill the store.
    """
    if obstacle := state.cookie_obstacle():
        state.context.warnings.warn(
            "a new session was not stored, since its cookie cannot be sent: %s", obstacle
        )
        state.data = data
        yield from end_retired(state)
        return
    if state.options.max_lifetime is not None and state.started is None:
        state.started = round(state.options.clock(), 3)
    retiring = state.retiring
    if retiring is None or not retiring.keep_data:
        yield from _set(state, data)
        yield from end_retired(state)
        return
    edits = _edits_since(state, retiring.record, data, _cookie_edits(state))
    yield from _set(state, data)
    yield from _end_predecessor(state, retiring.record, edits)
    state.retiring = None


def end_retired(state: State) -> Flow[None]:
    """End the record of before ``regenerate``, whatever it holds now."""
    if state.retiring is not None:
        yield from calls.destroy(state.retiring.record.sid)
        state.retiring = None


def _set(state: State, data: dict[str, Any]) -> Flow[None]:
    ttl = renewed_ttl(state)
    record = _pack(state, state.sid, data)
    yield from calls.set(record.sid, record.stored, ttl)
    state.accept(record, data)


def _end_predecessor(state: State, old: Record, edits: Edits) -> Flow[None]:
    """End the record whose data was kept, without losing what others stored in it meanwhile."""
    patience = Patience()
    expected = old.stored
    while True:
        ended = yield from calls.replace(state.context.supports, old.sid, expected, 0.0, expected)
        if ended.written:
            return
        if ended.current is None:
            # Somebody logged out meanwhile: what that session held must not live on in this one.
            logger.info("session %s ended while it was regenerated; its data is not kept", label(old.sid))
            yield from _set(state, {k: v for k, v in state.data.items() if k in state.assigned_ever})
            return
        expected = ended.current
        yield from _set(state, _rebase(state, old.sid, expected, edits))
        yield from patience.wait()


def update(state: State, record: Record) -> Flow[bool]:
    """Write the session over its record, merged with what others stored meanwhile; False if it is gone."""
    policy, patience = state.options.on_conflict, Patience()
    data, expected = state.data, record.stored
    edits: Edits | None = None
    cookie_edits = _cookie_edits(state)  # before the renewal, which is no edit
    while True:
        replaced = yield from _replace(state, record.sid, data, None if policy == "overwrite" else expected)
        if replaced.written:
            return True
        if replaced.current is None:
            return False
        if policy == "raise":
            raise SessionConflict("another request changed the session meanwhile; nothing was written")
        edits = edits or _edits_since(state, record, state.data, cookie_edits)
        expected = replaced.current
        data = _rebase(state, record.sid, expected, edits)
        yield from patience.wait()


def _replace(state: State, sid: str, data: dict[str, Any], expected: bytes | None) -> Flow[Replaced]:
    ttl = renewed_ttl(state)
    record = _pack(state, sid, data)
    replaced = yield from calls.replace(state.context.supports, sid, record.stored, ttl, expected)
    if replaced.written:
        state.accept(record, data)
    return replaced


def transact(state: State, function: Callable[[dict[str, Any]], _T], attempts: int) -> Flow[_T]:
    """Apply ``function`` to what is stored, exactly once in effect, and save; ``Session.transact``."""
    state.require_usable()
    state.require_cookie_possible()
    state.access()
    state.examine()
    if state.retiring is not None:
        yield from create(state, state.data)  # first brings in what others stored under the old id
    if state.record is None:
        data = _copy(state, state.data)
        result = _apply(function, data)
        yield from create(state, data)
        return result
    sid, patience = state.record.sid, Patience(attempts)
    edits = _edits_since(state, state.record, state.data, _cookie_edits(state))
    current = yield from calls.get(sid)
    while current is not None and not state.gone:
        data = _copy(state, _rebase(state, sid, current, edits))
        result = _apply(function, data)
        replaced = yield from _replace(state, sid, data, current)
        if replaced.written:
            return result
        current = replaced.current
        yield from patience.wait()
    raise gone(state)


def _apply(function: Callable[[dict[str, Any]], _T], data: dict[str, Any]) -> _T:
    result = function(data)
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise TypeError("transact needs a plain function: one that awaits cannot be repeated at a conflict")
    return result


def _copy(state: State, data: dict[str, Any]) -> dict[str, Any]:
    return decode(state.options, encode(state.options, Document({}, None, data))).data


def gone(state: State) -> SessionDestroyed:
    """Note that the session's record is gone, and return the error that says so."""
    state.gone = True
    return SessionDestroyed("the session ended meanwhile: it was destroyed elsewhere, or its time is over")
