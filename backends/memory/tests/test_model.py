"""Any sequence of operations, compared with a dict that keeps everything and forgets nothing in time."""

from faces import AwaitedStore, FakeClock
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from coatcheck.store import Replaced, Store
from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table

IDS = st.sampled_from(["a", "b", "c", "d", "e", "f"])
PAYLOADS = st.sampled_from([b"1", b"2", b"3"])
TTLS = st.one_of(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 60.0, 3600.0]), st.floats(0.001, 300))
SLACKS = st.sampled_from([0.0, 0.5, 30.0, 1000.0])
BOUND = 5


class MemoryMachine(RuleBasedStateMachine):
    """The model: id to end and payload, in the order of use."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.table = Table(BOUND, self.clock)
        self.face = AwaitedStore(AsyncMemoryStore(table=self.table))
        self.stores: list[Store] = [MemoryStore(table=self.table), self.face]
        self.model: dict[str, tuple[float, bytes]] = {}

    def teardown(self) -> None:
        self.face.stop()

    @property
    def store(self) -> Store:
        """Blocking and async in turn."""
        self.stores.reverse()
        return self.stores[0]

    def living(self, sid: str) -> bytes | None:
        """Return the living payload and count it as used."""
        if sid not in self.model:
            return None
        self.model[sid] = self.model.pop(sid)
        return self.model[sid][1]

    def left(self, sid: str) -> float:
        return self.model[sid][0] - self.clock.now

    def write(self, sid: str, payload: bytes, ttl: float) -> None:
        self.model.pop(sid, None)
        if ttl > 0:
            self.model[sid] = (self.clock.now + ttl, payload)

    @rule(sid=IDS, payload=PAYLOADS, ttl=TTLS)
    def set(self, sid: str, payload: bytes, ttl: float) -> None:
        # Ended records that are not freed yet take part in the bound; freeing them makes the model exact.
        self.store.prune()
        self.store.set(sid, payload, ttl=ttl)
        self.write(sid, payload, ttl)
        if len(self.model) > BOUND:
            del self.model[next(iter(self.model))]

    @rule(sid=IDS)
    def get(self, sid: str) -> None:
        assert self.store.get(sid) == self.living(sid)

    @rule(sid=IDS)
    def destroy(self, sid: str) -> None:
        assert self.store.destroy(sid) == (self.model.pop(sid, None) is not None)

    @rule(sid=IDS, ttl=TTLS, slack=SLACKS)
    def touch(self, sid: str, ttl: float, slack: float) -> None:
        payload = self.living(sid)
        assert self.store.touch(sid, ttl=ttl, slack=slack) == (payload is not None)
        if payload is not None and not ttl - slack <= self.left(sid) <= ttl:
            self.write(sid, payload, ttl)

    @rule(sid=IDS, ttl=TTLS, slack=SLACKS)
    def get_and_touch(self, sid: str, ttl: float, slack: float) -> None:
        payload = self.living(sid)
        assert self.store.get_and_touch(sid, ttl=ttl, slack=slack) == payload
        if payload is not None and self.left(sid) < ttl - slack:
            self.write(sid, payload, ttl)

    @rule(sid=IDS, payload=PAYLOADS, ttl=TTLS, expected=st.none() | PAYLOADS)
    def replace(self, sid: str, payload: bytes, ttl: float, expected: bytes | None) -> None:
        current = self.living(sid)
        outcome = self.store.replace(sid, payload, ttl=ttl, expected=expected)
        if current is None or expected not in (None, current):
            assert outcome == Replaced(written=False, current=current)
        else:
            assert outcome == Replaced(written=True)
            self.write(sid, payload, ttl)

    @rule(seconds=st.one_of(st.sampled_from([0.5, 1.0, 59.5, 60.0, 3600.0]), st.floats(0, 100)))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.model = {sid: record for sid, record in self.model.items() if record[0] > self.clock.now}

    @rule()
    def prune(self) -> None:
        ended = len(self.table.snapshot()) - len(self.model)
        assert self.store.prune() == ended
        assert len(self.table.snapshot()) == len(self.model)

    @rule()
    def clear(self) -> None:
        self.store.clear()
        self.model.clear()

    @invariant()
    def the_living_are_the_same(self) -> None:
        expected = {sid: payload for sid, (_, payload) in self.model.items()}
        assert dict(self.store.all()) == expected
        assert sorted(self.store.ids()) == sorted(expected)
        assert self.store.length() == len(expected)


TestMemory = MemoryMachine.TestCase
TestMemory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
