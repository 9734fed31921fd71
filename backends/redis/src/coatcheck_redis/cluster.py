"""A cluster: which server has which key, and how redirections are followed."""

from itertools import groupby
from typing import Any

from redis.crc import key_slot
from redis.exceptions import AskError, AuthenticationError, ClusterDownError, MovedError, ResponseError
from redis.exceptions import ConnectionError as NoConnection

from coatcheck_redis.deadline import AsyncDeadline, Deadline
from coatcheck_redis.failures import FAILURES
from coatcheck_redis.layout import Command
from coatcheck_redis.line import Reply
from coatcheck_redis.node import AsyncNode, Node
from coatcheck_redis.source import Address, Source

__all__ = ["AsyncCluster", "Cluster"]

MOST_REDIRECTIONS = 5
SLOTS = Command(("CLUSTER", "SLOTS"), repeatable=True)


class Cluster:
    """The servers of a cluster, for blocking code."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._size = size
        self._nodes: dict[Address, Node] = {}
        self._owners: dict[int, Address] = {}
        self._stale = True

    @property
    def losses(self) -> int:
        """How many connections were lost so far."""
        return sum(node.losses for node in list(self._nodes.values()))

    def masters(self, deadline: Deadline) -> list[Node]:
        """Return all that have to be asked for a listing."""
        self._refresh(deadline)
        return [self._node(address) for address in dict.fromkeys(self._owners.values())]

    def apart(self, keys: list[bytes]) -> list[list[bytes]]:
        """Return the keys in groups that one command may name."""
        return [list(group) for _, group in groupby(sorted(keys, key=key_slot), key_slot)]

    def exchange(self, command: Command, deadline: Deadline) -> Reply:
        """Send a command to the server that has its key, and return the reply."""
        if self._stale:
            self._refresh(deadline)
        slot = key_slot(command.key)
        address, asking = self._owners.get(slot), False
        for _ in range(MOST_REDIRECTIONS):
            if address is None:
                break
            try:
                return self._node(address).exchange(command, deadline, asking)
            except AskError as redirection:  # MovedError is one, and in both cases nothing was done
                asking = not isinstance(redirection, MovedError)
                self._stale = self._stale or not asking
                address = self._source.reachable(redirection.host or address[0], redirection.port)
            except ResponseError:
                raise
            except BaseException:
                self._stale = True  # there may be a failover
                raise
        self._stale = True
        raise ClusterDownError("the slot has no server")

    def close(self) -> None:
        for node in list(self._nodes.values()):
            node.close()

    def _refresh(self, deadline: Deadline) -> None:
        """Learn which server has which slot, from the first one that answers."""
        known = dict.fromkeys([*self._nodes, *self._source.nodes])
        for number, address in enumerate(known):
            try:
                with deadline.share(len(known) - number) as part:
                    reply = self._node(address).exchange(SLOTS, part)
            except AuthenticationError:  # it would be the same elsewhere
                raise
            except FAILURES:
                self._forget(address)
            else:
                self._owners = _owners(reply, address, self._source)
                self._stale = False
                return
        raise NoConnection("no server of the cluster answers")

    def _node(self, address: Address) -> Node:
        if address not in self._nodes:
            self._nodes.setdefault(address, Node(self._source, self._size, address))
        return self._nodes[address]

    def _forget(self, address: Address) -> None:
        node = self._nodes.pop(address, None)
        if node is not None:
            node.close()


class AsyncCluster:
    """The servers of a cluster, for async code."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._size = size
        self._nodes: dict[Address, AsyncNode] = {}
        self._owners: dict[int, Address] = {}
        self._stale = True

    @property
    def losses(self) -> int:
        """How many connections were lost so far."""
        return sum(node.losses for node in list(self._nodes.values()))

    async def masters(self, deadline: AsyncDeadline) -> list[AsyncNode]:
        """Return all that have to be asked for a listing."""
        await self._refresh(deadline)
        return [self._node(address) for address in dict.fromkeys(self._owners.values())]

    def apart(self, keys: list[bytes]) -> list[list[bytes]]:
        """Return the keys in groups that one command may name."""
        return [list(group) for _, group in groupby(sorted(keys, key=key_slot), key_slot)]

    async def exchange(self, command: Command, deadline: AsyncDeadline) -> Reply:
        """Send a command to the server that has its key, and return the reply."""
        if self._stale:
            await self._refresh(deadline)
        slot = key_slot(command.key)
        address, asking = self._owners.get(slot), False
        for _ in range(MOST_REDIRECTIONS):
            if address is None:
                break
            try:
                return await self._node(address).exchange(command, deadline, asking)
            except AskError as redirection:  # MovedError is one, and in both cases nothing was done
                asking = not isinstance(redirection, MovedError)
                self._stale = self._stale or not asking
                address = self._source.reachable(redirection.host or address[0], redirection.port)
            except ResponseError:
                raise
            except BaseException:
                self._stale = True  # there may be a failover
                raise
        self._stale = True
        raise ClusterDownError("the slot has no server")

    def close(self) -> None:
        for node in list(self._nodes.values()):
            node.close()

    async def _refresh(self, deadline: AsyncDeadline) -> None:
        """Learn which server has which slot, from the first one that answers."""
        known = dict.fromkeys([*self._nodes, *self._source.nodes])
        for number, address in enumerate(known):
            try:
                async with deadline.share(len(known) - number) as part:
                    reply = await self._node(address).exchange(SLOTS, part)
            except AuthenticationError:  # it would be the same elsewhere
                raise
            except FAILURES:
                self._forget(address)
            else:
                self._owners = _owners(reply, address, self._source)
                self._stale = False
                return
        raise NoConnection("no server of the cluster answers")

    def _node(self, address: Address) -> AsyncNode:
        if address not in self._nodes:
            self._nodes.setdefault(address, AsyncNode(self._source, self._size, address))
        return self._nodes[address]

    def _forget(self, address: Address) -> None:
        node = self._nodes.pop(address, None)
        if node is not None:
            node.close()


def _owners(reply: list[Any], asked: Address, source: Source) -> dict[int, Address]:
    """Return the server of each slot from the answer to CLUSTER SLOTS."""
    owners: dict[int, Address] = {}
    for first, last, (host, port, *_), *_replicas in reply:
        # A server that does not know its own name is where it was asked.
        name = host.decode() if host and host != b"?" else asked[0]
        owners.update(dict.fromkeys(range(first, last + 1), source.reachable(name, port)))
    return owners
