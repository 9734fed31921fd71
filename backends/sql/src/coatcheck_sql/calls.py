"""One call of a store: how long it may take, and which connection to cut when that is over."""

import threading
import time
from contextvars import ContextVar
from typing import Any

from coatcheck.errors import StoreUnavailable
from coatcheck_sql.drivers import Driver

__all__ = ["CURRENT", "Call"]


class Call:
    """A call under way. Its connection is cut when it has run out of time, and only while it has it."""

    __slots__ = ("_connection", "_driver", "_lock", "ends", "expired", "timeout")

    def __init__(self, timeout: float, driver: Driver) -> None:
        self.timeout: float = timeout
        self.ends: float = time.monotonic() + timeout
        self.expired: bool = False
        self._driver = driver
        self._connection: Any = None
        self._lock = threading.Lock()

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.ends - time.monotonic()

    def attach(self, connection: Any) -> None:
        """Have a driver's connection cut at the end of the time."""
        with self._lock:
            self._connection = connection
            if self.expired:
                self._driver.cut(connection)

    def detach(self) -> None:
        """Leave the connection to others."""
        with self._lock:
            self._connection = None

    def expire(self) -> bool:
        """End the time now; False if there is no connection yet that could be cut."""
        with self._lock:
            self.expired = True
            if self._connection is None:
                return False
            self._driver.cut(self._connection)
            return True

    def too_late(self, cause: BaseException | None = None) -> StoreUnavailable:
        """Return the error for a call that has run out of time."""
        error = StoreUnavailable(f"the database did not answer within {self.timeout:g} s")
        error.__cause__ = cause or TimeoutError("no connection was to be had in time")
        return error


CURRENT: ContextVar[Call | None] = ContextVar("coatcheck_sql_call", default=None)
"""The call for which a connection is being made."""
