"""Asks the sentinels for the address of the master."""

from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as NoConnection

from coatcheck_redis.deadline import AsyncDeadline, Deadline
from coatcheck_redis.failures import FAILURES
from coatcheck_redis.line import open_async_line, open_line
from coatcheck_redis.source import Address, Sentinels, Source

__all__ = ["AsyncMasterFinder", "MasterFinder"]


class MasterFinder:
    """Finds the master for blocking code."""

    def __init__(self, sentinels: Sentinels) -> None:
        self._sentinels = sentinels
        self._order = list(sentinels.sources)

    def find(self, deadline: Deadline) -> Address:
        """Return the address of the master, from the first sentinel that knows it."""
        order = list(self._order)
        for number, source in enumerate(order):
            try:
                with deadline.share(len(order) - number) as part:
                    address = self._ask(source, part)
            except AuthenticationError:  # it would be the same elsewhere
                raise
            except FAILURES:
                address = None
            if address is not None:
                # The next time this one is asked first.
                self._order = [source, *order[:number], *order[number + 1 :]]
                return address
        raise NoConnection("no sentinel that answers knows the master")

    def _ask(self, source: Source, deadline: Deadline) -> Address | None:
        line = open_line(source, None, deadline)
        try:
            reply = line.ask(("SENTINEL", "MASTER", self._sentinels.service), deadline)
        finally:
            line.cut()
        return _address(reply, self._sentinels)


class AsyncMasterFinder:
    """Finds the master for async code."""

    def __init__(self, sentinels: Sentinels) -> None:
        self._sentinels = sentinels
        self._order = list(sentinels.sources)

    async def find(self, deadline: AsyncDeadline) -> Address:
        """Return the address of the master, from the first sentinel that knows it."""
        order = list(self._order)
        for number, source in enumerate(order):
            try:
                async with deadline.share(len(order) - number) as part:
                    address = await self._ask(source, part)
            except AuthenticationError:  # it would be the same elsewhere
                raise
            except FAILURES:
                address = None
            if address is not None:
                # The next time this one is asked first.
                self._order = [source, *order[:number], *order[number + 1 :]]
                return address
        raise NoConnection("no sentinel that answers knows the master")

    async def _ask(self, source: Source, deadline: AsyncDeadline) -> Address | None:
        line = await open_async_line(source, None, deadline)
        try:
            reply = await line.ask(("SENTINEL", "MASTER", self._sentinels.service), deadline)
        finally:
            line.cut()
        return _address(reply, self._sentinels)


def _address(reply: list[bytes], sentinels: Sentinels) -> Address | None:
    """Return the master's address from what a sentinel says of it; None if it doubts the master itself."""
    state = dict(zip(reply[::2], reply[1::2], strict=True))
    flags = state[b"flags"].split(b",")
    if b"master" not in flags or b"s_down" in flags or b"o_down" in flags:
        return None
    if int(state[b"num-other-sentinels"]) < sentinels.fewest_others:
        return None
    return sentinels.master_host or state[b"ip"].decode(), int(state[b"port"])
