"""What the applications share: stores that tests can hold up or cut off, and the middleware's options."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypedDict

from servers.gates import Gate, shared_folder

from coatcheck import Replaced, StoreUnavailable
from coatcheck_memory import AsyncMemoryStore, MemoryStore

__all__ = [
    "FIRST",
    "HELD",
    "OPTIONS",
    "REST",
    "AsyncGatedStore",
    "GatedStore",
    "file_to_send",
    "pass_gate",
    "pass_gate_async",
]

HELD = "held-at-"
"""How a string begins that makes the writing of its session wait, at the gate of the name that follows."""

FIRST = b"first\n"
REST = b"the rest\n" * 250_000
"""What the streaming endpoints send before and after the gate; the rest fills every buffer on the way."""

# A request that waits at a gate takes one of these: there are as many as a test sends at once.
_waiters = ThreadPoolExecutor(32)


class Options(TypedDict):
    secret: str
    exclude: Callable[[Mapping[str, Any]], bool]


def _shows_records(request: Mapping[str, Any]) -> bool:
    return "/records" in (request.get("path"), request.get("PATH_INFO"))


OPTIONS = Options(secret="known only to these tests", exclude=_shows_records)


def pass_gate(name: str | None) -> None:
    """Wait at the gate of that name, if there is a name."""
    if name:
        Gate(shared_folder(), name).pass_through()


async def pass_gate_async(name: str | None) -> None:
    """Wait at the gate of that name without holding up the event loop."""
    if name:
        await asyncio.get_running_loop().run_in_executor(_waiters, pass_gate, name)


def file_to_send() -> str:
    """Return the path of the file that the test laid down."""
    return str(shared_folder() / "file.bin")


def _held_at(payload: bytes) -> str | None:
    found = re.search(f'"{HELD}([0-9a-f]+)', payload.decode())
    return found and found[1]


def _fail_in_outage() -> None:
    if (shared_folder() / "outage").exists():
        raise StoreUnavailable("the test cut the store off")


class GatedStore(MemoryStore):
    """Writing a session waits at the gate that a string in it names; loading it may be cut off."""

    def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        _fail_in_outage()
        return super().get_and_touch(sid, ttl=ttl, slack=slack)

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        pass_gate(_held_at(payload))
        super().set(sid, payload, ttl=ttl)

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        pass_gate(_held_at(payload))
        return super().replace(sid, payload, ttl=ttl, expected=expected)

    def records(self) -> dict[str, Any]:
        """Return the session stored under each id."""
        return {sid: json.loads(payload) for sid, payload in self.all()}


class AsyncGatedStore(AsyncMemoryStore):
    """See :class:`GatedStore`."""

    async def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        _fail_in_outage()
        return await super().get_and_touch(sid, ttl=ttl, slack=slack)

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        await pass_gate_async(_held_at(payload))
        await super().set(sid, payload, ttl=ttl)

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        await pass_gate_async(_held_at(payload))
        return await super().replace(sid, payload, ttl=ttl, expected=expected)

    async def records(self) -> dict[str, Any]:
        """Return the session stored under each id."""
        return {sid: json.loads(payload) async for sid, payload in self.all()}
