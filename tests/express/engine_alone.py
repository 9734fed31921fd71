"""The engine without middleware and without a store: its flows are answered from a dict."""

import asyncio
from collections.abc import Iterable
from copy import deepcopy
from typing import Any, TypeVar

from faces import FakeClock
from harness.stores import Trace

from coatcheck import Replaced
from coatcheck._log import RateLimit
from coatcheck.engine import Call, Context, Flow, State, begin, commit, load
from coatcheck.engine.committing import save
from coatcheck.engine.loading import reload
from coatcheck.options import parse_options
from coatcheck_memory.store import EVERYTHING
from express.scenarios import LIFETIME_SET, STORED, carry_out
from express.traces import STREAMED, WHOLE, Observation

T = TypeVar("T")


class Records:
    """What a store would hold; it answers the engine's calls and notes them."""

    def __init__(self, clock: FakeClock) -> None:
        self.trace = Trace()
        self._clock = clock
        self._records: dict[str, tuple[bytes, float]] = {}

    def carry_out(self, flow: Flow[T]) -> T:
        """Answer every call of a flow and return its result."""
        answer: Any = None
        while True:
            try:
                call = flow.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result
            assert isinstance(call, Call)
            self.trace.note(call.operation, *call.arguments, **call.options)
            answer = getattr(self, f"_{call.operation}")(*call.arguments, **call.options)

    def forget(self, sid: str) -> None:
        """Lose a record, of which no call tells."""
        del self._records[sid]

    def _get(self, sid: str) -> bytes | None:
        payload, ends = self._records.get(sid, (None, 0.0))
        return payload if ends > self._clock() else None

    def _set(self, sid: str, payload: bytes, *, ttl: float) -> None:
        self._records[sid] = payload, self._clock() + ttl

    def _destroy(self, sid: str) -> bool:
        return self._records.pop(sid, None) is not None

    def _touch(self, sid: str, *, ttl: float, slack: float) -> bool:
        payload = self._get(sid)
        if payload is not None:
            self._set(sid, payload, ttl=ttl)
        return payload is not None

    def _get_and_touch(self, sid: str, *, ttl: float, slack: float) -> bytes | None:
        self._touch(sid, ttl=ttl, slack=slack)
        return self._get(sid)

    def _replace(self, sid: str, payload: bytes, *, ttl: float, expected: bytes | None) -> Replaced:
        current = self._get(sid)
        if current is None or current != expected:
            return Replaced(written=False, current=current)
        self._set(sid, payload, ttl=ttl)
        return Replaced(written=True)


class StateActor:
    """Does the steps of a scenario to the engine's state of a session."""

    def __init__(self, state: State, records: Records) -> None:
        self._state = state
        self._records = records

    def _assign(self, key: str, value: Any) -> None:
        self._state.access()
        self._state.require_usable()
        self._state.require_cookie_possible()
        self._state.data[key] = value
        self._state.assigned.add(key)

    def start(self) -> None:
        for key, value in deepcopy(STORED).items():
            self._assign(key, value)

    def modify(self) -> None:
        self._assign("colour", "red")

    def assign_the_same(self) -> None:
        self._assign("colour", STORED["colour"])

    def mutate_nested(self) -> None:
        self._state.access()
        self._state.data["cart"]["apples"] += 1

    def set_max_age(self) -> None:
        self._state.access()
        self._state.cookie.max_age = LIFETIME_SET

    def save(self) -> None:
        self._records.carry_out(save(self._state))

    def reload(self) -> None:
        self._records.carry_out(reload(self._state))

    def touch(self) -> None:
        self._state.access()
        self._state.touched = self._state.touch_due = True

    def regenerate(self) -> None:
        self._state.renew_id(keep_data=False)

    def destroy(self) -> None:
        self._state.access()
        self._state.destroy()

    def set_to_none(self) -> None:
        self._state.unset = True

    def seen(self) -> dict[str, Any]:
        self._state.access()
        return self._state.data


class EngineAlone:
    """A visitor whose requests the engine answers, as a middleware would have it do."""

    def __init__(self, options: dict[str, Any]) -> None:
        chosen = {**options}
        self.clock = FakeClock()
        parsed = parse_options(chosen.pop("secret"), {**chosen, "clock": self.clock}, key="session")
        self._context = Context(parsed, EVERYTHING, RateLimit())
        self._records = Records(self.clock)
        self._cookie = ""

    def forget(self, sid: str) -> None:
        """Lose a record, of which no call tells."""
        self._records.forget(sid)

    def visit(self, steps: Iterable[str], streamed: Iterable[str] = ()) -> Observation:
        """Answer a request in which the application does the steps."""
        trace = self._records.trace
        trace.take()
        notes: list[Any] = []
        state = begin(self._context, {}, path="/", cookies=self._cookie, https=False, forwarded="")
        assert state is not None
        self._records.carry_out(load(state))
        actor = StateActor(state, self._records)
        asyncio.run(carry_out(steps, actor, notes))
        headers = [("content-type", "text/plain")]
        self._records.carry_out(commit(state)).add_to(headers)
        state.head_sent, calls_before_head = True, len(trace.calls)
        if streamed:
            asyncio.run(carry_out(streamed, actor, notes))
            self._records.carry_out(commit(state))
        body = STREAMED if streamed else WHOLE
        lowered = [(name.lower(), value) for name, value in headers]
        observation = Observation(trace.take().calls, calls_before_head, lowered, body, notes)
        self._cookie = observation.set_cookie.partition(";")[0]
        return observation
