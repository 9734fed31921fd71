"""All that the stores say to Redis: in time, at most once where it must be, with the store's errors."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import TypeVar

from redis.exceptions import AskError

from coatcheck_redis.deadline import AsyncDeadline, Deadline
from coatcheck_redis.failures import FAILURES, NO_ANSWER, raise_translated
from coatcheck_redis.home import AsyncHome, Home
from coatcheck_redis.layout import PING, Command, Layout, read_key, remove_keys
from coatcheck_redis.line import Reply
from coatcheck_redis.listing import Listing, groups
from coatcheck_redis.node import AsyncNode, Node
from coatcheck_redis.source import Source

__all__ = ["AsyncServer", "Server"]

READ_AT_ONCE = 50
"""How many payloads a listing holds at a time."""

T = TypeVar("T")


class Server:
    """Redis, for blocking code: one server, a cluster, or the one that the sentinels name."""

    def __init__(self, source: Source, timeout: float, pool_size: int) -> None:
        self._timeout = timeout
        self._home = Home(source, pool_size)

    def execute(self, command: Command) -> Reply:
        """Send a command where its key is, and return the reply."""
        route = self._home.route()
        return self._in_time(partial(route.exchange, command), command)

    def ping(self) -> None:
        """Return if every server answers that a listing would ask."""
        for node in self._masters():
            self._in_time(partial(node.exchange, PING), PING)

    def batches(self, layout: Layout) -> Iterator[tuple[Node, list[bytes]]]:
        """Iterate over the keys of a layout, each once, in lists beside the server that has them."""
        route = self._home.route()
        listing = Listing(layout, self._masters(), route.losses)
        while listing.unfinished:
            node, command = listing.node, listing.command
            reply = self._in_time(partial(node.exchange, command), command)
            keys = listing.advance(reply, route.losses)
            if keys:
                yield node, keys

    def read(self, node: Node, keys: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Iterate over keys and payloads, of what is still there."""
        for group in groups(keys, READ_AT_ONCE):
            payloads = self._execute_all(node, [read_key(key) for key in group])
            for key, payload in zip(group, payloads, strict=True):
                if payload is not None:
                    yield key, payload

    def remove(self, node: Node, keys: list[bytes]) -> None:
        """Remove keys."""
        route = self._home.route()
        self._execute_all(node, [remove_keys(group) for group in route.apart(keys)])

    def close(self) -> None:
        """Close the connections for good."""
        self._home.close()

    def _masters(self) -> list[Node]:
        route = self._home.route()
        return self._in_time(route.masters, PING)

    def _execute_all(self, node: Node, commands: list[Command]) -> list[Reply]:
        replies = self._in_time(partial(node.exchange_all, commands), commands[0])
        # What has moved to another server of a cluster meanwhile was not carried out.
        return [
            self.execute(command) if isinstance(reply, AskError) else reply
            for command, reply in zip(commands, replies, strict=True)
        ]

    def _in_time(self, send: Callable[[Deadline], T], command: Command) -> T:
        """Call ``send`` with the deadline, and once more where its answer was lost and that does no harm."""
        try:
            with Deadline(self._timeout) as deadline:
                try:
                    return send(deadline)
                except NO_ANSWER:
                    if not command.repeatable:
                        raise
                return send(deadline)
        except FAILURES as error:
            raise_translated(error, self._timeout, command)


class AsyncServer:
    """Redis, for async code: one server, a cluster, or the one that the sentinels name."""

    def __init__(self, source: Source, timeout: float, pool_size: int) -> None:
        self._timeout = timeout
        self._home = AsyncHome(source, pool_size)

    async def execute(self, command: Command) -> Reply:
        """Send a command where its key is, and return the reply."""
        route = await self._home.route()
        return await self._in_time(partial(route.exchange, command), command)

    async def ping(self) -> None:
        """Return if every server answers that a listing would ask."""
        for node in await self._masters():
            await self._in_time(partial(node.exchange, PING), PING)

    async def batches(self, layout: Layout) -> AsyncIterator[tuple[AsyncNode, list[bytes]]]:
        """Iterate over the keys of a layout, each once, in lists beside the server that has them."""
        route = await self._home.route()
        listing = Listing(layout, await self._masters(), route.losses)
        while listing.unfinished:
            node, command = listing.node, listing.command
            reply = await self._in_time(partial(node.exchange, command), command)
            keys = listing.advance(reply, route.losses)
            if keys:
                yield node, keys

    async def read(self, node: AsyncNode, keys: list[bytes]) -> AsyncIterator[tuple[bytes, bytes]]:
        """Iterate over keys and payloads, of what is still there."""
        for group in groups(keys, READ_AT_ONCE):
            payloads = await self._execute_all(node, [read_key(key) for key in group])
            for key, payload in zip(group, payloads, strict=True):
                if payload is not None:
                    yield key, payload

    async def remove(self, node: AsyncNode, keys: list[bytes]) -> None:
        """Remove keys."""
        route = await self._home.route()
        await self._execute_all(node, [remove_keys(group) for group in route.apart(keys)])

    async def close(self) -> None:
        """Close the connections for good."""
        await self._home.close()

    async def _masters(self) -> list[AsyncNode]:
        route = await self._home.route()
        return await self._in_time(route.masters, PING)

    async def _execute_all(self, node: AsyncNode, commands: list[Command]) -> list[Reply]:
        replies = await self._in_time(partial(node.exchange_all, commands), commands[0])
        # What has moved to another server of a cluster meanwhile was not carried out.
        return [
            await self.execute(command) if isinstance(reply, AskError) else reply
            for command, reply in zip(commands, replies, strict=True)
        ]

    async def _in_time(self, send: Callable[[AsyncDeadline], Awaitable[T]], command: Command) -> T:
        """Call ``send`` with the deadline, and once more where its answer was lost and that does no harm."""
        try:
            async with AsyncDeadline(self._timeout) as deadline:
                try:
                    return await send(deadline)
                except NO_ANSWER:
                    if not command.repeatable:
                        raise
                return await send(deadline)
        except FAILURES as error:
            raise_translated(error, self._timeout, command)
