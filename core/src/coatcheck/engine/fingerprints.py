"""Tells whether a session's data changed, at little cost."""

import marshal
from typing import Any

import orjson

from coatcheck.engine.documents import Document, encode
from coatcheck.options import Options

_LEAVE_TO_OTHERS = (
    orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_WITHOUT_REFERENCES = 2  # the last format of marshal whose bytes depend on nothing but the value


def fingerprint(options: Options, data: dict[str, Any]) -> bytes:
    """Return bytes that are equal only for data that JSON writes alike; orders of keys differ.

    A tenth of the cost of strict encoding.
    """
    try:
        return orjson.dumps(data, option=_LEAVE_TO_OTHERS)
    except TypeError:  # a lone surrogate, or a type that JSON does not have
        pass
    try:
        return marshal.dumps(data, _WITHOUT_REFERENCES)  # never loaded
    except ValueError:  # a type that is not built in: the codec decides about it
        return encode(options, Document({}, None, data))
