"""Writing a session: creating, writing over, merging, ending."""

import inspect
import random
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from coatcheck._log import label, logger
from coatcheck.cookie import Cookie
from coatcheck.engine import calls
from coatcheck.engine.calls import Flow, Wait
from coatcheck.engine.documents import Document, Record, Unreadable, decode, encode, read, seal
from coatcheck.engine.drafts import Retiring
from coatcheck.engine.loading import slack
from coatcheck.engine.merge import Same, cookie_changes, find_changes, merge_cookie
from coatcheck.engine.state import State
from coatcheck.errors import SessionConflict, SessionDestroyed
from coatcheck.store import Replaced

_T = TypeVar("_T")
_MOST_SECONDS = 5.0
_PAUSE = (0.001, 0.020)


class Version(NamedTuple):
    """What is to be written: this request's own session, or that merged with what others stored."""

    data: dict[str, Any]
    cookie: Cookie


def _own(state: State) -> Version:
    return Version(state.data, state.copy_cookie())


def _merged(
    state: State, base: Record, current: bytes, touched: set[str], cleared: bool
) -> tuple[Version, Record]:
    """Apply what this request changed since ``base`` to what is stored now; return that record too.

    ``touched`` are the keys assigned or deleted since ``base``, ``cleared`` whether all were.
    """
    try:
        record, theirs = read(state.options, base.sid, current)
    except Unreadable:  # nothing to merge with: ours replaces it
        return _own(state), Record(base.sid, current, base.plain)
    ours, same, cookie = decode(state.options, base.plain), _sameness(state), state.copy_cookie()
    cookie.load_json(merge_cookie(theirs.cookie, cookie_changes(ours.cookie, cookie.snapshot())))
    if theirs.started is not None:
        state.started = theirs.started
    changes = find_changes(ours.data, state.data, touched, cleared, same)
    return Version(changes.applied_to(theirs.data, same), cookie), record


def _sameness(state: State) -> Same:
    to_bytes = state.options.codec.encode
    # Under its own key, which is what an error about the value names.
    return lambda key, one, other: one is other or to_bytes({key: one}) == to_bytes({key: other})


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


def touch(state: State, record: Record) -> Flow[bool]:
    """Renew the record; False if it is gone."""
    state.renew_cookie()
    ttl = _ttl(state, state.cookie)
    # touch() was asked for; only a renewal that is nobody's wish may be left out.
    lenience = 0.0 if state.touch_due else slack(state.options, ttl)
    state.touch_due = False
    state.saved = True  # settled: a second commit while the body streams has nothing to add
    return (yield from calls.touch(state.context.supports, record.sid, ttl, lenience))


def _ttl(state: State, cookie: Cookie) -> float:
    lifetime, left = cookie.original_max_age, state.time_left()
    ttl = state.options.ttl if lifetime is None else lifetime
    return ttl if left is None else min(ttl, left)


def create(state: State, data: dict[str, Any]) -> Flow[None]:
    """Store a new session, then end the one that it follows on from; or note in ``withheld`` that it was not.

    Not where its cookie cannot be sent: nobody could come back to it, so that it
    would only fill the store.
    """
    obstacle = state.cookie_obstacle()
    state.withheld = obstacle is not None
    if obstacle is not None:
        state.context.warnings.warn(
            "a new session was not stored, since its cookie cannot be sent: %s", obstacle
        )
        state.data = data
        yield from end_retired(state)
        return
    if state.options.max_lifetime is not None and state.started is None:
        state.started = round(state.options.clock(), 3)
    yield from _set(state, Version(data, state.copy_cookie()))
    yield from finish_retiring(state)


def end_retired(state: State) -> Flow[None]:
    """End the record of before ``regenerate``, whatever it holds now."""
    if state.retiring is not None:
        sid = state.retiring.record.sid
        if sid != state.known_sid:  # ``generate_id`` may give the same id again, which is written over
            yield from calls.destroy(sid)
        state.forget_retired()


def finish_retiring(state: State) -> Flow[None]:
    """End the record of before ``regenerate`` once the new one is written."""
    if state.retiring is not None and state.retiring.keep_data and state.retiring.record.sid != state.sid:
        yield from _end_predecessor(state, state.retiring)
        state.forget_retired()
    else:
        yield from end_retired(state)


def _end_predecessor(state: State, retiring: Retiring) -> Flow[None]:
    """End the record whose data was kept, without losing what others stored in it meanwhile."""
    identity, patience = state.identity, Patience()
    while state.identity == identity:
        old, again = retiring.record, retiring.uncertain
        retiring.uncertain = True
        ended = yield from calls.replace(state.context.supports, old.sid, old.stored, 0.0, old.stored)
        retiring.uncertain = False
        if ended.written or (ended.current is None and again):
            return
        if ended.current is None:
            # Somebody logged out meanwhile: what that session held must not live on in this one.
            logger.info("session %s ended while it was regenerated; its data is not kept", label(old.sid))
            own = {key: value for key, value in state.data.items() if key in state.assigned_ever}
            yield from _set(state, Version(own, state.copy_cookie()))
            return
        version, newer = _merged(
            state,
            old,
            ended.current,
            retiring.assigned | state.assigned,
            retiring.cleared or state.cleared,
        )
        yield from _set(state, version)
        retiring.record = newer
        yield from patience.wait()


def update(state: State, record: Record) -> Flow[bool]:
    """Write the session over its record, merged with what others stored meanwhile; False if it is gone."""
    policy, identity, patience = state.options.on_conflict, state.identity, Patience()
    version, expected = _own(state), record.stored
    while True:
        replaced = yield from _replace(
            state, record.sid, version, None if policy == "overwrite" else expected
        )
        if replaced.written or state.identity != identity:  # destroyed or regenerated while it waited
            return True
        if replaced.current is None:
            return False
        if policy == "raise" and state.unsaved:
            state.conflicted = True
            raise SessionConflict("another request changed the session meanwhile; nothing was written")
        expected = replaced.current
        yield from patience.wait()
        version, _ = _merged(state, record, expected, state.assigned, state.cleared)


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
    record, identity, patience = state.record, state.identity, Patience(attempts)
    current = yield from calls.get(record.sid)
    while current is not None and not state.gone and state.identity == identity:
        version, _ = _merged(state, record, current, state.assigned, state.cleared)
        data = _copy(state, version.data)
        result = _apply(function, data)
        replaced = yield from _replace(state, record.sid, Version(data, version.cookie), current)
        if replaced.written:
            state.assigned_ever |= {key for key in data if data[key] != version.data.get(key)}
            return result
        current = replaced.current
        if current is not None:
            yield from patience.wait()
    if state.identity != identity:
        state.require_usable()
        raise SessionConflict("the session was regenerated while transact() waited; nothing was written")
    raise gone(state)


def _set(state: State, version: Version) -> Flow[None]:
    def write(record: Record, ttl: float) -> Flow[Replaced]:
        yield from calls.set(record.sid, record.stored, ttl)
        return Replaced(True)

    yield from _store(state, state.sid, version, write)


def _replace(state: State, sid: str, version: Version, expected: bytes | None) -> Flow[Replaced]:
    def write(record: Record, ttl: float) -> Flow[Replaced]:
        return calls.replace(state.context.supports, record.sid, record.stored, ttl, expected)

    return (yield from _store(state, sid, version, write))


def _store(
    state: State, sid: str, version: Version, write: Callable[[Record, float], Flow[Replaced]]
) -> Flow[Replaced]:
    """Renew and write a version, and keep what the application changes while it waits for that."""
    data, cookie = version
    cookie.renew(state.time_left())
    document = Document(cookie.to_json(), state.started, data)
    record = seal(state.options, state.context.warnings, sid, encode(state.options, document))
    before = data if data is state.data else _copy(state, state.data)
    draft = state.begin_write(record, data, cookie)
    written = False
    try:
        replaced = yield from write(record, _ttl(state, cookie))
        written = replaced.written
    finally:
        if not written:
            state.take_back(draft)
    if written:
        state.accept(draft)
        if data is not state.data and draft.contents == state.contents:
            same = _sameness(state)
            later = find_changes(before, state.data, state.assigned, state.cleared, same)
            state.data = later.applied_to(data, same)
    return replaced


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
