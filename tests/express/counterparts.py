"""The tests of express-session 1.19.0 by their numbers, and why some have no counterpart here.

Its ``test/session.js`` has 142 tests (express-session 5.14), ``test/cookie.js`` 18 (5.15).
"""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from harness import SITES, Site

from coatcheck import CookieOptions, StoreError

__all__ = [
    "COOKIE_JS",
    "COOKIE_JS_NOT_APPLICABLE",
    "KEYBOARD_CAT",
    "SESSION_JS",
    "SESSION_JS_NOT_APPLICABLE",
    "cookie_js",
    "count_visits",
    "fail",
    "session_js",
    "site_of_express",
]

T = TypeVar("T")

SESSION_JS = range(1, 143)
COOKIE_JS = range(1, 19)

_NO_PARSER = "the middleware reads the request's header itself; no cookie parser stands before it"
_NO_ALIAS = "there is no alias of name: key is the entry in environ or scope"

SESSION_JS_NOT_APPLICABLE = {
    4: "the secret is required at construction; a request cannot bring one",
    8: "a store says None for what is not there: an error never means absence",
    11: "a WSGI body ends once, and in ASGI the server answers a second end",
    34: "the scheme is the server's; there is no second word of the framework to ignore",
    65: _NO_ALIAS,
    66: _NO_ALIAS,
    124: "a store gives bytes of JSON, in which there are no Date objects",
    139: _NO_PARSER,
    140: _NO_PARSER,
    141: _NO_PARSER,
    142: _NO_PARSER,
}
COOKIE_JS_NOT_APPLICABLE = {14: "deprecated there: a date is what expires is for"}

KEYBOARD_CAT = "keyboard cat"


def session_js(*_numbers: int) -> pytest.MarkDecorator:
    """Run the counterpart of these tests of session.js over both middlewares."""
    return pytest.mark.parametrize("new_site", SITES)


def cookie_js(*_numbers: int) -> Callable[[T], T]:
    """Mark the counterpart of these tests of cookie.js."""
    return lambda test: test


def site_of_express(new_site: type[Site], **options: Any) -> Site:
    """Make a site with the options that the tests of express-session have unless they say otherwise."""
    theirs: dict[str, Any] = {
        "secret": KEYBOARD_CAT,
        "cookie": CookieOptions(max_age=60),
        "resave": True,
        "save_uninitialized": True,
    }
    return new_site(**{**theirs, **options})


def count_visits(session: Any) -> int:
    """Count the visits in the session, and return how many there were."""
    session["visits"] = visits = session.get("visits", 0) + 1
    return int(visits)


def fail() -> None:
    """Fail as a store does that refuses an operation."""
    raise StoreError("boom!")
