"""Finds the backend of a store URL through the entry points ``coatcheck.backends``.

The entry point's name is the URL's scheme, up to a ``+``. The object behind it
(a module or an instance) has ``open(url, **options) -> Store``,
``open_async(url, **options) -> AsyncStore`` or both. The keyword-only parameters
of these functions are the options of the store: a query key of that name is
taken out of the URL and converted to the parameter's type; every other key stays
in the URL, for the driver.

A backend is imported when it is used, not before. URLs carry passwords, so that
no error shows more of one than its scheme.
"""

import inspect
import types
import typing
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast, get_args, get_origin
from urllib.parse import parse_qsl, urlencode

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

_registered: dict[str, object] = {}


def register(scheme: str, backend: object) -> None:
    """Serve a scheme by ``backend``, without an entry point and before any.

    Raises :class:`ConfigurationError` if another object was registered for the scheme,
    ``TypeError`` if ``backend`` has neither ``open`` nor ``open_async``.
    """
    if not (hasattr(backend, "open") or hasattr(backend, "open_async")):
        raise TypeError("a backend has open(url, **options), open_async(url, **options) or both")
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
    scheme, colon, _ = url.partition(":")
    scheme = scheme.partition("+")[0].lower()
    if not colon or not scheme:
        raise ConfigurationError("a store URL starts with a scheme and a colon, for example 'memory:'")
    if scheme in _registered:
        return scheme, _registered[scheme]
    found = entry_points(group=ENTRY_POINT_GROUP)
    claims = {entry.value: entry for entry in found if entry.name == scheme}
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
    known = {p.name: _annotation(opener, p) for p in parameters if p.kind is p.KEYWORD_ONLY}
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


def _annotation(opener: Callable[..., object], parameter: inspect.Parameter) -> Any:
    return typing.get_type_hints(opener).get(parameter.name, str)


def _take_options(url: str, known: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the URL without the store's own options, and these, converted."""
    base, mark, query = url.partition("?")
    if not mark:
        return url, {}
    taken: dict[str, Any] = {}
    left: list[tuple[str, str]] = []
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            left.append((name, text))
        elif name in taken:
            raise ConfigurationError(f"the option {name!r} is given twice in the URL")
        else:
            taken[name] = _convert(name, text, known[name])
    if not taken:
        return url, {}
    return (f"{base}?{urlencode(left)}" if left else base), taken


def _convert(name: str, text: str, annotation: Any) -> Any:
    kinds = (
        get_args(annotation) if get_origin(annotation) in (types.UnionType, typing.Union) else (annotation,)
    )
    if type(None) in kinds and text.lower() == "none":
        return None
    for kind, convert in _CONVERSIONS.items():
        if kind in kinds:
            try:
                return convert(text)
            except ValueError:
                raise ConfigurationError(
                    f"the option {name!r} in the URL must be {kind.__name__}-like, not {text!r}"
                ) from None
    return text


def _parse_bool(text: str) -> bool:
    try:
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
    except KeyError:
        raise ValueError(text) from None


_CONVERSIONS: dict[type, Callable[[str], Any]] = {bool: _parse_bool, int: int, float: float}
