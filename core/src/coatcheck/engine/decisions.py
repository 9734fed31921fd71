"""The decisions at the end of a request: what is written, and whether the cookie is sent.

They are the predicates of express-session (express-session 5.5) with the numbered
differences of the design. Each answer carries its reason, for the log.
"""

from enum import Enum
from typing import NamedTuple

from coatcheck.options import Options


class Write(Enum):
    """What happens to the record."""

    NOTHING = "not saved"
    SAVE = "saved"
    TOUCH = "renewed"


class Facts(NamedTuple):
    """What a request did to its session."""

    loaded: bool
    """The id came with the request and its record was alive; False for new and regenerated ones."""
    regenerated: bool
    modified: bool
    """Data or cookie attributes differ from what the request began with."""
    saved: bool
    """``save()``, ``transact()`` or an earlier commit wrote the session."""
    unsaved: bool
    """Something differs from what was last loaded or saved."""
    touched: bool
    """``touch()`` was called."""
    touch_due: bool
    """``touch()`` was called and no write has renewed the record since."""
    cookie_changed: bool
    persistent: bool
    """The cookie was modified with the session, and outlives the browser."""


def decide_write(options: Options, facts: Facts) -> tuple[Write, str]:
    """Decide whether the record is saved, renewed or left alone."""
    if facts.saved and not facts.unsaved:
        return (Write.TOUCH, "touch()") if facts.touch_due else (Write.NOTHING, "saved already")
    if facts.unsaved:
        return Write.SAVE, "modified"
    if not facts.loaded:
        if facts.regenerated:
            return Write.SAVE, "regenerated"
        if options.save_uninitialized:
            return Write.SAVE, "save_uninitialized"
        return Write.NOTHING, "new and unmodified"
    if options.resave:
        return Write.SAVE, "resave"
    if facts.touch_due:
        return Write.TOUCH, "touch()"
    if options.rolling:
        return Write.TOUCH, "rolling"
    return Write.NOTHING, "unmodified"


def decide_cookie(options: Options, facts: Facts, write: Write) -> tuple[bool, str]:
    """Decide whether the session's cookie is sent, once ``write`` was carried out."""
    if not facts.loaded:
        if write is Write.SAVE or facts.saved:
            return True, "regenerated" if facts.regenerated else "new session"
        return False, "nothing was saved"
    if options.rolling:
        return True, "rolling"
    if facts.touched:
        return True, "touch()"
    if facts.cookie_changed:
        return True, "cookie attributes changed"
    if facts.modified and facts.persistent:
        return True, "renewed with the session"
    return False, "the browser has it"
