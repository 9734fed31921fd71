"""The two shells that carry out the engine's flows: here, and only here, is waited."""

import asyncio
import time
from typing import Any, TypeVar

from coatcheck._log import logger
from coatcheck.engine.calls import Call, Flow, Wait
from coatcheck.store import AsyncStore, Store

__all__ = ["drain", "run", "run_async", "run_shielded"]

_T = TypeVar("_T")


def run(flow: Flow[_T], store: Store) -> _T:
    """Carry out a flow on a blocking store."""
    step: Call | Wait
    result: Any = None
    error: Exception | None = None
    while True:
        try:
            step = flow.send(result) if error is None else flow.throw(error)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # what the generator's type says it returns
        result = error = None
        try:
            if isinstance(step, Wait):
                time.sleep(step.seconds)
            else:
                result = getattr(store, step.operation)(*step.arguments, **step.options)
        except Exception as raised:  # noqa: BLE001 (the flow hears of every failure)
            error = raised


async def run_async(flow: Flow[_T], store: AsyncStore) -> _T:
    """Carry out a flow on an async store; a cancellation ends the flow where it is."""
    try:
        step = flow.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # what the generator's type says it returns
    return await _drive(flow, step, store)


async def run_shielded(flow: Flow[_T], store: AsyncStore) -> _T:
    """Carry out a flow to its end even if the caller is cancelled: what was begun is not lost.

    The cancellation goes on once the flow is done, or at once if it comes again.
    """
    try:
        step = flow.send(None)
    except StopIteration as stop:  # nothing to wait for, so that no task is needed
        return stop.value  # type: ignore[no-any-return]  # what the generator's type says it returns
    task = asyncio.ensure_future(_drive(flow, step, store))
    _unfinished.add(task)  # the loop itself holds tasks only weakly
    task.add_done_callback(_unfinished.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("saving a session failed after its request was cancelled", exc_info=error)
        raise


async def drain() -> None:
    """Wait for the flows of cancelled requests that are still under way on this loop."""
    loop = asyncio.get_running_loop()
    mine = [task for task in _unfinished if task.get_loop() is loop]
    if mine:
        await asyncio.wait(mine)


_unfinished: set[asyncio.Task[Any]] = set()


async def _drive(flow: Flow[_T], step: Call | Wait, store: AsyncStore) -> _T:
    result: Any
    while True:
        error: Exception | None = None
        result = None
        try:
            if isinstance(step, Wait):
                await asyncio.sleep(step.seconds)
            else:
                result = await getattr(store, step.operation)(*step.arguments, **step.options)
        except Exception as raised:  # noqa: BLE001 (the flow hears of every failure)
            error = raised
        try:
            step = flow.send(result) if error is None else flow.throw(error)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # what the generator's type says it returns
