"""The moment by which a call is over, whatever the server does."""

import asyncio
from time import monotonic
from types import TracebackType
from typing import Any, Self

__all__ = ["AsyncDeadline", "Deadline", "DeadlineSocket"]


class Deadline:
    """Bound what is done within its ``with`` block: everything that waits asks it how long it may."""

    __slots__ = ("_end", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = monotonic() + seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        pass

    def left(self) -> float:
        """Return the seconds that are left; raise ``TimeoutError`` if there are none."""
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of the call has passed")
        return left

    def over(self) -> bool:
        """Tell whether the time has passed."""
        return monotonic() >= self._end

    def renew(self) -> None:
        """Start over, for the next step of a listing."""
        self._end = monotonic() + self._seconds

    def share(self, among: int) -> "Deadline":
        """Return a deadline for one of several attempts, so that the others have their time too."""
        return Deadline(self.left() / among)


class AsyncDeadline:
    """Bound what is done within its ``async with`` block: what waits longer is cancelled."""

    __slots__ = ("_seconds", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer = asyncio.timeout(seconds)

    async def __aenter__(self) -> Self:
        await self._timer.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._timer.__aexit__(kind, error, trace)

    def left(self) -> float:
        """Return the seconds that are left."""
        end = self._timer.when()
        return self._seconds if end is None else end - asyncio.get_running_loop().time()

    def over(self) -> bool:
        """Tell whether the time has passed."""
        return self._timer.expired()

    def renew(self) -> None:
        """Start over, for the next step of a listing."""
        self._timer.reschedule(asyncio.get_running_loop().time() + self._seconds)

    def share(self, among: int) -> "AsyncDeadline":
        """Return a deadline for one of several attempts, so that the others have their time too."""
        return AsyncDeadline(self.left() / among)


class DeadlineSocket:
    """A socket on which nothing waits longer than its deadline, however slowly bytes come and go."""

    def __init__(self, wrapped: Any, deadline: Deadline) -> None:
        self._wrapped = wrapped
        self.deadline = deadline

    def recv_into(self, *arguments: Any) -> int:
        self._wrapped.settimeout(self.deadline.left())
        return int(self._wrapped.recv_into(*arguments))

    def recv(self, *arguments: Any) -> bytes:
        self._wrapped.settimeout(self.deadline.left())
        return bytes(self._wrapped.recv(*arguments))

    def sendall(self, data: bytes) -> None:
        # Not the socket's own: over TLS its timeout would begin anew with each piece.
        rest = memoryview(data)
        while rest:
            self._wrapped.settimeout(self.deadline.left())
            rest = rest[self._wrapped.send(rest) :]

    def settimeout(self, _seconds: float | None) -> None:
        """Do nothing: the deadline decides."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)
