"""The end of a request: the record is written, the cookie and its headers decided."""

import logging
from typing import NamedTuple

from coatcheck._log import label, logger
from coatcheck.engine import calls, writing
from coatcheck.engine.calls import Flow
from coatcheck.engine.decisions import Facts, Write, decide_cookie, decide_write
from coatcheck.engine.state import State
from coatcheck.errors import SessionDestroyed

Headers = list[tuple[str, str]]


class Outcome(NamedTuple):
    """What a commit means for the response."""

    set_cookie: str | None = None
    vary: bool = False

    def add_to(self, headers: Headers) -> None:
        """Add what the session needs to a response's headers; what the application set stays."""
        if self.vary:
            _vary_by_cookie(headers)
        if self.set_cookie is not None:
            headers.append(("Set-Cookie", self.set_cookie))
            if not any(name.lower() == "cache-control" for name, _ in headers):
                headers.append(("Cache-Control", 'no-cache="Set-Cookie"'))


def _vary_by_cookie(headers: Headers) -> None:
    for index, (name, value) in enumerate(headers):
        if name.lower() == "vary":
            fields = [field.strip().lower() for field in value.split(",")]
            if "*" not in fields and "cookie" not in fields:
                headers[index] = (name, f"{value}, Cookie" if value.strip() else "Cookie")
            return
    headers.append(("Vary", "Cookie"))


def commit(state: State) -> Flow[Outcome]:
    """Carry out what the request decided for its session; may be called again while the body streams."""
    if state.anonymous:
        return _outcome(state, "not saved: the store is unavailable", None, "the store is unavailable")
    if state.unset and state.options.unset == "destroy":
        state.destroy()
    if state.doomed:
        yield from end_doomed(state)
    elif state.destroyed and state.explained:
        return Outcome()
    if state.destroyed:
        return _outcome(state, "destroyed", *_clearing_cookie(state))
    if state.unset:
        yield from writing.end_retired(state)
        return _outcome(state, "not saved: unset", None, "unset")
    return (yield from _save_or_touch(state))


def _save_or_touch(state: State) -> Flow[Outcome]:
    if state.retiring is not None and state.record is not None:
        yield from writing.finish_retiring(state)
    state.examine()
    facts = state.facts()
    write, reason = decide_write(state.options, facts)
    if state.conflicted or (state.gone and write is not Write.NOTHING):
        return _outcome(state, "not saved: the application was told why", None, "nothing was saved")
    if write is not Write.NOTHING and not (yield from _carry_out(state, write)):
        return _dropped(state, facts)
    if state.withheld:
        return _outcome(state, "not saved: its cookie cannot be sent", None, str(state.cookie_obstacle()))
    send, why = decide_cookie(state.options, facts, write)
    if send and not state.head_sent:
        return _outcome(state, f"{write.value}: {reason}", *_session_cookie(state, why))
    return _outcome(state, f"{write.value}: {reason}", None, "the head has been sent" if send else why)


def _carry_out(state: State, write: Write) -> Flow[bool]:
    """Write or renew; False if the record is gone."""
    if state.record is None:
        yield from writing.create(state, state.data)
        return True
    if write is Write.SAVE:
        return (yield from writing.update(state, state.record))
    return (yield from writing.touch(state, state.record))


def _dropped(state: State, facts: Facts) -> Outcome:
    state.gone = True
    if facts.unsaved and state.options.on_gone == "raise":
        raise SessionDestroyed("the session ended while this request changed it; nothing was written")
    logger.info("session %s ended meanwhile; what this request did to it was dropped", label(state.known_sid))
    return _outcome(state, "dropped: the session ended meanwhile", None, "the session ended meanwhile")


def save(state: State) -> Flow[None]:
    """Write the session now; ``Session.save``."""
    if state.detached:
        yield from end_doomed(state)
        if state.destroyed:
            return
    state.require_usable()
    state.require_cookie_possible()
    state.access()
    state.examine()
    state.conflicted = False
    if state.record is None:
        yield from writing.create(state, state.data)
    elif state.gone or not (yield from writing.update(state, state.record)):
        raise writing.gone(state)


def _session_cookie(state: State, why: str) -> tuple[str | None, str]:
    obstacle = state.cookie_obstacle()
    if obstacle:
        state.context.warnings.warn("a session's cookie could not be sent: %s", obstacle)
        return None, f"withheld: {obstacle}"
    value = state.options.signer.sign(state.sid)
    return state.cookie.serialize(state.options.name, value), why


def _clearing_cookie(state: State) -> tuple[str | None, str]:
    if not state.has_cookie:
        return None, "the browser has none"
    obstacle = "the session could not be destroyed" if state.undestroyed else state.cookie_obstacle()
    if obstacle:
        return None, f"not cleared: {obstacle}"
    return state.cookie_in_browser.serialize_expired(state.options.name), "cleared"


def abandon(state: State) -> Flow[None]:
    """End a request whose application raised: nothing is written but a pending ``destroy``."""
    if state.unset and state.options.unset == "destroy" and not state.anonymous:
        state.destroy()
    if state.record is not None:  # saved under its new id, so that the old one must not stay usable
        yield from writing.end_retired(state)
    yield from end_doomed(state)
    if not state.explained:
        _outcome(state, "destroyed" if state.destroyed else "not saved", None, "the application raised")


def end_doomed(state: State) -> Flow[None]:
    """Carry out a pending ``destroy``; also when the application raised.

    Every session is tried, once each, before the first failure is raised.
    """
    failures: dict[str, Exception] = {}
    while state.doomed:
        # Off the list first: a call whose outcome is unknown is never made twice.
        sid = state.doomed.pop(0)
        try:
            yield from calls.destroy(sid)
        except Exception as error:  # noqa: BLE001 (whatever a store raises, the other sessions end too)
            failures[sid] = error
    state.undestroyed = bool(failures)
    if state.detached:
        state.doomed = list(failures)  # for whoever calls destroy() or save() again
    for failure in failures.values():
        raise failure


def _outcome(state: State, write: str, set_cookie: str | None, cookie: str) -> Outcome:
    repeats = state.explained and write.startswith("not ")  # a second commit that had nothing to do
    state.explained = True
    if logger.isEnabledFor(logging.DEBUG) and not repeats:
        sent = "sent" if set_cookie is not None else "not sent"
        logger.debug("session %s %s; cookie %s: %s", label(state.known_sid), write, sent, cookie)
    return Outcome(set_cookie, state.accessed or set_cookie is not None)
