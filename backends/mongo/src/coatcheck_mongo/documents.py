"""Sessions as BSON: how they are read as JSON, and how JSON is written back in the document's own form.

connect-mongo keeps a session as an embedded document with ``stringify: false``.
It is read as Node would print it: without spaces, dates as
``YYYY-MM-DDTHH:MM:SS.mmmZ``. Written over such a document, a value whose JSON did
not change keeps its BSON value, so that a date stays a date.
"""

import json
import math
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeGuard
from uuid import UUID

import orjson
from bson import json_util
from bson.binary import UUID_SUBTYPE, Binary
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.dbref import DBRef
from bson.objectid import ObjectId
from bson.raw_bson import RawBSONDocument

__all__ = ["DOCUMENTS", "TEXTS", "own_form", "to_json", "to_session", "to_text"]


class Document(RawBSONDocument):
    """A document as it is on the wire, with types and order.

    The driver adds labels to a reply's error by ``update``, which its own class does not have.
    """

    _labels: Mapping[str, Any] = MappingProxyType({})

    def update(self, labels: Mapping[str, Any]) -> None:
        """Remember the labels."""
        self._labels = labels

    def __getitem__(self, name: str) -> Any:
        return self._labels[name] if name in self._labels else super().__getitem__(name)


DOCUMENTS: CodecOptions[Document] = CodecOptions(
    document_class=Document, datetime_conversion=DatetimeConversion.DATETIME_MS
)
"""How embedded sessions are read, with all their types."""

TEXTS: CodecOptions[dict[str, Any]] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)
"""How sessions that are texts are read, whatever a client that was handed in is set to: this is faster."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# The calendar repeats after 400 years: every year beyond datetime's has its like within them.
_CYCLE_YEARS = 400
_CYCLE = 146_097 * 86_400_000
_CYCLE_START = (datetime(2000, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_OF_NODE = 8_640_000_000_000_000
_ISO = re.compile(r"\d{4}-\d\d-\d\dT.*")

_INT32 = 2**31
_SAFE_INTEGER = 2**53 - 1


def to_json(session: object) -> bytes:
    """Return what a document holds as ``session`` as one JSON text.

    A string is that text already, connect-mongo's ``stringify: true``.
    """
    if isinstance(session, str):
        return session.encode()
    return orjson.dumps(_plain(session))


def to_text(payload: bytes) -> str:
    """Return a payload as the string that BSON keeps; raise ``ValueError`` for what is no UTF-8."""
    try:
        return str(payload, "utf-8")
    except UnicodeDecodeError:
        # The error of the codec carries the payload.
        raise ValueError("a payload is one JSON text in UTF-8: these bytes are none") from None


def to_session(payload: bytes) -> Any:
    """Return the BSON value for a payload, with ``cookie.expires`` as a date.

    Raises ``ValueError`` for what is not JSON and for numbers that BSON has no room for.
    """
    session = _parsed(payload)
    if isinstance(session, str):
        return to_text(payload)  # a string is the JSON text of a session, here too
    if _is_object(session) and _is_object(cookie := session.get("cookie")):
        ends = cookie.get("expires")
        if isinstance(ends, str):
            cookie["expires"] = _as_date(ends)
    return session


def own_form(new: Any, stored: Any) -> Any:
    """Return ``new`` with the stored BSON value wherever the JSON of it did not change."""
    if _is_object(new) and isinstance(stored, Document):
        known = dict(stored.items())
        return {name: own_form(value, known.get(name)) for name, value in new.items()}
    if _is_array(new) and _is_array(stored):
        return _own_items(new, stored)
    return stored if _same(new, stored) else new


def _own_items(new: list[Any], stored: list[Any]) -> list[Any]:
    """Give each item the form of what was in its place or, if that was another, of its like elsewhere."""
    like = {_key(item): item for item in stored}
    items: list[Any] = []
    for place, item in enumerate(new):
        before = stored[place] if place < len(stored) else None
        kind = _key(item)
        moved = kind in like and kind != _key(before)
        items.append(like[kind] if moved else own_form(item, before))
    return items


def _key(value: object) -> bytes:
    """Return a JSON text by which equal values are found."""
    return orjson.dumps(_plain(value))


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return type(value) is dict


def _is_array(value: object) -> TypeGuard[list[Any]]:
    return type(value) is list


def _same(new: object, stored: object) -> bool:
    if type(new) in (int, float) and type(stored) is not bool and isinstance(stored, int | float):
        return new == stored
    return _key(new) == _key(stored)


# -- reading


def _plain(value: object) -> Any:
    kind: type = type(value)
    convert = _CONVERSIONS.get(kind)
    if convert is not None:
        return convert(value)
    return value if value is None or isinstance(value, str | int) else _extended(value)


def _plain_float(number: float) -> float | int | None:
    if not math.isfinite(number):
        return None
    # Node keeps an integer as a double only where 32 bits do not hold it.
    if number.is_integer() and _INT32 <= abs(number) <= _SAFE_INTEGER:
        return int(number)
    return number


def _plain_binary(value: Binary) -> str:
    if value.subtype == UUID_SUBTYPE and len(value) == 16:
        return str(UUID(bytes=bytes(value)))
    return b64encode(value).decode()


def _plain_date(moment: DatetimeMS) -> str | None:
    """Return a date as JavaScript's ``toISOString`` does; None for one that JavaScript cannot hold."""
    milliseconds = int(moment)
    if abs(milliseconds) > _LAST_OF_NODE:
        return None
    cycles, rest = divmod(milliseconds - _CYCLE_START, _CYCLE)
    like = _EPOCH + (_CYCLE_START + rest) * _MILLISECOND
    year = like.year + cycles * _CYCLE_YEARS
    spelled = f"{year:04d}" if 0 <= year <= 9999 else f"{year:+07d}"
    return f"{spelled}-{like:%m-%dT%H:%M:%S}.{like.microsecond // 1000:03d}Z"


def _extended(value: Any) -> Any:
    """Return what JSON has no like for in MongoDB's Extended JSON."""
    return json.loads(json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS))


_CONVERSIONS: dict[type, Callable[[Any], Any]] = {
    DBRef: lambda reference: _plain(dict(reference.as_doc())),
    Document: lambda document: {name: _plain(value) for name, value in document.items()},
    dict: lambda members: {name: _plain(value) for name, value in members.items()},
    list: lambda items: [_plain(item) for item in items],
    float: _plain_float,
    DatetimeMS: _plain_date,
    ObjectId: str,
    bytes: lambda value: b64encode(value).decode(),
    Binary: _plain_binary,
}


# -- writing


def _parsed(payload: bytes) -> Any:
    text = to_text(payload)
    try:
        session = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        _key(session)
    except (RecursionError, TypeError, ValueError):
        # The errors of the parser and of the encoder carry the payload.
        raise ValueError(
            "BSON cannot carry the payload: it is no JSON, or has a lone surrogate, a number beyond "
            "64 bit, or too many levels"
        ) from None
    return session


def _refuse(_name: str) -> Any:
    raise ValueError


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _as_date(text: str) -> DatetimeMS | str:
    """Return a date of ISO 8601 with its zone as BSON's; anything else as it is."""
    if not _ISO.fullmatch(text):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if moment.tzinfo is None else DatetimeMS((moment - _EPOCH) // _MILLISECOND)
