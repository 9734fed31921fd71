"""What is known of one session during one request."""

from dataclasses import dataclass
from typing import Any

from coatcheck._log import RateLimit
from coatcheck.cookie import Cookie, CookieOptions
from coatcheck.engine.decisions import Facts
from coatcheck.engine.documents import Document, Record, encode
from coatcheck.engine.drafts import Draft, Retiring
from coatcheck.engine.fingerprints import fingerprint
from coatcheck.engine.merge import cookie_changes, merge_cookie
from coatcheck.errors import NotSerializable, SessionClosed, SessionDestroyed, StoreUnavailable
from coatcheck.options import Options, Request
from coatcheck.store import Supports


@dataclass(frozen=True, slots=True)
class Context:
    """What all requests of one middleware share."""

    options: Options
    supports: Supports
    warnings: RateLimit


class State:
    """One session in one request: its data, its record in the store, and what was done to it."""

    # Defaults are the class's: a request that does not use its session sets hardly any of them.

    # What came with the request, and what the store holds.
    has_cookie: bool = False
    record: Record | None = None
    retiring: Retiring | None = None

    # The session itself.
    started: float | None = None
    _sid: str | None = None
    _cookie: Cookie | None = None

    # How often its id, and its data, were given up for new ones, maybe while a write was under way.
    identity: int = 0
    contents: int = 0

    # What it was before: fingerprints of the data at the beginning and when last saved.
    original: bytes | None = None
    saved_print: bytes | None = None
    _cookie_before: dict[str, Any] | None = None
    _cookie_in_browser: dict[str, Any] | None = None

    # What the request did.
    accessed: bool = False
    cleared: bool = False
    touched: bool = False
    touch_due: bool = False
    regenerated: bool = False
    destroyed: bool = False
    unset: bool = False

    # What is known of it; the first three are up to date after ``examine``.
    modified: bool = False
    unsaved: bool = False
    cookie_changed: bool = False
    start_unsaved: bool = False
    loaded: bool = False
    saved: bool = False
    gone: bool = False
    conflicted: bool = False
    """With ``on_conflict="raise"`` the application was told that its changes are not saved."""
    undestroyed: bool = False
    """A session could not be destroyed, as far as the store tells."""
    withheld: bool = False
    """The new session was not stored, since its cookie cannot be sent."""
    explained: bool = False
    """The log has a line on how the request ended."""
    head_sent: bool = False
    closed: bool = False
    anonymous: bool = False
    """The store is unavailable and the request goes on without a session."""
    detached: bool = False
    """The session was loaded outside a request."""

    def __init__(
        self, context: Context, request: Request, cookie_options: CookieOptions, https: bool
    ) -> None:
        self.context = context
        self.options: Options = context.options
        self._request: Request | None = request
        self.cookie_options = cookie_options
        self.https = https
        self.data: dict[str, Any] = {}
        self.verified: list[str] = []  # the ids of the request's cookies that verify, without dead ones
        self.doomed: list[str] = []  # the ids that destroy() is to end
        self.assigned: set[str] = set()  # the keys assigned or deleted since the last load or save
        self.assigned_ever: set[str] = set()  # and those before

    # -- identity and cookie, made when they are first asked for

    @property
    def sid(self) -> str:
        """The session's id; a new one is generated at the first use."""
        if self._sid is None:
            if self._request is None:
                raise SessionClosed("the request is over, and its session was never given an id")
            sid = self.options.generate_id(self._request)
            if not isinstance(sid, str) or not sid:
                raise TypeError("generate_id must return a str that is not empty")
            self._sid = sid
        return self._sid

    @property
    def known_sid(self) -> str | None:
        """The session's id, or None where none was needed so far."""
        return self._sid

    @property
    def cookie(self) -> Cookie:
        """The session's cookie."""
        if self._cookie is None:
            cookie = Cookie(self.cookie_options, secure_request=self.https, clock=self.options.clock)
            self._cookie, self._cookie_before = cookie, cookie.snapshot()
        return self._cookie

    @property
    def cookie_in_browser(self) -> Cookie:
        """The cookie with the attributes that the browser was given it with, as far as they are known."""
        if self._cookie_in_browser is None:
            return self.cookie
        return Cookie.from_json(self._cookie_in_browser, clock=self.options.clock)

    # -- taking up records

    def take_up(self, record: Record, document: Document) -> None:
        """Continue the session of a record that was just read."""
        self._sid = record.sid
        self.record = record
        self.data = document.data
        self.started = document.started
        if self._cookie is None:
            self._cookie = Cookie.from_json(document.cookie, clock=self.options.clock)
            self._cookie_in_browser = document.cookie
        else:
            self._cookie.load_json(document.cookie)
        self._cookie_before = self._cookie.snapshot()
        self.assigned.clear()
        self.cleared = False

    def forget(self) -> None:
        """Go on as without a session: the record's time was over."""
        self._sid = self.record = self.started = None
        self._cookie = self._cookie_before = self._cookie_in_browser = None
        self.data = {}
        self.start_unsaved = self.loaded = False

    def begin_write(self, record: Record, data: dict[str, Any], cookie: Cookie) -> Draft:
        """Note what is about to be written; what is changed from now on is not part of it."""
        written = fingerprint(self.options, data) if self.accessed else None
        cookies = cookie.snapshot(), self.cookie.snapshot()
        draft = Draft(self.identity, self.contents, record, written, *cookies, self.assigned, self.cleared)
        self.assigned, self.cleared = set(), False
        return draft

    def take_back(self, draft: Draft) -> None:
        """Note that the write was refused or failed: its changes are unsaved as before."""
        if draft.contents == self.contents:
            self.assigned |= draft.assigned
            self.cleared = self.cleared or draft.cleared

    def accept(self, draft: Draft) -> None:
        """Note that the write took place; ``data`` is the caller's to set."""
        self._note_written(draft)
        if draft.identity != self.identity:
            self._leave_behind(draft.record)
            return
        self._sid = draft.record.sid
        self.record = draft.record
        self.saved_print = draft.fingerprint
        later = cookie_changes(draft.cookie_before, self.cookie.snapshot())
        self.cookie.load_json(merge_cookie(draft.cookie, later) if later else draft.cookie)
        self._cookie_before = draft.cookie
        self.saved = True
        self.unsaved = self.touch_due = self.start_unsaved = False

    def _note_written(self, draft: Draft) -> None:
        if draft.contents == self.contents:
            self.assigned_ever |= draft.assigned
            if self.retiring is not None:
                self.retiring.assigned |= draft.assigned
                self.retiring.cleared |= draft.cleared

    def _leave_behind(self, record: Record) -> None:
        """End what was written for an id that the session gave up meanwhile."""
        if self.retiring is not None and self.retiring.record.sid == record.sid:
            self.retiring.record = record
        elif record.sid not in self.doomed:
            self.doomed.append(record.sid)

    def renew_id(self, *, keep_data: bool) -> None:
        """Go on under a new id that no store has seen; ``regenerate``."""
        if self.record is not None:
            if self.retiring is not None:  # a save was cut off before it ended that one
                self.doomed.append(self.retiring.record.sid)
            self.retiring = Retiring(self.record, keep_data, set(self.assigned), self.cleared)
        elif self.retiring is not None:
            self.retiring.keep_data &= keep_data
        self.access()
        self.identity += 1
        self._sid = self.record = None
        self.loaded = self.destroyed = self.saved = self.gone = self.conflicted = False
        self.regenerated = True
        if not keep_data:
            self.contents += 1
            self.data = {}
            self._cookie = self.started = None
            self.original = self.saved_print = fingerprint(self.options, self.data)
            self.assigned.clear()
            self.cleared = False
        _ = self.sid  # new at once

    def forget_retired(self) -> None:
        """Note that the record of before ``regenerate`` has ended."""
        if self.retiring is not None and self.retiring.record.sid in self.verified:
            self.verified.remove(self.retiring.record.sid)
        self.retiring = None

    # -- lifetimes

    def time_left(self) -> float | None:
        """Seconds until the absolute end that ``max_lifetime`` sets, or None."""
        limit = self.options.max_lifetime
        if limit is None:
            return None
        return limit if self.started is None else self.started + limit - self.options.clock()

    def copy_cookie(self) -> Cookie:
        """Return a copy of the cookie, to be changed for a write that may not take place."""
        return Cookie.from_json(self.cookie.snapshot(), clock=self.options.clock)

    def renew_cookie(self) -> None:
        """Start the cookie's lifetime over; that alone does not count as a change of it."""
        unchanged = self.cookie.snapshot() == self._cookie_before
        self.cookie.renew(self.time_left())
        if unchanged:
            self._cookie_before = self.cookie.snapshot()

    # -- changes

    def access(self) -> None:
        """Note that the session is read or written; from now on its data may change."""
        if not self.accessed:
            self.accessed = True
            self.original = self.saved_print = fingerprint(self.options, self.data)

    def examine(self) -> None:
        """Find out what changed, in ``modified``, ``unsaved`` and ``cookie_changed``.

        Raises :class:`NotSerializable` for data of which nobody can tell.
        """
        if not self.accessed:
            self.unsaved = self.start_unsaved
            return
        print_now = fingerprint(self.options, self.data)
        if print_now == self.saved_print and (self.assigned or b"null" in print_now):
            # What is written alike may still be nothing that JSON carries faithfully: NaN where None was.
            encode(self.options, Document({}, None, self.data))
        cookie_changed = self._cookie is not None and self._cookie.snapshot() != self._cookie_before
        self.unsaved = cookie_changed or self.start_unsaved or print_now != self.saved_print
        self.cookie_changed = self.cookie_changed or cookie_changed
        self.modified = self.modified or cookie_changed or print_now != self.original

    def facts(self) -> Facts:
        """Return what the decisions depend on; call :meth:`examine` before."""
        return Facts(
            loaded=self.loaded,
            regenerated=self.regenerated,
            modified=self.modified,
            saved=self.saved,
            unsaved=self.unsaved,
            touched=self.touched,
            touch_due=self.touch_due,
            cookie_changed=self.cookie_changed,
            persistent=self.modified and self.cookie.expires is not None,
        )

    def drop_changes(self) -> None:
        """Note that what was not saved is given up; ``reload``."""
        self.conflicted = False
        if not self.saved:
            self.modified = self.cookie_changed = False

    def destroy(self) -> None:
        """Mark the session, and every other one that the request's cookies name, for destruction."""
        ids = [record.sid for record in (self.record, self.retiring and self.retiring.record) if record]
        self.doomed = list(dict.fromkeys([*self.doomed, *ids, *self.verified]))
        self.verified = []
        self.identity += 1
        self.contents += 1
        self.destroyed = True
        self.record = self.retiring = None
        self.data = {}

    def finish(self) -> None:
        """Note that the response is complete.

        The request is let go: it holds the session, and a cycle would leave all of it to the garbage
        collector, which costs a tenth of a request that reads.
        """
        self.closed = True
        self._request = None

    # -- what is still possible

    def require_usable(self) -> None:
        """Raise unless the session can be written, renewed and read anew."""
        if self.anonymous:
            raise StoreUnavailable("the session store cannot be reached: this request has no session to save")
        if self.destroyed:
            raise SessionDestroyed("the session was destroyed; regenerate() starts a new one")
        if self.unset:
            raise SessionClosed("the session was unset: its changes are not saved")
        if self.closed:
            raise SessionClosed("the response has been sent: changes to the session can no longer be saved")

    def cookie_obstacle(self) -> str | None:
        """Say why the session's cookie cannot be sent, or return None if it can."""
        if self.head_sent:
            return "the response's head has been sent"
        if self.https or not self.cookie.secure:
            return None
        if self.options.trust_proxy:
            return "Secure cookie over http, X-Forwarded-Proto does not say https"
        return "Secure cookie over http, X-Forwarded-Proto not trusted"

    def require_head_open(self) -> None:
        """Raise once the response's head was sent, so that the browser cannot learn a new id."""
        if self.head_sent:
            raise SessionClosed(
                "the response's head has been sent: regenerate() before the first byte of the body"
            )

    def require_cookie_possible(self) -> None:
        """Raise where a new session's cookie cannot reach the browser any more."""
        if self.head_sent and self.record is None:
            raise SessionClosed(
                "the response's head has been sent, so that no cookie can start a session: "
                "use the session before the first byte of the body"
            )


def changed_since_saved(state: State) -> bool:
    """Tell whether anything would be lost if the session were not saved now."""
    return not _can_be_examined(state) or state.unsaved


def modified(state: State) -> bool:
    """Tell whether data or cookie differ, or differed, from what the request began with."""
    return not _can_be_examined(state) or state.modified


def _can_be_examined(state: State) -> bool:
    try:
        state.examine()
    except NotSerializable:
        return False
    return True
