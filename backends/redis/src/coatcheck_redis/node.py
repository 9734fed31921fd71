"""One server: sends commands over its pool and reads the replies."""

from redis.exceptions import AskError, NoScriptError, ResponseError

from coatcheck_redis.deadline import AsyncDeadline, Deadline
from coatcheck_redis.failures import NO_ANSWER, answers_elsewhere
from coatcheck_redis.layout import Command, Parts
from coatcheck_redis.line import AsyncLine, Line, Reply, open_async_line, open_line
from coatcheck_redis.pool import AsyncPool, Pool
from coatcheck_redis.sentinels import AsyncMasterFinder, MasterFinder
from coatcheck_redis.source import Address, Source

__all__ = ["AsyncNode", "Node"]

ASKING = ("ASKING",)
"""Lets a server of a cluster answer for a slot that is on its way to it."""


class Node:
    """A server at one address, or whichever the sentinels name, for blocking code."""

    def __init__(self, source: Source, size: int, address: Address | None = None) -> None:
        self._source = source
        self._address = address
        self._finder = MasterFinder(source.sentinels) if source.sentinels else None
        self._pool = Pool(self._open_line, size)

    @property
    def losses(self) -> int:
        """How many connections were lost so far."""
        return self._pool.losses

    def masters(self, _deadline: Deadline) -> list["Node"]:
        """Return all that have to be asked for a listing."""
        return [self]

    def apart(self, keys: list[bytes]) -> list[list[bytes]]:
        """Return the keys in groups that one command may name."""
        return [keys]

    def exchange(self, command: Command, deadline: Deadline, asking: bool = False) -> Reply:
        """Send a command once and return the reply; raise the error that the server replied."""
        line = self._pool.take(deadline)
        try:
            try:
                reply = self._ask(line, command.parts, deadline, asking)
            except NoScriptError:  # and nothing was done
                reply = self._ask(line, command.in_full, deadline, asking)
        except BaseException as error:
            self._give_back(line, error, deadline)
            raise
        self._pool.give(line)
        return reply

    def exchange_all(self, commands: list[Command], deadline: Deadline) -> list[Reply]:
        """Send commands at once and return the replies; redirections stand among them as errors."""
        line = self._pool.take(deadline)
        try:
            line.send([command.parts for command in commands], deadline)
            replies = [self._read(line, deadline) for _ in commands]
            for reply in replies:
                if isinstance(reply, ResponseError) and not isinstance(reply, AskError):
                    raise reply
        except BaseException as error:
            self._give_back(line, error, deadline)
            raise
        self._pool.give(line)
        return replies

    def close(self) -> None:
        self._pool.close()

    def _ask(self, line: Line, parts: Parts, deadline: Deadline, asking: bool) -> Reply:
        if asking:  # holds for one command
            line.ask(ASKING, deadline)
        return line.ask(parts, deadline)

    def _read(self, line: Line, deadline: Deadline) -> Reply:
        deadline.renew()
        try:
            return line.read()
        except ResponseError as error:
            return error

    def _give_back(self, line: Line, error: BaseException, deadline: Deadline) -> None:
        """Take a line out of use, unless all that was sent on it has been answered."""
        if answers_elsewhere(error) or isinstance(error, NO_ANSWER) or deadline.over():
            self._pool.suspect()
            self._pool.discard(line)
        elif isinstance(error, ResponseError):
            self._pool.give(line)
        else:
            self._pool.discard(line)

    def _open_line(self, deadline: Deadline) -> Line:
        address = self._finder.find(deadline) if self._finder else self._address
        return open_line(self._source, address, deadline)


class AsyncNode:
    """A server at one address, or whichever the sentinels name, for async code."""

    def __init__(self, source: Source, size: int, address: Address | None = None) -> None:
        self._source = source
        self._address = address
        self._finder = AsyncMasterFinder(source.sentinels) if source.sentinels else None
        self._pool = AsyncPool(self._open_line, size)

    @property
    def losses(self) -> int:
        """How many connections were lost so far."""
        return self._pool.losses

    async def masters(self, _deadline: AsyncDeadline) -> list["AsyncNode"]:
        """Return all that have to be asked for a listing."""
        return [self]

    def apart(self, keys: list[bytes]) -> list[list[bytes]]:
        """Return the keys in groups that one command may name."""
        return [keys]

    async def exchange(self, command: Command, deadline: AsyncDeadline, asking: bool = False) -> Reply:
        """Send a command once and return the reply; raise the error that the server replied."""
        line = await self._pool.take(deadline)
        try:
            try:
                reply = await self._ask(line, command.parts, deadline, asking)
            except NoScriptError:  # and nothing was done
                reply = await self._ask(line, command.in_full, deadline, asking)
        except BaseException as error:
            self._give_back(line, error, deadline)
            raise
        self._pool.give(line)
        return reply

    async def exchange_all(self, commands: list[Command], deadline: AsyncDeadline) -> list[Reply]:
        """Send commands at once and return the replies; redirections stand among them as errors."""
        line = await self._pool.take(deadline)
        try:
            line.send([command.parts for command in commands], deadline)
            replies = [await self._read(line, deadline) for _ in commands]
            for reply in replies:
                if isinstance(reply, ResponseError) and not isinstance(reply, AskError):
                    raise reply
        except BaseException as error:
            self._give_back(line, error, deadline)
            raise
        self._pool.give(line)
        return replies

    def close(self) -> None:
        self._pool.close()

    async def _ask(self, line: AsyncLine, parts: Parts, deadline: AsyncDeadline, asking: bool) -> Reply:
        if asking:  # holds for one command
            await line.ask(ASKING, deadline)
        return await line.ask(parts, deadline)

    async def _read(self, line: AsyncLine, deadline: AsyncDeadline) -> Reply:
        deadline.renew()
        try:
            return await line.read()
        except ResponseError as error:
            return error

    def _give_back(self, line: AsyncLine, error: BaseException, deadline: AsyncDeadline) -> None:
        """Take a line out of use, unless all that was sent on it has been answered."""
        if answers_elsewhere(error) or isinstance(error, NO_ANSWER) or deadline.over():
            self._pool.suspect()
            self._pool.discard(line)
        elif isinstance(error, ResponseError):
            self._pool.give(line)
        else:
            self._pool.discard(line)

    async def _open_line(self, deadline: AsyncDeadline) -> AsyncLine:
        address = await self._finder.find(deadline) if self._finder else self._address
        return await open_async_line(self._source, address, deadline)
