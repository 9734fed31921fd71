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
        https = forwarded.partition(",")[0].strip().lower() in ("https", "wss")
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
    renewing = _reads_and_renews(state)
    for sid in list(state.verified):
        stored = yield from _read(state, sid, renewing)
        if stored is None:
            state.verified.remove(sid)
            continue
        understood = _understand(state, sid, stored)
        if understood is None:
            continue
        state.take_up(*understood)
        if _lifetime_is_over(state):
            logger.debug("session %s reached max_lifetime and was ended", label(sid))
            state.verified.remove(sid)
            state.forget()
            yield from calls.destroy(sid)
            continue
        state.loaded = True
        correction = None if state.detached else _correction(state, renewing)
        if correction is not None:
            yield from calls.touch(state.context.supports, sid, *correction)
        return


def reload(state: State) -> Flow[None]:
    """Read the session anew, dropping unsaved changes; ``Session.reload``."""
    state.require_usable()
    state.access()
    identity = state.identity
    stored = None if state.record is None else (yield from calls.get(state.sid))
    if state.identity != identity:  # regenerated or destroyed while the store answered
        state.require_usable()
        return
    if stored is None:
        raise SessionDestroyed("there is nothing to reload: the session is not stored, or ended meanwhile")
    understood = _understand(state, state.sid, stored)
    if understood is None:
        raise SessionDestroyed("there is nothing to reload: the stored session cannot be read")
    state.take_up(*understood)
    state.drop_changes()
    if _lifetime_is_over(state):
        raise SessionDestroyed("there is nothing to reload: the session reached max_lifetime")


def _reads_and_renews(state: State) -> bool:
    """Tell whether reading renews: only sessions that live as long as they are used."""
    own_lifetimes = state.cookie_options.max_age is not None or state.options.rolling
    return state.context.supports.get_and_touch and not own_lifetimes and not state.detached


def _read(state: State, sid: str, renewing: bool) -> Flow[bytes | None]:
    if not renewing:
        return (yield from calls.get(sid))
    ttl = _within(state.options.ttl, state.time_left())
    return (yield from calls.get_and_touch(sid, ttl, slack(state.options, ttl)))


def _within(ttl: float, left: float | None) -> float:
    return ttl if left is None else min(ttl, left)


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


def _lifetime_is_over(state: State) -> bool:
    """Apply ``max_lifetime``, which starts now where the record has no usable start."""
    if state.options.max_lifetime is None:
        return False
    now = state.options.clock()
    if state.started is None or state.started > now:
        state.started, state.start_unsaved = round(now, 3), True
    return state.started + state.options.max_lifetime <= now


def _correction(state: State, renewing: bool) -> tuple[float, float] | None:
    """Return the ttl and slack of a second renewal, or None.

    It is due where the loaded cookie has another lifetime than the options made us
    assume, or where ``max_lifetime`` leaves less. How much is left of a record its
    payload does not tell: whoever only renews a record leaves ``expires`` behind
    (node-stores 2.0).
    """
    options, lifetime, left = state.options, state.cookie.original_max_age, state.time_left()
    if renewing:
        wanted = _within(options.ttl if lifetime is None else lifetime, left)
        return (wanted, 0.0) if wanted < options.ttl else None
    if options.rolling:
        return None  # renewed at the commit
    if lifetime is None:
        ttl = _within(options.ttl, left)
        return ttl, slack(options, ttl)
    at_least = state.cookie.max_age or 0.0
    return (left, 0.0) if left is not None and left < at_least else None
