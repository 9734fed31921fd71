"""Stores that stop before and after every call until they are told to go on."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from coatcheck import AsyncStore, Replaced, Store

REQUEST: ContextVar[str | None] = ContextVar("REQUEST", default=None)
"""The name of the request that is being served; the tasks that it starts inherit it."""


@dataclass(frozen=True)
class Made:
    """A call that was made, and its result."""

    request: str
    operation: str
    sid: str
    result: Any

    @property
    def wrote(self) -> bool:
        """True if the record holds this call's payload since."""
        replaced = isinstance(self.result, Replaced) and self.result.written
        return replaced or self.operation == "set"

    @property
    def met_nothing(self) -> bool:
        """True if the record had ended before."""
        gone = isinstance(self.result, Replaced) and not self.result.written and self.result.current is None
        return gone or self.result is False


class Log(list[Made]):
    """The calls that requests made, in the order in which the store carried them out."""

    def note(self, operation: str, sid: str, result: Any) -> None:
        """Write a call down; those that no request made are left out."""
        request = REQUEST.get()
        if request is not None:
            self.append(Made(request, operation, sid, result))


class GatedStore(Store):
    """A blocking store whose calls pass two gates each: ``stop("before get")``, ``stop("after get")``."""

    def __init__(self, inner: Store, stop: Callable[[str], None]) -> None:
        self.inner = inner
        self.supports = inner.supports
        self.log = Log()
        self._stop = stop

    def _pass(self, operation: str, sid: str, *arguments: Any, **options: Any) -> Any:
        self._stop(f"before {operation}")
        result = getattr(self.inner, operation)(sid, *arguments, **options)
        self.log.note(operation, sid, result)
        self._stop(f"after {operation}")
        return result

    def get(self, sid: str, /) -> bytes | None:
        stored: bytes | None = self._pass("get", sid)
        return stored

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self._pass("set", sid, payload, ttl=ttl)

    def destroy(self, sid: str, /) -> bool:
        return bool(self._pass("destroy", sid))

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return bool(self._pass("touch", sid, ttl=ttl, slack=slack))

    def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        stored: bytes | None = self._pass("get_and_touch", sid, ttl=ttl, slack=slack)
        return stored

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        replaced: Replaced = self._pass("replace", sid, payload, ttl=ttl, expected=expected)
        return replaced


class AsyncGatedStore(AsyncStore):
    """An async store whose calls pass two gates each: see :class:`GatedStore`."""

    def __init__(self, inner: AsyncStore, stop: Callable[[str], Awaitable[None]]) -> None:
        self.inner = inner
        self.supports = inner.supports
        self.log = Log()
        self._stop = stop

    async def _pass(self, operation: str, sid: str, *arguments: Any, **options: Any) -> Any:
        await self._stop(f"before {operation}")
        result = await getattr(self.inner, operation)(sid, *arguments, **options)
        self.log.note(operation, sid, result)
        await self._stop(f"after {operation}")
        return result

    async def get(self, sid: str, /) -> bytes | None:
        stored: bytes | None = await self._pass("get", sid)
        return stored

    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        await self._pass("set", sid, payload, ttl=ttl)

    async def destroy(self, sid: str, /) -> bool:
        return bool(await self._pass("destroy", sid))

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return bool(await self._pass("touch", sid, ttl=ttl, slack=slack))

    async def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        stored: bytes | None = await self._pass("get_and_touch", sid, ttl=ttl, slack=slack)
        return stored

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        replaced: Replaced = await self._pass("replace", sid, payload, ttl=ttl, expected=expected)
        return replaced
