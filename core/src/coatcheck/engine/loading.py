"""From a request to its session: which id it carries, and what lives under it."""

from collections.abc import Mapping
from typing import Any

from coatcheck._log import label, logger
from coatcheck.cookie import cookie_values, path_matches
from coatcheck.engine import calls
from coatcheck.engine.calls import Flow
from coatcheck.engine.documents import Document, Record, Unreadable, read
from coatcheck.engine.state import Context, State
from coatcheck.errors import SessionDestroyed
from coatcheck.options import Options

_MOST_CANDIDATES = 4


def begin(
    context: Context, request: Mapping[str, Any], *, path: str, cookies: str, https: bool, forwarded: str
) -> State | None:
    """Return the state of a request's session, not loaded yet; None: the request gets no session.

    ``cookies`` is the Cookie header, ``https`` the server's scheme, ``forwarded``
    the X-Forwarded-Proto header, which counts only with ``trust_proxy``.
    """
    options = context.options
    if options.exclude is not None and options.exclude(request):
        return None
    cookie_options = options.cookie_options(request)
    if not path_matches(path, cookie_options.path):
        return None
    if options.trust_proxy and not https:
        https = forwarded.partition(",")[0].strip().lower() == "https"
    state = State(context, request, cookie_options, https)
    if options.name in cookies:
        _identify(state, cookies)
    return state


def _identify(state: State, cookies: str) -> None:
    """Collect the ids that the request's cookies of our name carry and that verify."""
    unsign, warnings = state.options.signer.unsign, state.context.warnings
    found = 0
    for value in cookie_values(cookies, state.options.name):
        found += 1
        sid = unsign(value)
        if sid is None:
            warnings.warn(
                "a session cookie that does not verify was ignored: forged, or signed by an old secret"
            )
        elif sid not in state.verified:
            state.verified.append(sid)
            if len(state.verified) == _MOST_CANDIDATES:
                break
    state.has_cookie = found > 0
    if found > 1:
        warnings.warn("a request has several session cookies; is one left from another path or domain?")


def load(state: State) -> Flow[None]:
    """Take up the first living session among the request's ids; an unknown id is never adopted."""
    for sid in list(state.verified):
        stored = yield from _read(state, sid)
        if stored is None:
            state.verified.remove(sid)
            continue
        document = _understand(state, sid, stored)
        if document is not None and (yield from _take_up(state, *document)):
            return


def reload(state: State) -> Flow[None]:
    """Read the session anew, dropping unsaved changes; ``Session.reload``."""
    state.require_usable()
    state.access()
    stored = None if state.record is None else (yield from calls.get(state.sid))
    if stored is None:
        raise SessionDestroyed("there is nothing to reload: the session is not stored, or ended meanwhile")
    understood = _understand(state, state.sid, stored)
    if understood is None:
        raise SessionDestroyed("there is nothing to reload: the stored session cannot be read")
    state.take_up(*understood)


def _reads_and_renews(options: Options, cookie_lifetime: float | None) -> bool:
    return cookie_lifetime is None and not options.rolling


def _read(state: State, sid: str) -> Flow[bytes | None]:
    options = state.options
    if state.detached or not _reads_and_renews(options, state.cookie_options.lifetime):
        return (yield from calls.get(sid))
    left = state.time_left()
    ttl = options.ttl if left is None else min(options.ttl, left)
    return (yield from calls.get_and_touch(state.context.supports, sid, ttl, slack(options, ttl)))


def slack(options: Options, ttl: float) -> float:
    """How much of a lifetime may have passed before a renewal is worth a write."""
    return min(options.touch_after, max(ttl, 0.0))


def _understand(state: State, sid: str, stored: bytes) -> tuple[Record, Document] | None:
    try:
        return read(state.options, sid, stored)
    except Unreadable as error:
        state.context.warnings.warn(
            "the record of session %s cannot be read (%s); it is treated as no session", label(sid), error
        )
        return None


def _take_up(state: State, record: Record, document: Document) -> Flow[bool]:
    """Continue a record's session; False if its time is over."""
    state.take_up(record, document)
    if state.options.max_lifetime is not None:
        if state.started is None or state.started > state.options.clock():
            state.started, state.start_unsaved = round(state.options.clock(), 3), True
        left = state.time_left()
        if left is not None and left <= 0:
            logger.debug("session %s reached max_lifetime and was ended", label(record.sid))
            yield from calls.destroy(record.sid)
            state.verified.remove(record.sid)
            state.forget()
            return False
    state.loaded = True
    if not state.detached:
        yield from _correct_lifetime(state, record.sid)
    return True


def _correct_lifetime(state: State, sid: str) -> Flow[None]:
    """Renew once more where the loaded cookie has another lifetime than the options made us assume."""
    options, cookie, left = state.options, state.cookie, state.time_left()
    idle = options.ttl
    remaining = cookie.max_age
    lifetime = cookie.original_max_age
    if _reads_and_renews(options, state.cookie_options.lifetime):
        wanted = idle if lifetime is None else _own_end(remaining, lifetime)
        wanted = wanted if left is None else min(wanted, left)
        if wanted < idle:
            yield from calls.touch(state.context.supports, sid, wanted, 0.0)
    elif options.rolling:
        return  # renewed at the commit
    elif lifetime is None:
        ttl = idle if left is None else min(idle, left)
        yield from calls.touch(state.context.supports, sid, ttl, slack(options, ttl))
    elif left is not None and left < _own_end(remaining, lifetime):
        yield from calls.touch(state.context.supports, sid, left, 0.0)


def _own_end(remaining: float | None, lifetime: float) -> float:
    # A stored end in the past is stale, not over: Express renews the record alone (node-stores 2.0).
    return remaining if remaining is not None and remaining > 0 else lifetime
