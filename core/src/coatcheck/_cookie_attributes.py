"""The values of cookie attributes: checked when they are set, read leniently when they were stored."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import Literal, TypeAlias, cast

SameSite: TypeAlias = Literal["lax", "strict", "none"]
Priority: TypeAlias = Literal["low", "medium", "high"]

SAMESITE = ("lax", "strict", "none")
PRIORITY = ("low", "medium", "high")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_PATH = re.compile(r"/[\x20-\x3a\x3c-\x7e]*")
_DOMAIN = re.compile(r"\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_FIRST_MS = -62135596800000  # the beginning of the year 1 and the end of the year 9999:
_LAST_MS = 253402300799999  # what datetime and HTTP dates can name
_FAR_DATE = re.compile(r"\+(?!00)\d{6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")  # Node's, of years beyond 9999
_LONGEST_MS = 9 * 10**15  # 285,000 years: about the farthest date of JavaScript, and JSON carries the number


def seconds_of(value: float | timedelta) -> float:
    """Return a lifetime in seconds; raises ``TypeError``, and ``ValueError`` beyond 9e12 seconds."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"max_age must be seconds, a timedelta or None, not {type(value).__name__}")
    if not abs(seconds) <= _LONGEST_MS // 1000:  # "not", since no comparison holds for NaN
        raise ValueError(f"max_age must be a finite number of seconds up to 9e12, not {value!s:.40}")
    return seconds


def read_lifetime(raw: object) -> float | None:
    """Return stored milliseconds as seconds, clamped to what may be set; None for what is no number."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return max(-_LONGEST_MS, min(raw, _LONGEST_MS)) / 1000


def iso(ms: float) -> str:
    """Return milliseconds since the epoch as Node writes dates, clamped to what can be named."""
    clamped = max(_FIRST_MS, min(int(ms), _LAST_MS))
    text = (EPOCH + timedelta(milliseconds=clamped)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_iso(text: str) -> int | None:
    """Return milliseconds since the epoch, clamped to what can be named, or None for what is no date."""
    if _FAR_DATE.fullmatch(text):
        return _LAST_MS
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    ms = (aware - EPOCH) // timedelta(milliseconds=1)
    return max(_FIRST_MS, min(ms, _LAST_MS))  # a zone can reach beyond the calendar


@lru_cache(maxsize=64)
def http_date(seconds: int) -> str:
    """Return seconds since the epoch as the date of an HTTP header."""
    return format_datetime(EPOCH + timedelta(seconds=seconds), usegmt=True)


def read_path(raw: object) -> str:
    """Return a stored path, or ``/``; checked again, since what others stored must not split a header."""
    return raw if isinstance(raw, str) and _PATH.fullmatch(raw) else "/"


def read_domain(raw: object) -> str | None:
    """Return a stored domain, or None; checked again as paths are."""
    return raw if isinstance(raw, str) and _DOMAIN.fullmatch(raw) else None


def read_samesite(raw: object) -> SameSite | None:
    """Return a stored SameSite in lower case; Node also stores True, for strict."""
    if raw is True:
        return "strict"
    text = raw.lower() if isinstance(raw, str) else None
    return cast(SameSite, text) if text in SAMESITE else None


def read_priority(raw: object) -> Priority | None:
    """Return a stored priority in lower case."""
    text = raw.lower() if isinstance(raw, str) else None
    return cast(Priority, text) if text in PRIORITY else None


def check_path(path: str) -> None:
    """Raise unless a cookie may have this path."""
    if not isinstance(path, str):
        raise TypeError(f"path must be a str, not {type(path).__name__}")
    if not _PATH.fullmatch(path):
        raise ValueError(f"path must start with '/' and hold printable ASCII without ';', not {path!r}")


def check_domain(domain: str | None) -> None:
    """Raise unless a cookie may have this domain."""
    if domain is None:
        return
    if not isinstance(domain, str):
        raise TypeError(f"domain must be a str or None, not {type(domain).__name__}")
    if not _DOMAIN.fullmatch(domain):
        raise ValueError(f"domain must be a host name such as 'example.com', not {domain!r}")


def check_flag(name: str, value: object) -> None:
    """Raise ``TypeError`` unless the value is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {type(value).__name__}")


def check_choice(name: str, choices: tuple[str, ...], value: object) -> None:
    """Raise unless the value is one of the choices, or None."""
    if value is None:
        return
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {choices} or None, not {type(value).__name__}")
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices} or None, not {value!r}")
