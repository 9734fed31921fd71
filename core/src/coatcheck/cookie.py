"""The session's cookie: its options, its attributes, the headers that carry it.

Attributes live in the JSON object that express-session stores under ``cookie``,
in Node's spelling; what another writer put there is kept.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, Literal, TypeVar, overload
from urllib.parse import quote

from coatcheck._cookie_attributes import (
    EPOCH,
    PRIORITY,
    SAMESITE,
    Priority,
    SameSite,
    check_choice,
    check_domain,
    check_flag,
    check_path,
    http_date,
    iso,
    parse_iso,
    read_domain,
    read_lifetime,
    read_path,
    read_priority,
    read_samesite,
    seconds_of,
)
from coatcheck._cookie_header import cookie_values, path_matches
from coatcheck.errors import ConfigurationError

__all__ = ["Cookie", "CookieOptions", "cookie_values", "path_matches"]

_T = TypeVar("_T")

_NODE_ORDER = (
    "originalMaxAge",
    "partitioned",
    "priority",
    "expires",
    "secure",
    "httpOnly",
    "domain",
    "path",
    "sameSite",
)
_UNESCAPED = "-_.!~*'()"  # what encodeURIComponent leaves beside letters and digits


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieOptions:
    """The attributes that new sessions' cookies get; express-session's ``cookie`` option.

    ``max_age`` is in seconds, or a timedelta; None makes a cookie that ends with the
    browser. ``secure="auto"`` and ``samesite="auto"`` follow the request's scheme.
    Raises ``TypeError`` for wrong types and :class:`ConfigurationError` for values or
    combinations that browsers would refuse.
    """

    path: str = "/"
    domain: str | None = None
    max_age: float | timedelta | None = None
    secure: bool | Literal["auto"] | None = None
    httponly: bool = True
    samesite: SameSite | Literal["auto"] | None = None
    partitioned: bool | None = None
    priority: Priority | None = None

    def __post_init__(self) -> None:
        try:
            check_path(self.path)
            check_domain(self.domain)
            check_flag("httponly", self.httponly)
            if self.partitioned is not None:
                check_flag("partitioned", self.partitioned)
            if self.secure not in ("auto", None):
                check_flag("secure", self.secure)
            check_choice("samesite", (*SAMESITE, "auto"), self.samesite)
            check_choice("priority", PRIORITY, self.priority)
            if self.max_age is not None and seconds_of(self.max_age) <= 0:
                raise ValueError("max_age must be above zero; None makes a cookie that ends with the browser")
        except ValueError as error:
            raise ConfigurationError(f"cookie: {error}") from None
        if self.samesite == "none" and not self.secure:
            raise ConfigurationError("cookie: browsers refuse samesite='none' without secure=True or 'auto'")
        if self.partitioned and not self.secure:
            raise ConfigurationError("cookie: browsers refuse partitioned=True without secure=True or 'auto'")

    @property
    def lifetime(self) -> float | None:
        """``max_age`` in seconds."""
        return None if self.max_age is None else seconds_of(self.max_age)

    def check_name(self, name: str) -> None:
        """Raise :class:`ConfigurationError` unless the rules of ``__Host-`` and ``__Secure-`` are kept.

        RFC 6265bis, section 4.1.3: a browser drops a cookie that breaks them.
        """
        prefixed = name.lower()
        if prefixed.startswith(("__host-", "__secure-")) and self.secure is not True:
            raise ConfigurationError(f"the cookie name {name!r} needs cookie=CookieOptions(secure=True)")
        if prefixed.startswith("__host-") and (self.path != "/" or self.domain is not None):
            raise ConfigurationError(f"the cookie name {name!r} needs path='/' and no domain")


class _Attribute(Generic[_T]):
    """An attribute of :class:`Cookie`, kept under Node's name; None leaves it out.

    ``absent`` is what Express takes it for where it is not stored.
    """

    def __init__(
        self, key: str, check: Callable[[_T], None], read: Callable[[Any], _T], absent: _T | None = None
    ) -> None:
        self._key = key
        self._check = check
        self._read = read
        self._absent = absent

    @overload
    def __get__(self, cookie: None, owner: type) -> "_Attribute[_T]": ...
    @overload
    def __get__(self, cookie: "Cookie", owner: type) -> _T: ...
    def __get__(self, cookie: "Cookie | None", owner: type) -> "_Attribute[_T] | _T":
        return self if cookie is None else self._read(cookie._json.get(self._key, self._absent))

    def __set__(self, cookie: "Cookie", value: _T) -> None:
        self._check(value)
        if value is None:
            cookie._json.pop(self._key, None)
        else:
            cookie._json[self._key] = value


class Cookie:
    """The cookie of one session; what is set here is stored with the session and sent."""

    __slots__ = ("_clock", "_json")
    _json: dict[str, Any]

    path: _Attribute[str] = _Attribute("path", check_path, read_path)
    domain: _Attribute[str | None] = _Attribute("domain", check_domain, read_domain)
    secure: _Attribute[bool] = _Attribute("secure", partial(check_flag, "secure"), bool)
    httponly: _Attribute[bool] = _Attribute("httpOnly", partial(check_flag, "httponly"), bool, absent=True)
    partitioned: _Attribute[bool] = _Attribute("partitioned", partial(check_flag, "partitioned"), bool)
    samesite: _Attribute[SameSite | None] = _Attribute(
        "sameSite", partial(check_choice, "samesite", SAMESITE), read_samesite
    )
    priority: _Attribute[Priority | None] = _Attribute(
        "priority", partial(check_choice, "priority", PRIORITY), read_priority
    )

    def __init__(
        self,
        options: CookieOptions | None = None,
        *,
        secure_request: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make the cookie of a new session; ``secure_request`` is what ``"auto"`` becomes.

        ``clock`` gives seconds since the epoch. express-session 5.4 and 5.10.
        """
        options = options or CookieOptions()
        self._clock = clock
        self._json = {
            "originalMaxAge": None,
            "partitioned": options.partitioned,
            "priority": options.priority,
            "expires": None,
            "secure": secure_request if options.secure == "auto" else options.secure,
            "httpOnly": options.httponly,
            "domain": options.domain,
            "path": options.path,
            "sameSite": options.samesite,
        }
        if options.samesite == "auto":
            self._json["sameSite"] = "none" if secure_request else "lax"
        for key in ("partitioned", "priority", "secure", "domain", "sameSite"):
            if self._json[key] is None:
                del self._json[key]
        if options.lifetime is not None:
            self.max_age = options.lifetime

    @classmethod
    def from_json(cls, stored: dict[str, Any], *, clock: Callable[[], float] = time.time) -> "Cookie":
        """Take up the ``cookie`` object of a stored session."""
        cookie = cls.__new__(cls)
        cookie._clock = clock
        cookie.load_json(stored)
        return cookie

    def load_json(self, stored: dict[str, Any]) -> None:
        """Take over every attribute of a stored ``cookie`` object."""
        self._json = dict(stored)
        if "expires" not in stored and "_expires" in stored:  # as express-mysql-session looks for it
            self._json["expires"] = self._json.pop("_expires")

    @property
    def expires(self) -> datetime | None:
        """When the browser drops the cookie (aware, UTC); None: when it is closed."""
        ms = self._expires_ms()
        return None if ms is None else EPOCH + timedelta(milliseconds=ms)

    @expires.setter
    def expires(self, value: datetime | None) -> None:
        if value is None:
            self.max_age = None
            return
        if not isinstance(value, datetime):
            raise TypeError(f"expires must be a datetime or None, not {type(value).__name__}")
        if value.tzinfo is None:
            raise ValueError(
                "expires must be an aware datetime, for example datetime.now(UTC) + timedelta(1)"
            )
        self._json["expires"] = iso((value - EPOCH) / timedelta(milliseconds=1))
        self._json["originalMaxAge"] = round((value - EPOCH).total_seconds() * 1000 - self._clock() * 1000)

    @property
    def max_age(self) -> float | None:
        """Seconds until ``expires``; set it to seconds, a timedelta or None to change the lifetime."""
        ms = self._expires_ms()
        return None if ms is None else ms / 1000 - self._clock()

    @max_age.setter
    def max_age(self, value: float | timedelta | None) -> None:
        ms = None if value is None else round(seconds_of(value) * 1000)
        self._json["originalMaxAge"] = ms
        self._json["expires"] = None
        self.renew()

    @property
    def original_max_age(self) -> float | None:
        """The lifetime in seconds that each renewal starts anew, or None."""
        return read_lifetime(self._json.get("originalMaxAge"))

    def renew(self, limit: float | None = None) -> None:
        """Start the lifetime over, to end at most ``limit`` seconds from now."""
        lifetime = self.original_max_age
        if lifetime is not None:
            seconds = lifetime if limit is None else min(lifetime, limit)
            self._json["expires"] = iso((self._clock() + seconds) * 1000)
        elif self._json.get("expires"):
            self._json["expires"] = None  # as express-session: no original lifetime, none to start over

    def serialize(self, name: str, value: str) -> str:
        """Return the text of a Set-Cookie header; ``value`` is percent-encoded as in Node."""
        text = quote(value, safe=_UNESCAPED)
        ms = self._expires_ms()
        if ms is None:
            return self._serialize(name, text, "", "")
        seconds = max(0, math.ceil(ms / 1000 - self._clock()))
        return self._serialize(name, text, f"; Max-Age={seconds}", f"; Expires={http_date(ms // 1000)}")

    def serialize_expired(self, name: str) -> str:
        """Return the text of a Set-Cookie header that makes the browser drop the cookie."""
        return self._serialize(name, "", "; Max-Age=0", f"; Expires={http_date(0)}")

    def _serialize(self, name: str, value: str, max_age: str, expires: str) -> str:
        domain, priority, samesite = self.domain, self.priority, self.samesite
        return "".join(
            (
                f"{name}={value}{max_age}",
                f"; Domain={domain}" if domain else "",
                f"; Path={self.path}",
                expires,
                "; HttpOnly" if self.httponly else "",
                "; Secure" if self.secure else "",
                "; Partitioned" if self.partitioned else "",
                f"; Priority={priority.capitalize()}" if priority else "",
                f"; SameSite={samesite.capitalize()}" if samesite else "",
            )
        )

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of the attributes as they are stored, to be compared with a later one."""
        return self._json.copy()

    def to_json(self) -> dict[str, Any]:
        """Return the object that express-session stores, its keys in Node's order."""
        known = {key: self._json[key] for key in _NODE_ORDER if key in self._json}
        return {**known, **self._json}

    def _expires_ms(self) -> int | None:
        raw = self._json.get("expires")
        return parse_iso(raw) if isinstance(raw, str) else None

    def __repr__(self) -> str:
        return f"Cookie({self.to_json()})"
