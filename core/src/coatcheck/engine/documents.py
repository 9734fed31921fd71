"""Between a session and its payload: the document that express-session stores.

One JSON object: ``cookie``, then ``__started`` where a lifetime is limited,
then the data (node-stores 2.0).
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from coatcheck._log import RateLimit
from coatcheck.codec import is_object
from coatcheck.errors import SessionTooLarge
from coatcheck.options import Options

STARTED = "__started"
RESERVED = frozenset(("cookie", STARTED))
_WARN_SIZE = 64 * 1024


class Record(NamedTuple):
    """What the store holds under an id: its exact bytes, and the same after unsealing."""

    sid: str
    stored: bytes
    plain: bytes


@dataclass(slots=True)
class Document:
    """A decoded payload."""

    cookie: dict[str, Any]
    started: float | None
    data: dict[str, Any]


class Unreadable(Exception):
    """A payload that is no session: not decodable, or without a ``cookie`` object."""


def read(options: Options, sid: str, stored: bytes) -> tuple[Record, Document]:
    """Open and decode a stored payload, or raise :class:`Unreadable`."""
    try:
        plain = options.sealing.open(sid, stored) if options.sealing else stored
        return Record(sid, stored, plain), decode(options, plain)
    except Exception as error:  # a codec may raise anything; whatever it is, nothing can be read
        raise Unreadable(type(error).__name__) from error


def decode(options: Options, plain: bytes) -> Document:
    """Take a payload apart; a ``__started`` that is no number counts as absent."""
    data = options.codec.decode(plain)
    cookie = data.pop("cookie")
    if not is_object(cookie):
        raise TypeError("cookie is not an object")
    started = data.pop(STARTED, None)
    usable = isinstance(started, int | float) and not isinstance(started, bool)
    return Document(cookie, started if usable else None, data)


def encode(options: Options, document: Document) -> bytes:
    """Put a payload together; raises :class:`NotSerializable`, and ``ValueError`` for a reserved key."""
    if not RESERVED.isdisjoint(document.data):
        raise ValueError(f"{' and '.join(sorted(RESERVED))} are reserved: use other keys for your data")
    whole: dict[str, Any] = {"cookie": document.cookie}
    if document.started is not None:
        whole[STARTED] = document.started
    whole.update(document.data)
    return options.codec.encode(whole)


def seal(options: Options, warnings: RateLimit, sid: str, plain: bytes) -> Record:
    """Return the record to store; raises :class:`SessionTooLarge` above ``max_size``."""
    stored = options.sealing.seal(sid, plain) if options.sealing else plain
    size = len(stored)
    if size > options.max_size:
        raise SessionTooLarge(
            f"the session has {size:,} bytes, more than max_size={options.max_size:,}: "
            "keep large things elsewhere and a reference in the session"
        )
    if size >= _WARN_SIZE:
        warnings.warn("a session has %s bytes; large sessions slow every request down", f"{size:,}")
    return Record(sid, stored, plain)
