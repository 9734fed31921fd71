"""What SQLAlchemy does not offer of a driver: to cut a connection off, and to see that it is dead.

Only drivers that can be cut off are taken: with the others a frozen server would
hold its callers for ever.
"""

import contextlib
import os
import select
import socket
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["DRIVERS", "Driver"]


class Driver(Protocol):
    """How to treat the connections of one driver."""

    def cut(self, connection: Any) -> None:
        """End all waiting for the server at once, from any thread."""
        ...

    def is_dead(self, connection: Any) -> bool:
        """Tell, without asking the server, whether an idle connection is of no use any more."""
        ...

    def drop(self, connection: Any) -> None:
        """Close an idle connection, at once and without the loop that it belonged to."""
        ...


class SocketDriver:
    """A driver that shows its socket."""

    def __init__(self, descriptor: Callable[[Any], int]) -> None:
        self._descriptor = descriptor

    def cut(self, connection: Any) -> None:
        # A duplicate, so that closing it here takes nothing from the driver.
        with (
            contextlib.suppress(Exception),
            socket.socket(fileno=os.dup(self._descriptor(connection))) as end,
        ):
            end.shutdown(socket.SHUT_RDWR)

    def is_dead(self, connection: Any) -> bool:
        try:
            return _has_something_to_say(self._descriptor(connection))
        except Exception:  # noqa: BLE001 (drivers differ in how they say that there is no socket)
            return True

    def drop(self, connection: Any) -> None:
        with contextlib.suppress(Exception):
            connection.pgconn.finish()


def _has_something_to_say(descriptor: int) -> bool:
    """Tell whether the server ended a connection, or took leave: it never speaks first otherwise."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])


class AsyncpgDriver:
    """asyncpg: its transport belongs to the loop."""

    def cut(self, connection: Any) -> None:
        connection.terminate()

    def is_dead(self, connection: Any) -> bool:
        return bool(connection.is_closed()) or _ended(connection._transport)

    def drop(self, connection: Any) -> None:
        _close_without_loop(connection._transport)


class AsyncmyDriver:
    """asyncmy: closing it at once does not wait for the server."""

    def cut(self, connection: Any) -> None:
        with contextlib.suppress(Exception):
            connection._transport.abort()

    def is_dead(self, connection: Any) -> bool:
        return bool(connection._stream_broken) or _ended(connection._transport)

    def drop(self, connection: Any) -> None:
        _close_without_loop(connection._transport)


def _ended(transport: Any) -> bool:
    """Tell whether there is something that the loop had no time yet to read."""
    try:
        return _has_something_to_say(transport.get_extra_info("socket").fileno())
    except Exception:  # noqa: BLE001 (a transport that is closed has no socket)
        return True


def _close_without_loop(transport: Any) -> None:
    """Do for a transport what its loop would do next, which is over; it would be reported as unclosed."""
    with contextlib.suppress(Exception):
        transport._call_connection_lost(None)


class SqliteDriver:
    """SQLite's library: there is no server, and no connection to lose."""

    def cut(self, connection: Any) -> None:
        # aiosqlite keeps the connection of its thread here; to interrupt it is allowed from any other.
        with contextlib.suppress(Exception):
            getattr(connection, "_conn", connection).interrupt()

    def is_dead(self, connection: Any) -> bool:
        return False

    def drop(self, connection: Any) -> None:
        with contextlib.suppress(Exception):
            connection.stop()


DRIVERS: dict[str, Driver] = {
    "aiosqlite": SqliteDriver(),
    "asyncmy": AsyncmyDriver(),
    "asyncpg": AsyncpgDriver(),
    "psycopg": SocketDriver(lambda connection: connection.pgconn.socket),
    "pymysql": SocketDriver(lambda connection: connection._sock.fileno()),
    "pysqlite": SqliteDriver(),
}
"""The drivers that are taken, as SQLAlchemy calls them."""
