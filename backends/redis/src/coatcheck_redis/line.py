"""One connection to a server: the driver's, without the driver's retries and timeouts.

These are no twins: a blocking wait is bounded by the socket, an async one by cancelling it. Whatever
fails in the middle leaves a reply that nobody read, so that the caller has to ``cut`` the line.
"""

import functools
import select
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, cast

from hiredis import pack_command

from coatcheck_redis.deadline import AsyncDeadline, Deadline, DeadlineSocket
from coatcheck_redis.layout import Parts
from coatcheck_redis.source import Address, Source

__all__ = ["AsyncLine", "Line", "open_async_line", "open_line"]

Reply = Any

pack: Callable[[Parts], bytes] = cast(Any, pack_command)  # its type says that a command has one part


def _news(sock: Any) -> bool:
    """Tell whether there is something to read on a line at rest: the server closed it, or a late reply."""
    if not hasattr(select, "poll"):
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


class Line:
    """A connection for blocking code."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._socket: DeadlineSocket = connection.wire

    def usable(self) -> bool:
        """Tell, without a round trip, whether the line can carry a command."""
        return not _news(self._socket)

    def ask(self, command: Parts, deadline: Deadline) -> Reply:
        """Send a command and return the reply; raise the error that the server replied."""
        self.send([command], deadline)
        return self.read()

    def send(self, commands: Iterable[Parts], deadline: Deadline) -> None:
        """Send commands, whose replies are to be read in the same order."""
        self._socket.deadline = deadline
        # A server that refuses what it is sent says why before it closes: the reading finds out.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(b"".join(map(pack, commands)))

    def read(self) -> Reply:
        """Return the next reply; raise the error that the server replied."""
        return self._connection.read_response(disable_decoding=True)

    def cut(self) -> None:
        """Close the socket, whatever is under way on it."""
        self._connection.disconnect()


class AsyncLine:
    """A connection for async code."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        # Kept here, as the driver lets go of it when something fails.
        self._transport = connection._writer.transport
        self._socket = self._transport.get_extra_info("socket")

    def usable(self) -> bool:
        """Tell, without a round trip, whether the line can carry a command."""
        return not (self._transport.is_closing() or _news(self._socket))

    async def ask(self, command: Parts, deadline: AsyncDeadline) -> Reply:
        """Send a command and return the reply; raise the error that the server replied."""
        self.send([command], deadline)
        return await self.read()

    def send(self, commands: Iterable[Parts], _deadline: AsyncDeadline) -> None:
        """Send commands, whose replies are to be read in the same order."""
        # Nobody waits until it is out: a server that refuses it says why before it closes.
        self._transport.write(b"".join(map(pack, commands)))

    async def read(self) -> Reply:
        """Return the next reply; raise the error that the server replied."""
        return await self._connection.read_response(disable_decoding=True)

    def cut(self) -> None:
        """Close the socket, whatever is under way on it."""
        _abort(self._connection, self._transport)


def _abort(connection: Any, transport: Any) -> None:
    # Not the driver's disconnect(), which would first send what is left to send.
    transport.abort()
    connection._parser.on_disconnect()
    connection._reader = connection._writer = None


class _Deadlined:
    """Mixed into the driver's connection: its handshake ends at a deadline too."""

    deadline: Deadline
    wire: DeadlineSocket

    def _connect(self) -> DeadlineSocket:
        self.wire = DeadlineSocket(cast(Any, super())._connect(), self.deadline)
        return self.wire


@functools.cache
def _deadlined(connection_class: type) -> type:
    return type(connection_class.__name__, (_Deadlined, connection_class), {})


def open_line(source: Source, address: Address | None, deadline: Deadline) -> Line:
    """Connect, log in and select the database."""
    left = deadline.left()
    arguments = source.arguments_for(address, socket_timeout=left, socket_connect_timeout=left)
    connection = _deadlined(source.connection_class)(**arguments)
    connection.deadline = deadline
    try:
        connection.connect()
        return Line(connection)
    except BaseException:
        connection.disconnect()
        raise


async def open_async_line(source: Source, address: Address | None, _deadline: AsyncDeadline) -> AsyncLine:
    """Connect, log in and select the database."""
    arguments = source.arguments_for(address, socket_timeout=None, socket_connect_timeout=None)
    connection = source.connection_class(**arguments)
    try:
        await connection.connect()
        return AsyncLine(connection)
    except BaseException:
        if connection._writer is not None:
            _abort(connection, connection._writer.transport)
        raise
