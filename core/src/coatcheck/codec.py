"""JSON as Express stores it, and strict: what it cannot carry faithfully is refused.

The fast path is orjson. What orjson refuses although JSON allows it (lone
surrogates, which Node writes as escapes) goes through the standard library.
"""

import json
import math
from typing import Any, Protocol, TypeGuard, runtime_checkable

import orjson

from coatcheck.errors import NotSerializable

__all__ = ["Codec", "JSONCodec", "SealingCodec"]

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps (ECMA-262 Number.MAX_SAFE_INTEGER)."""

_MAX_DEPTH = 200
_SCALARS = frozenset((str, bool, type(None)))
# Marks the digits of a payload, so that a plain search finds long numbers (8 times faster than a regex).
_DIGITS = bytes(ord("0") if 48 <= byte <= 57 else ord(" ") for byte in range(256))
_LONG_NUMBER = b"0" * 16
_DUMPS_OPTIONS = orjson.OPT_PASSTHROUGH_SUBCLASS


class Codec(Protocol):
    """Turns the document of a session into the bytes that a store keeps, and back."""

    def encode(self, document: dict[str, Any], /) -> bytes:
        """Return the document as bytes; raise :class:`NotSerializable` for what cannot be carried."""
        ...

    def decode(self, payload: bytes, /) -> dict[str, Any]:
        """Return the document; any exception means that the payload is unreadable."""
        ...


@runtime_checkable
class SealingCodec(Protocol):
    """The optional half of a codec: seals what is stored, bound to the session's id.

    Changes are found before sealing, so that ``seal`` may give different bytes each time.
    """

    def seal(self, sid: str, payload: bytes, /) -> bytes:
        """Return the bytes to store for ``encode``'s payload; the contract wants one JSON text."""
        ...

    def open(self, sid: str, sealed: bytes, /) -> bytes:
        """Undo ``seal``; any exception means that the payload is unreadable."""
        ...


class JSONCodec:
    """Strict JSON in UTF-8, without spaces, keys in their own order."""

    def encode(self, document: dict[str, Any], /) -> bytes:
        """Return the document as one JSON text.

        Raises :class:`NotSerializable`, naming the key path, for NaN, infinities,
        keys that are not strings, integers beyond 2**53 - 1 and every type that
        JSON would change: tuples, sets, bytes, dates and others.
        """
        try:
            _check_mapping(document, 0)
        except _Refusal as refusal:
            raise NotSerializable(f"{_shorten(refusal.path[1:])!r} {refusal.reason}") from None
        try:
            return orjson.dumps(document, option=_DUMPS_OPTIONS)
        except TypeError:  # a lone surrogate: everything else was checked
            return _dumps_surrogates(document)

    def decode(self, payload: bytes, /) -> dict[str, Any]:
        """Return the document; integers beyond 2**53 - 1 become floats, as in Node."""
        document = _loads(payload)
        if not is_object(document):
            raise ValueError("not a JSON object")
        return document


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a decoded value is a JSON object."""
    return type(value) is dict


def _loads(payload: bytes) -> Any:
    if _LONG_NUMBER not in payload.translate(_DIGITS):
        try:
            return orjson.loads(payload)
        except orjson.JSONDecodeError:
            pass  # lone surrogates are refused by orjson, not by JSON
    return json.loads(
        payload, parse_int=_parse_int, parse_float=_parse_float, parse_constant=_refuse_constant
    )


def _parse_int(digits: str) -> int | float:
    # Digits are counted first: int() refuses thousands of them, float() does not.
    if len(digits) > 20 or abs(number := int(digits)) > MAX_SAFE_INTEGER:
        return _parse_float(digits)
    return number


def _parse_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):  # as orjson does; an infinity could never be saved again
        raise ValueError("a number is too large for a float")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _dumps_surrogates(document: dict[str, Any]) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Halves that stand beside each other are one character for Node, as they are for UTF-16.
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return joined.encode(errors="backslashreplace")  # UTF-8 lacks only lone surrogates: their JSON escapes


class _Refusal(Exception):
    """A value that JSON cannot carry; the path to it grows while the walk unwinds."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = ""


def _check_mapping(mapping: dict[Any, object], depth: int) -> None:
    key: Any = None
    try:
        for key, value in mapping.items():
            if type(key) is not str:
                raise _Refusal(f"has {_article(key)} as a key: JSON has only string keys, use str")
            kind = type(value)
            if kind not in _SCALARS:
                _check_value(value, kind, depth)
    except _Refusal as refusal:
        refusal.path = f".{key}{refusal.path}" if type(key) is str else f".<{type(key).__name__}>"
        raise


def _check_list(items: list[object], depth: int) -> None:
    index = 0
    try:
        for index, value in enumerate(items):  # noqa: B007 (the handler below names where the walk was)
            kind = type(value)
            if kind not in _SCALARS:
                _check_value(value, kind, depth)
    except _Refusal as refusal:
        refusal.path = f"[{index}]{refusal.path}"
        raise


def _check_value(value: Any, kind: type, depth: int) -> None:
    if kind is int:
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            raise _Refusal("is an integer beyond 2**53 - 1: other JSON readers change it, use str")
    elif kind is float:
        if not math.isfinite(value):
            raise _Refusal(f"is {value}: JSON has no such number, use None or str")
    elif depth >= _MAX_DEPTH:
        raise _Refusal(f"is nested deeper than {_MAX_DEPTH} levels, or contains itself")
    elif kind is dict:
        _check_mapping(value, depth + 1)
    elif kind is list:
        _check_list(value, depth + 1)
    else:
        raise _Refusal(f"is {_article(value)}: JSON cannot carry it faithfully, {_advice(kind)}")


def _shorten(path: str) -> str:
    return path if len(path) <= 200 else f"{path[:200]}..."


def _article(value: object) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _advice(kind: type) -> str:
    if issubclass(kind, tuple | set | frozenset):
        return "use a list"
    if issubclass(kind, str | int | float | dict | list):
        return "use the plain builtin type"
    return "convert it to str, int, float, bool, None, list or dict"
