"""The options of the middleware: one frozen value, checked when it is made."""

import functools
import inspect
import math
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Literal, TypedDict, cast

from coatcheck._log import logger
from coatcheck.codec import Codec, JSONCodec, SealingCodec
from coatcheck.cookie import CookieOptions
from coatcheck.errors import ConfigurationError, nearest
from coatcheck.signing import Signer

__all__ = ["Options", "Request", "Secret", "SessionOptions", "parse_options"]

Request = Mapping[str, Any]
"""A WSGI environ or an ASGI scope."""

Secret = str | bytes
Seconds = float | timedelta

_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 6265 cookie-name: a token
_SHORT_SECRET = 16


class SessionOptions(TypedDict, total=False):
    """The keyword options of the middlewares beside ``store`` and ``secret``; see :class:`Options`."""

    name: str
    key: str
    cookie: CookieOptions | Callable[[Request], CookieOptions]
    generate_id: Callable[[Request], str]
    trust_proxy: bool
    exclude: Callable[[Request], bool] | None
    resave: bool
    rolling: bool
    save_uninitialized: bool
    unset: Literal["keep", "destroy"]
    ttl: Seconds
    touch_after: Seconds
    max_lifetime: Seconds | None
    on_conflict: Literal["merge", "overwrite", "raise"]
    on_gone: Literal["drop", "raise"]
    on_unavailable: Literal["503", "raise", "anonymous"]
    max_size: int
    codec: Codec
    clock: Callable[[], float]


def generate_id(_request: Request) -> str:
    """Return a new id: 24 random bytes in base64url, as express-session's default (uid-safe)."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Every option with its default; durations are given in seconds or as timedeltas, and are seconds then.

    Raises :class:`ConfigurationError` for wrong values and ``TypeError`` for wrong types.
    """

    secret: Secret | Sequence[Secret] = field(repr=False)
    name: str = "sid"
    key: str = "session"
    cookie: CookieOptions | Callable[[Request], CookieOptions] = CookieOptions()
    generate_id: Callable[[Request], str] = generate_id
    trust_proxy: bool = False
    exclude: Callable[[Request], bool] | None = None
    resave: bool = False
    rolling: bool = False
    save_uninitialized: bool = False
    unset: Literal["keep", "destroy"] = "keep"
    ttl: float = 86400.0
    touch_after: float = 0.0
    max_lifetime: float | None = None
    on_conflict: Literal["merge", "overwrite", "raise"] = "merge"
    on_gone: Literal["drop", "raise"] = "drop"
    on_unavailable: Literal["503", "raise", "anonymous"] = "503"
    max_size: int = 1024 * 1024
    codec: Codec = field(default_factory=JSONCodec)
    clock: Callable[[], float] = time.time

    signer: Signer = field(init=False, repr=False)
    sealing: SealingCodec | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "signer", Signer(_check_secrets(self.secret)))
        for name in ("ttl", "touch_after", "max_lifetime"):
            value = getattr(self, name)
            if not (name == "max_lifetime" and value is None):
                set_field(self, name, _seconds(name, value, zero_allowed=name == "touch_after"))
        _check_text("name", self.name)
        _check_text("key", self.key)
        if not _COOKIE_NAME.fullmatch(self.name):
            raise ConfigurationError(f"name must be a cookie name (a token of RFC 6265), not {self.name!r}")
        for name in ("trust_proxy", "resave", "rolling", "save_uninitialized"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, not {type(getattr(self, name)).__name__}")
        for name in ("generate_id", "clock"):
            _check_callable(name, getattr(self, name))
        if self.exclude is not None:
            _check_callable("exclude", self.exclude)
        for name, choices in _CHOICES.items():
            _check_choice(name, getattr(self, name), choices)
        self._check_cookie()
        self._check_max_size()
        set_field(self, "sealing", _sealing(self.codec))

    def _check_cookie(self) -> None:
        if isinstance(self.cookie, CookieOptions):
            self.cookie.check_name(self.name)
            if self.cookie.samesite == "auto" and not self.cookie.secure:
                logger.warning(
                    "samesite='auto' without secure: over https browsers refuse the cookie; use secure='auto'"
                )
        elif callable(self.cookie):
            _check_plain("cookie", self.cookie)
        else:
            raise TypeError(
                "cookie must be CookieOptions or a callable that returns them, "
                f"not {type(self.cookie).__name__}"
            )

    def _check_max_size(self) -> None:
        if isinstance(self.max_size, bool) or not isinstance(self.max_size, int):
            raise TypeError(f"max_size must be an int (bytes), not {type(self.max_size).__name__}")
        if self.max_size <= 0:
            raise ConfigurationError(f"max_size must be above zero bytes, not {self.max_size}")

    def cookie_options(self, request: Request) -> CookieOptions:
        """Return the cookie's options for a request; call at most once for each."""
        if isinstance(self.cookie, CookieOptions):
            return self.cookie
        chosen = self.cookie(request)
        if not isinstance(chosen, CookieOptions):
            raise TypeError(f"the cookie callable must return CookieOptions, not {type(chosen).__name__}")
        chosen.check_name(self.name)
        return chosen


def parse_options(secret: Secret | Sequence[Secret], options: Mapping[str, Any], *, key: str) -> Options:
    """Make :class:`Options` of keyword arguments; an unknown one is a ``TypeError`` with a hint."""
    for name in options:
        if name not in _NAMES:
            raise TypeError(f"unknown option {name!r}; {nearest(name, _NAMES)}")
    chosen: dict[str, Any] = {"key": key, **options}
    return Options(secret=secret, **chosen)


_NAMES = frozenset(f.name for f in fields(Options) if f.init)

_CHOICES = {
    "unset": ("keep", "destroy"),
    "on_conflict": ("merge", "overwrite", "raise"),
    "on_gone": ("drop", "raise"),
    "on_unavailable": ("503", "raise", "anonymous"),
}


def _check_secrets(secret: object) -> list[Secret]:
    listed = [secret] if isinstance(secret, str | bytes) else secret
    if not isinstance(listed, list | tuple):
        raise TypeError(f"secret must be a str, bytes or a list of them, not {type(secret).__name__}")
    listed = cast(list[Secret], listed)
    for each in listed:
        if not isinstance(each, str | bytes):
            raise TypeError(f"every secret must be a str or bytes, not {type(each).__name__}")
    if not listed or not all(listed):
        raise ConfigurationError("secret must not be empty: an empty secret signs nothing")
    if any(len(s.encode() if isinstance(s, str) else s) < _SHORT_SECRET for s in listed):
        logger.warning("a secret is shorter than %d bytes and can be guessed; use random ones", _SHORT_SECRET)
    return list(listed)


def _seconds(name: str, value: object, *, zero_allowed: bool) -> float:
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise TypeError(f"{name} must be seconds or a timedelta, not {type(value).__name__}")
    if not math.isfinite(seconds) or seconds < 0 or (seconds == 0 and not zero_allowed):
        raise ConfigurationError(f"{name} must be a finite number of seconds above zero, not {seconds}")
    return seconds


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not value:
        raise ConfigurationError(f"{name} must not be empty")


def _check_callable(name: str, value: object) -> None:
    if not callable(value):
        raise TypeError(f"{name} must be callable, not {type(value).__name__}")
    _check_plain(name, value)


def _check_plain(name: str, value: object) -> None:
    while isinstance(value, functools.partial):
        value = value.func
    if inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(type(value).__call__):
        raise TypeError(f"{name} must be a plain callable, not an async one: callables of options never wait")


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {choices}, not {type(value).__name__}")
    if value not in choices:
        raise ConfigurationError(f"{name} must be one of {choices}, not {value!r}; {nearest(value, choices)}")


def _sealing(codec: object) -> SealingCodec | None:
    for method in ("encode", "decode"):
        if not callable(getattr(codec, method, None)):
            raise TypeError(
                f"codec must have encode(dict) and decode(bytes); {type(codec).__name__} lacks {method}"
            )
    if hasattr(codec, "seal") != hasattr(codec, "open"):
        raise TypeError(f"{type(codec).__name__} has only one of seal and open: a codec has both or neither")
    return codec if isinstance(codec, SealingCodec) else None
