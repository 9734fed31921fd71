"""What the engine asks of a store: values that a shell carries out.

A flow is a generator that yields calls and is sent their results. It decides
and never waits; the same flow runs over blocking and async stores. An error of
the store is thrown into the flow at the call.

Where a store lacks an optional operation, the flows here do without it.
"""

from collections.abc import Generator
from typing import Any, NamedTuple, TypeAlias, TypeVar

from coatcheck.store import Replaced, Supports

_T = TypeVar("_T")


class Call(NamedTuple):
    """One operation of the store."""

    operation: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class Wait(NamedTuple):
    """A pause before the next attempt."""

    seconds: float


Flow: TypeAlias = Generator[Call | Wait, Any, _T]


def get(sid: str) -> Flow[bytes | None]:
    """Read a record."""
    stored: bytes | None = yield Call("get", (sid,), {})
    return stored


def set(sid: str, stored: bytes, ttl: float) -> Flow[None]:  # noqa: A001 (the operation's name)
    """Create or overwrite a record."""
    yield Call("set", (sid, stored), {"ttl": ttl})


def destroy(sid: str) -> Flow[bool]:
    """End a record."""
    existed: bool = yield Call("destroy", (sid,), {})
    return existed


def touch(supports: Supports, sid: str, ttl: float, slack: float) -> Flow[bool]:
    """Renew a record; without ``touch`` nothing is renewed, as in express-session 5.8."""
    if not supports.touch:
        return True
    alive: bool = yield Call("touch", (sid,), {"ttl": ttl, "slack": slack})
    return alive


def get_and_touch(sid: str, ttl: float, slack: float) -> Flow[bytes | None]:
    """Read and renew a record."""
    stored: bytes | None = yield Call("get_and_touch", (sid,), {"ttl": ttl, "slack": slack})
    return stored


def replace(
    supports: Supports, sid: str, stored: bytes, ttl: float, expected: bytes | None
) -> Flow[Replaced]:
    """Write over a living record; without ``replace`` by reading first, which is not atomic."""
    if supports.replace:
        replaced: Replaced = yield Call("replace", (sid, stored), {"ttl": ttl, "expected": expected})
        return replaced
    current = yield from get(sid)
    if current is None or (expected is not None and current != expected):
        return Replaced(False, current)
    if ttl <= 0:
        yield from destroy(sid)
    else:
        yield from set(sid, stored, ttl)
    return Replaced(True)
