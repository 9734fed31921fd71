"""Finds the backend of a store URL through the entry points ``coatcheck.backends``.

The entry point's name is the URL's scheme, up to a ``+``, whatever its case. The
object behind it (a module or an instance) has ``open(url, **options) -> Store``,
``open_async(url, **options) -> AsyncStore`` or both. The keyword-only parameters
of these callables are the options of the store: a query key of that name is
taken out of the URL and converted to the parameter's type; all others stay in
the URL as they are written, for the driver.

A backend is imported when it is used, not before. URLs carry passwords, so that
no error shows more of one than its scheme.
"""

import contextlib
import functools
import inspect
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints
from urllib.parse import unquote_plus

from coatcheck.bridge import ThreadedStore
from coatcheck.errors import BackendNotFound, ConfigurationError, nearest
from coatcheck.store import AsyncStore, Store

__all__ = ["open_async_store", "open_store", "register"]

ENTRY_POINT_GROUP = "coatcheck.backends"

_EXTRAS = {
    "memory": "memory",
    "redis": "redis",
    "rediss": "redis",
    "unix": "redis",
    "mongodb": "mongo",
    "sqlite": "sql",
    "postgresql": "sql",
    "mysql": "sql",
    "mariadb": "sql",
}
"""The extra of coatcheck that brings each first-party scheme."""

# Stricter than "up to a colon", so that a password before one is not taken for a scheme, and shown.
_SCHEME = re.compile(r"([a-z][a-z0-9._-]*)(\+[a-z0-9.+_-]*)?:", re.ASCII | re.IGNORECASE)

_registered: dict[str, object] = {}


def register(scheme: str, backend: object) -> None:
    """Serve a scheme by ``backend``, without an entry point and before any.

    Raises :class:`ConfigurationError` if another object was registered for the scheme,
    ``TypeError`` if ``backend`` has neither ``open`` nor ``open_async``.
    """
    if not (hasattr(backend, "open") or hasattr(backend, "open_async")):
        raise TypeError("a backend has open(url, **options), open_async(url, **options) or both")
    scheme = scheme.lower()
    if _registered.setdefault(scheme, backend) is not backend:
        raise ConfigurationError(f"the scheme {scheme!r} is registered already, for another backend")


def open_store(url: str, /, **options: Any) -> Store:
    """Open a blocking store by its URL, without I/O.

    ``options`` are those of the backend, as query keys of the URL are. Raises
    :class:`BackendNotFound` for a scheme that no installed package serves and
    :class:`ConfigurationError` for an option that is unknown or given twice.
    """
    scheme, backend = _find(url)
    opener = getattr(backend, "open", None)
    if opener is None:
        raise ConfigurationError(
            f"the backend of {scheme!r} offers async stores only: "
            "use open_async_store, or the ASGI middleware"
        )
    return cast(Store, _open(opener, scheme, url, options))


def open_async_store(url: str, /, **options: Any) -> AsyncStore:
    """Open an async store by its URL, without I/O; see :func:`open_store`.

    Where the backend has blocking stores only, a :class:`ThreadedStore` lends one.
    """
    scheme, backend = _find(url)
    opener = getattr(backend, "open_async", None)
    if opener is None:
        return ThreadedStore(open_store(url, **options))
    return cast(AsyncStore, _open(opener, scheme, url, options))


def _find(url: str) -> tuple[str, object]:
    if not isinstance(url, str):
        raise TypeError(f"a store URL is a str, not {type(url).__name__}")
    start = _SCHEME.match(url)
    if not start:
        raise ConfigurationError("a store URL starts with a scheme and a colon, for example 'memory:'")
    scheme = start[1].lower()
    if scheme in _registered:
        return scheme, _registered[scheme]
    found = entry_points(group=ENTRY_POINT_GROUP)
    claims = {entry.value: entry for entry in found if entry.name.lower() == scheme}
    if not claims:
        raise _not_found(scheme, {entry.name for entry in found} | set(_registered))
    if len(claims) > 1:
        names = " and ".join(sorted(_distribution(entry) for entry in claims.values()))
        raise ConfigurationError(
            f"two packages claim the scheme {scheme!r}: {names}; "
            "uninstall one, or register() the one you want"
        )
    (entry,) = claims.values()
    return scheme, entry.load()


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value


def _not_found(scheme: str, installed: set[str]) -> BackendNotFound:
    have = f"installed: {', '.join(sorted(installed))}" if installed else "none is installed"
    extra = _EXTRAS.get(scheme)
    advice = (
        f'; pip install "coatcheck[{extra}]"' if extra else f"; {nearest(scheme, {*installed, *_EXTRAS})}"
    )
    return BackendNotFound(f"no backend for the scheme {scheme!r} ({have}){advice}")


def _open(opener: Callable[..., object], scheme: str, url: str, options: dict[str, Any]) -> object:
    parameters = inspect.signature(opener).parameters.values()
    names = _names_known_to(opener)
    known = {p.name: _evaluated(p.annotation, names) for p in parameters if p.kind is p.KEYWORD_ONLY}
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in options:
            if name not in known:
                raise ConfigurationError(
                    f"unknown option {name!r} of {scheme!r} stores; {nearest(name, known)}"
                )
    url, taken = _take_options(url, known)
    for name in taken:
        if name in options:
            raise ConfigurationError(f"the option {name!r} is given twice: in the URL and as an argument")
    return opener(url, **options, **taken)


def _names_known_to(opener: Callable[..., object]) -> dict[str, Any]:
    """Return the names among which the annotations of a function, class or partial were written."""
    if isinstance(opener, functools.partial):
        return _names_known_to(opener.func)
    written: Any = opener.__init__ if isinstance(opener, type) else opener  # type: ignore[misc]  # just read
    return getattr(inspect.unwrap(written), "__globals__", {})


def _evaluated(annotation: Any, names: dict[str, Any]) -> Any:
    # One by one: a name that is imported for type checkers only spoils no other option.
    try:
        return get_type_hints(SimpleNamespace(__annotations__={"it": annotation}), names)["it"]
    except Exception:  # noqa: BLE001 - whatever a backend's annotation raises
        return str


def _take_options(url: str, known: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the URL without the store's own options, byte for byte, and these, converted."""
    base, mark, query = url.partition("?")
    if not mark:
        return url, {}
    taken: dict[str, Any] = {}
    left: list[str] = []
    for part in query.split("&"):
        name, text = (unquote_plus(side) for side in part.partition("=")[::2])
        if name not in known:
            left.append(part)
        elif name in taken:
            raise ConfigurationError(f"the option {name!r} is given twice in the URL")
        else:
            taken[name] = _convert(name, text, known[name])
    return (f"{base}?{'&'.join(left)}" if left else base), taken


def _convert(name: str, text: str, annotation: Any) -> Any:
    """Return the first of None, bool, int and float that is allowed and that the text is; else the text."""
    kinds = get_args(annotation) if get_origin(annotation) in (UnionType, Union) else (annotation,)
    if NoneType in kinds and text.lower() == "none":
        return None
    tried = [kind for kind in _CONVERSIONS if kind in kinds]
    for kind in tried:
        with contextlib.suppress(ValueError):
            return _CONVERSIONS[kind](text)
    if any(kind not in (NoneType, *tried) for kind in kinds):
        return text
    expected = " or ".join(f"{kind.__name__}-like" for kind in tried)
    raise ConfigurationError(f"the option {name!r} in the URL must be {expected}, not {text!r}")


def _parse_bool(text: str) -> bool:
    try:
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
    except KeyError:
        raise ValueError(text) from None


_CONVERSIONS: dict[type, Callable[[str], Any]] = {bool: _parse_bool, int: int, float: float}
