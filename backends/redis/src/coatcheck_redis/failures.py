"""What the driver's errors mean: the one place where they become errors of the store."""

import re
from typing import NoReturn

from redis import exceptions

from coatcheck.errors import StoreError, StoreUnavailable
from coatcheck_redis.layout import Command

__all__ = ["FAILURES", "NO_ANSWER", "answers_elsewhere", "raise_translated"]

FAILURES = (exceptions.RedisError, OSError, UnicodeError)
"""All that the driver raises; UnicodeError is for the name of a host that is none."""

NO_ANSWER = (exceptions.ConnectionError, OSError)
"""The connection was lost: it is not known whether the command was carried out."""

_CODES: dict[type[Exception], str] = {
    exceptions.ReadOnlyError: "READONLY",
    exceptions.OutOfMemoryError: "OOM",
    exceptions.BusyLoadingError: "LOADING",
    exceptions.MasterDownError: "MASTERDOWN",
    exceptions.ClusterDownError: "CLUSTERDOWN",
    exceptions.TryAgainError: "TRYAGAIN",
    exceptions.AuthenticationError: "NOAUTH",
    exceptions.AuthenticationWrongNumberOfArgsError: "NOAUTH",
    exceptions.NoPermissionError: "NOPERM",
    exceptions.MovedError: "MOVED",
}
"""The driver takes the code out of the text of these."""

_UNAVAILABLE = {
    "READONLY": "is a read-only replica: reach its master, through Sentinel or the cluster if there is one",
    "OOM": "is full: raise its maxmemory, or let it evict",
    "LOADING": "is loading its data: try again",
    "MASTERDOWN": "has lost its master: try again after the failover",
    "CLUSTERDOWN": "belongs to a cluster that is down: see that every slot is served",
    "TRYAGAIN": "moves the slot at this moment: try again",
    "NOREPLICAS": "has too few replicas to write: see min-replicas-to-write",
    "MISCONF": "cannot save to its disk and takes no writes: see its log",
    "BUSY": "is busy with a script: try again",
}

_REFUSED = {
    "NOAUTH": "refused the credentials, or wants some: see user and password",
    "WRONGPASS": "refused the credentials: see user and password",
    "NOPERM": "does not allow this user the command or the key: see the user's ACL",
    "WRONGTYPE": "has something under this key that is no string: use a prefix of the store's own",
    "MOVED": "belongs to a cluster: give the store a RedisCluster client",
    "UNKNOWN": "does not know the command: Redis 6.2, Valkey 7.2 or newer is needed",
}

# A script that fails has its cause in the middle of the text.
_CODE = re.compile(rf"(?:^|\s-?)({'|'.join([*_UNAVAILABLE, *_REFUSED])})\b")


def answers_elsewhere(error: BaseException) -> bool:
    """Tell whether the server is no longer the one to ask, so that connections to it are of no use."""
    return _code(error) in {"READONLY", "MASTERDOWN", "LOADING"}


def raise_translated(error: Exception, timeout: float, command: Command) -> NoReturn:
    """Raise the store's error for one of the driver's.

    Its text has nothing that the server or the driver said, since that may be an id or a secret.
    """
    code = _code(error)
    if code in _UNAVAILABLE:
        raise StoreUnavailable(f"the Redis server {_UNAVAILABLE[code]}") from error
    if code in _REFUSED:
        raise StoreError(f"the Redis server {_REFUSED[code]}") from _discreet(error)
    if isinstance(error, exceptions.ResponseError):
        raise StoreError(_refusal(error, command)) from _discreet(error)
    if isinstance(error, TimeoutError | exceptions.TimeoutError):
        raise StoreUnavailable(f"Redis did not answer within {timeout:g} s") from error
    raise StoreUnavailable(
        "Redis cannot be reached, or the connection was lost before it answered"
    ) from error


def _code(error: BaseException) -> str:
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    text = str(error)
    if text.startswith("unknown command"):
        return "UNKNOWN"
    found = _CODE.search(text)
    return found[1] if found and isinstance(error, exceptions.RedisError) else ""


def _refusal(error: exceptions.ResponseError, command: Command) -> str:
    if "invalid bulk length" in str(error):
        largest = max(len(part) for part in command.parts if isinstance(part, bytes))
        return (
            f"the payload of {largest} bytes is too large for the Redis server: "
            "raise its proto-max-bulk-len, or store less"
        )
    return "the Redis server refused the command"


def _discreet(error: Exception) -> Exception:
    """Return the error without the arguments of the command, which some servers repeat."""
    text, found, _ = str(error).partition("with args beginning with")
    return type(error)(text.rstrip(" ,")) if found else error
