"""What is sent to MongoDB and what comes back, without I/O: filters, updates, the index.

A record is connect-mongo's document: ``_id`` is the session id, ``session`` the
payload, ``expires`` the end of its life. Whether it is alive is decided by the
server's clock, ``$$NOW``. Fields that others keep in the document are left alone.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bson.int64 import Int64
from pymongo import DeleteOne, UpdateOne

from coatcheck.store import Replaced
from coatcheck_mongo.documents import to_json, to_session, to_text

__all__ = [
    "ATTEMPTS",
    "EVERY",
    "ID_ONLY",
    "INDEX",
    "LARGEST_COMMAND",
    "PAYLOAD",
    "WITH_ID",
    "Fields",
    "ending",
    "judged",
    "key",
    "living",
    "page_query",
    "payload_of",
    "prolonging",
    "sid_of",
    "stored_form",
    "swap_of",
    "swapping",
    "touching",
    "writing",
]

Filter = dict[str, Any]
Pipeline = list[dict[str, Any]]
Fields = dict[str, int]

INDEX: Mapping[str, Any] = {"keys": [("expires", 1)], "name": "expires_1", "expireAfterSeconds": 0}
"""The TTL index that connect-mongo makes: the server removes what is dead, about once a minute."""

PAYLOAD = {"session": 1, "_id": 0}
ID_ONLY = {"_id": 1}
WITH_ID = {"session": 1}

PAGE = 500
"""How many records a listing asks for at once; the server sends at most 16 MB of them."""

ATTEMPTS = 20
"""How often a record may change and change back between reading and writing it."""

LARGEST_COMMAND = 15 * 1024 * 1024
"""Bytes of payloads that one command may carry: 16 MiB are allowed, with the id and its own words."""

LONGEST = 1000 * 366 * 86_400_000
"""The longest lifetime in milliseconds: a thousand years. BSON's readers stop at the year 9999."""

_ALIVE: Filter = {"$or": [{"expires": {"$exists": False}}, {"$expr": {"$gt": ["$expires", "$$NOW"]}}]}
_LONG_DEAD = datetime(1970, 1, 1, tzinfo=UTC)

EVERY: Filter = {"_id": {"$gte": ""}, **_ALIVE}
"""All living records. Only strings are ids: what else is in the collection is not ours."""


def key(sid: str) -> Filter:
    """Match the record under an id, dead or alive.

    Raises ``TypeError`` for what is no str, ``ValueError`` for what UTF-8 cannot carry.
    """
    if not isinstance(sid, str):
        raise TypeError(f"a session id is a str, not {type(sid).__name__}")
    if not sid.isascii():
        _check_utf8(sid)
    return {"_id": sid}


def stored_form(payload: bytes, stringify: bool) -> Any:
    """Return a payload as what is stored: a text, or a document."""
    return to_text(payload) if stringify else to_session(payload)


def living(sid: str) -> Filter:
    """Match the record under an id if it is alive."""
    return {**key(sid), **_ALIVE}


def _holding(sid: str) -> Filter:
    """Match a living record whose session is the command's variable ``was``."""
    return {**living(sid), "$and": [{"$expr": {"$eq": ["$session", "$$was"]}}]}


def page_query(last: str | None, fields: Fields) -> dict[str, Any]:
    """Ask for the living records that come after an id, as many as one answer holds.

    No cursor stays open, which would have to outlive whoever lists, or a failover.
    """
    after = EVERY if last is None else {**EVERY, "_id": {"$gt": last}}
    return {"filter": after, "projection": fields, "sort": [("_id", 1)], "limit": -PAGE, "batch_size": PAGE}


def writing(session: object, ttl: float) -> Pipeline:
    """Write a session, to live for ``ttl`` seconds."""
    return [{"$set": {"session": {"$literal": session}, "expires": _after(_up(ttl))}}]


def swapping(stored: str, session: str, ttl: float) -> Pipeline:
    """Write a session over exactly the stored text, and otherwise change nothing."""
    written = {"session": {"$literal": session}, "expires": _after(_up(ttl))}
    return _if_holding(stored, {"$mergeObjects": ["$$ROOT", written]})


def ending(stored: str) -> Pipeline:
    """Leave of a record that holds exactly the stored text only an id that is long dead.

    An update cannot remove, and a removal does not tell what it did not match:
    the server's TTL monitor takes the rest away.
    """
    return _if_holding(stored, {"_id": "$_id", "expires": _LONG_DEAD})


def swap_of(sid: str, session: object, ttl: float) -> UpdateOne | DeleteOne:
    """Write a session, or remove the record, if it holds the command's variable ``was``."""
    return DeleteOne(_holding(sid)) if ttl <= 0 else UpdateOne(_holding(sid), writing(session, ttl))


def touching(ttl: float, slack: float) -> Pipeline:
    """Set the time left to ``ttl`` unless it is at most ``slack`` less."""
    end = _after(_up(ttl))
    if not slack:
        return [{"$set": {"expires": end}}]
    near = {"$and": [{"$gte": ["$expires", _after(_up(ttl) - _down(slack))]}, {"$lte": ["$expires", end]}]}
    return [{"$set": {"expires": {"$cond": [near, "$expires", end]}}}]


def prolonging(ttl: float, slack: float) -> Pipeline:
    """Set the time left to ``ttl`` where less than ``ttl - slack`` is left; what has no end keeps none."""
    enough = {
        "$or": [
            {"$eq": [{"$type": "$expires"}, "missing"]},
            {"$gte": ["$expires", _after(_up(ttl) - _down(slack))]},
        ]
    }
    return [{"$set": {"expires": {"$cond": [enough, "$expires", _after(_up(ttl))]}}}]


def _if_holding(stored: str, document: Filter) -> Pipeline:
    same = {"$eq": ["$session", {"$literal": stored}]}
    return [{"$replaceWith": {"$cond": [same, document, "$$ROOT"]}}]


def _check_utf8(sid: str) -> None:
    try:
        sid.encode()
    except UnicodeEncodeError:
        # The error of the codec carries the id.
        raise ValueError("the session id has a lone surrogate, which UTF-8 cannot carry") from None


def _after(milliseconds: int) -> dict[str, Any]:
    return {"$add": ["$$NOW", Int64(milliseconds)]}


def _up(seconds: float) -> int:
    """Return milliseconds, rounded up; what a float adds to a whole one does not count."""
    if seconds <= 0:
        return 0
    return min(max(1, math.ceil(round(seconds * 1000, 6))), LONGEST)


def _down(seconds: float) -> int:
    return min(math.floor(seconds * 1000), LONGEST)


# -- what comes back


def payload_of(document: Mapping[str, Any] | None) -> bytes | None:
    """Return the payload of a record that was read, None for one that was not there."""
    return None if document is None else to_json(document.get("session"))


def sid_of(document: Mapping[str, Any]) -> str:
    """Return the id of a record."""
    sid: str = document["_id"]
    return sid


def judged(before: Mapping[str, Any] | None, was: str) -> Replaced:
    """Return the outcome of a swap from the record that it found."""
    if before is None:
        return Replaced(False)
    if before.get("session") == was:
        return Replaced(True)
    return Replaced(False, payload_of(before))
