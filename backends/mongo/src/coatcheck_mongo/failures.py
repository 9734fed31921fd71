"""The one place where the driver's errors become Coatcheck's.

The server repeats parts of a command in some of its errors, and with them ids
and payloads. So the driver's text is never repeated, and the driver's error is
chained only where it can tell nothing but the state of the server.
"""

from collections.abc import Generator
from contextlib import contextmanager

from bson.errors import BSONError, InvalidBSON
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    ExecutionTimeout,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
    WTimeoutError,
)

from coatcheck.errors import StoreError, StoreUnavailable

__all__ = ["is_outage", "restless", "too_large", "translated"]

_UNAVAILABLE = frozenset(
    {
        6,  # HostUnreachable
        7,  # HostNotFound
        24,  # LockTimeout
        50,  # MaxTimeMSExpired
        64,  # WriteConcernFailed
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        100,  # UnsatisfiableWriteConcern
        133,  # FailedToSatisfyReadPreference
        134,  # ReadConcernMajorityNotAvailableYet
        189,  # PrimarySteppedDown
        202,  # NetworkInterfaceExceededTimeLimit
        262,  # ExceededTimeLimit
        279,  # ClientDisconnect
        462,  # IngressRequestRateLimitExceeded
        9001,  # SocketException
        10058,  # LegacyNotPrimary
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11601,  # Interrupted
        11602,  # InterruptedDueToReplStateChange
        13388,  # StaleConfig
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
        14031,  # OutOfDiskSpace
    }
)
_LABELS = ("RetryableWriteError", "SystemOverloadedError")
_TOO_LARGE = frozenset(
    {
        10334,  # BSONObjectTooLarge
        16493,  # a string longer than 16 MB
        17419,  # the document would be too large after the update
        17420,  # the same, in another place of the server
    }
)
_TOO_DEEP = 15  # Overflow: nested beyond what the server keeps
_UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = 18

# These say nothing but the state of the server and of the connection to it.
_OUTAGES = (ConnectionFailure, ExecutionTimeout, WriteConcernError, WTimeoutError, ConfigurationError)


@contextmanager
def translated(timeout: float, size: int = 0) -> Generator[None, None, None]:
    """Raise Coatcheck's errors for the driver's; ``size`` is that of what was to be written, in bytes."""
    try:
        yield
    except PyMongoError as error:
        if is_outage(error):
            raise _unavailable(error, timeout) from error
        raise _refused(error, size) from _harmless(error)
    except OSError as error:  # includes TimeoutError: what the driver does not catch while it connects
        if isinstance(error, StoreError):
            raise
        raise _unavailable(error, timeout) from error
    except DocumentTooLarge:
        raise too_large(size) from None
    except InvalidBSON:
        raise StoreError("a document of the collection is no readable BSON: repair or delete it") from None
    except (BSONError, OverflowError, RecursionError, UnicodeEncodeError):
        # These errors carry the document.
        raise ValueError(
            "BSON cannot carry the session: it has a key with a NUL, a lone surrogate, "
            "an integer beyond 64 bit, or is nested too deeply"
        ) from None


def too_large(size: int) -> StoreError:
    """Return the error for a record that MongoDB cannot hold."""
    return StoreError(
        f"a session of {size:,} bytes is too large for MongoDB, whose documents "
        f"hold {16 * 1024 * 1024:,} bytes: store less in the session"
    )


def restless(attempts: int) -> StoreError:
    """Return the error for a record that did not hold still."""
    return StoreError(f"the record changed and changed back {attempts} times during one replace: try again")


def _code(error: Exception) -> int | None:
    """Return the server's code, of a bulk of one write that write's."""
    if isinstance(error, BulkWriteError):
        failed = [*error.details.get("writeErrors", ()), *error.details.get("writeConcernErrors", ())]
        return failed[0]["code"] if failed else error.code
    return error.code if isinstance(error, OperationFailure) else None


def is_outage(error: PyMongoError) -> bool:
    """Tell whether the server could not be asked, or is not in a state to answer."""
    if _code(error) in _UNAVAILABLE:
        return True
    return isinstance(error, _OUTAGES) or any(error.has_error_label(label) for label in _LABELS)


def _unavailable(error: Exception, timeout: float) -> StoreUnavailable:
    return StoreUnavailable(
        f"MongoDB did not serve the call within {timeout:g} s ({_named(error)}): "
        "see whether its primary runs, can be reached, and has room"
    )


def _refused(error: PyMongoError, size: int) -> Exception:
    code = _code(error)
    if code in _TOO_LARGE:
        return too_large(size)
    if code == _TOO_DEEP:
        return ValueError("the session is nested deeper than MongoDB keeps, about 170 levels")
    if code == _AUTHENTICATION_FAILED:
        return StoreError("MongoDB refused the user or the password: check those in the URL or the client")
    if code == _UNAUTHORIZED:
        return StoreError(
            "the user of MongoDB may not do this: grant readWrite on the database "
            "(or make the index yourself, and give create_index=False)"
        )
    if isinstance(error, InvalidOperation):
        return StoreError("the MongoDB client is closed: make a new store, with a client that is open")
    return StoreError(f"MongoDB refused the command ({_named(error)}): its log tells why")


def _named(error: Exception) -> str:
    code = _code(error)
    return type(error).__name__ if code is None else f"{type(error).__name__}, code {code}"


def _harmless(error: PyMongoError) -> PyMongoError | None:
    return error if _code(error) == _AUTHENTICATION_FAILED else None
