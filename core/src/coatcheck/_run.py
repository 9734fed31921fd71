"""The two shells that carry out the engine's flows: here, and only here, is waited."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

from coatcheck._log import logger
from coatcheck.engine.calls import Call, Flow, Wait
from coatcheck.store import AsyncStore, Store

__all__ = ["Turns", "drain", "run", "run_async", "run_later", "run_shielded"]

_T = TypeVar("_T")


class Turns(asyncio.Lock):
    """Lets the flows of one async session run one after the other, in the order in which they come.

    It also knows whether one more would have to wait, which a lock that is about to
    go to the next in line does not tell.
    """

    ahead: int = 0
    """How many flows have their turn or wait for it."""

    async def acquire(self) -> Literal[True]:
        self.ahead += 1
        try:
            return await super().acquire()
        except BaseException:
            self.ahead -= 1
            raise

    def release(self) -> None:
        super().release()
        self.ahead -= 1


def run(flow: Flow[_T], store: Store) -> _T:
    """Carry out a flow on a blocking store."""
    step: Call | Wait
    result: Any = None
    error: Exception | None = None
    try:
        while True:
            step = flow.send(result) if error is None else flow.throw(error)
            result = error = None
            try:
                if isinstance(step, Wait):
                    time.sleep(step.seconds)
                else:
                    result = getattr(store, step.operation)(*step.arguments, **step.options)
            except Exception as raised:  # noqa: BLE001 (the flow hears of every failure)
                error = raised
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # what the generator's type says it returns
    finally:
        flow.close()  # what it undoes is undone before the caller hears of a timeout


async def run_async(flow: Flow[_T], store: AsyncStore, turns: Turns | None = None) -> _T:
    """Carry out a flow on an async store; a cancellation ends the flow where it is.

    With ``turns`` it is its turn first.
    """
    if turns is not None:
        async with turns:
            return await run_async(flow, store)
    try:
        step = flow.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # what the generator's type says it returns
    return await _drive(flow, step, store)


async def run_shielded(flow: Flow[_T], store: AsyncStore, turns: Turns) -> _T:
    """Carry out a flow in its turn, to its end even if the caller is cancelled: what was begun is not lost.

    The cancellation goes on once the flow is done, or at once if it comes again.
    """
    if turns.ahead:
        return await _shield(_start(run_async(flow, store, turns)))
    try:
        step = flow.send(None)
    except StopIteration as stop:  # nothing to wait for, so that no task is needed
        return stop.value  # type: ignore[no-any-return]  # what the generator's type says it returns
    await turns.acquire()  # at once: nobody is ahead
    task = _start(_drive(flow, step, store))
    task.add_done_callback(lambda _: turns.release())  # also if it was cancelled before it began
    return await _shield(task)


def run_later(flow: Flow[Any], store: AsyncStore, turns: Turns) -> None:
    """Carry out a flow in its turn without making the caller wait; a failure is logged."""
    _start(run_async(flow, store, turns)).add_done_callback(_tell_failure)


async def drain() -> None:
    """Wait for the flows of cancelled requests that are still under way on this loop."""
    loop = asyncio.get_running_loop()
    mine = [task for task in _unfinished if task.get_loop() is loop]
    if mine:
        await asyncio.wait(mine)


_unfinished: set[asyncio.Task[Any]] = set()


def _start(work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    task = asyncio.ensure_future(work)
    _unfinished.add(task)  # the loop itself holds tasks only weakly
    task.add_done_callback(_unfinished.discard)
    return task


async def _shield(task: asyncio.Task[_T]) -> _T:
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_tell_failure)
        await asyncio.wait([task])
        raise


def _tell_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("saving a session failed after its request was cancelled", exc_info=error)


async def _drive(flow: Flow[_T], step: Call | Wait, store: AsyncStore) -> _T:
    result: Any
    error: Exception | None
    try:
        while True:
            result = error = None
            try:
                if isinstance(step, Wait):
                    await asyncio.sleep(step.seconds)
                else:
                    result = await getattr(store, step.operation)(*step.arguments, **step.options)
            except Exception as raised:  # noqa: BLE001 (the flow hears of every failure)
                error = raised
            step = flow.send(result) if error is None else flow.throw(error)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # what the generator's type says it returns
    finally:
        flow.close()  # what it undoes is undone before the caller hears of a cancellation
