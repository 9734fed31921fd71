"""Every operation is one atomic step: rivals of one record, sixteen at once."""

import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from coatcheck import AsyncStore, Replaced, Store
from contract.homes import Awaited, Home
from contract.payloads import numbered
from contract.together import Call, call, each_on_its_own, together

WRITERS = 16
ROUNDS = 200
TIES = 1000


def as_replaced(answer: object) -> Replaced:
    """Return the outcome of a replacement; raise the error that came instead."""
    if isinstance(answer, BaseException):
        raise answer
    assert isinstance(answer, Replaced)
    return answer


def test_of_sixteen_rivals_exactly_one_wins_and_the_others_get_what_it_wrote(store: Store) -> None:
    held = numbered(-1)
    store.set("sid", held, ttl=600)
    for number in range(ROUNDS):
        offers = [numbered(number, by=writer) for writer in range(WRITERS)]
        calls = [call("replace", "sid", offer, ttl=600, expected=held) for offer in offers]
        answers = [as_replaced(answer) for answer in together(store, calls)]
        winners = [offer for offer, answer in zip(offers, answers, strict=True) if answer.written]
        assert len(winners) == 1
        assert {answer.current for answer in answers if not answer.written} == {winners[0]}
        held = winners[0]
    assert store.get("sid") == held


def test_of_rivals_with_stores_of_their_own_exactly_one_wins(home: Home) -> None:
    stores = [home.open() for _ in range(WRITERS)]
    held = numbered(-1)
    stores[0].set("sid", held, ttl=600)
    for number in range(20):
        offers = [numbered(number, by=writer) for writer in range(WRITERS)]
        calls = [call("replace", "sid", offer, ttl=600, expected=held) for offer in offers]
        answers = [as_replaced(answer) for answer in each_on_its_own(stores, calls)]
        assert sum(answer.written for answer in answers) == 1
        held = offers[[answer.written for answer in answers].index(True)]
        assert {answer.current for answer in answers if not answer.written} == {held}


def test_a_refusal_under_contention_never_returns_the_expected_bytes(store: Store) -> None:
    """Sixteen writers count to twenty each, every one at its own pace: nothing is lost, nothing is stale."""
    store.set("sid", numbered(0), ttl=600)
    stale = counted_by_tasks(store) if isinstance(store, Awaited) else counted_by_threads(store)
    assert sum(stale) == 0
    found = store.get("sid")
    assert found is not None
    assert json.loads(found)["n"] == WRITERS * 20


def counted_by_threads(store: Store) -> list[int]:
    def count() -> int:
        stale, held = 0, store.get("sid")
        for _ in range(20):
            while not (answer := store.replace("sid", following(held), ttl=600, expected=held)).written:
                stale += answer.current == held
                held = answer.current
            held = following(held)
        return stale

    with ThreadPoolExecutor(WRITERS) as pool:
        return [counting.result(120) for counting in [pool.submit(count) for _ in range(WRITERS)]]


def counted_by_tasks(store: Awaited) -> list[int]:
    import asyncio

    async def count(bare: AsyncStore) -> int:
        stale, held = 0, await bare.get("sid")
        for _ in range(20):
            while not (answer := await bare.replace("sid", following(held), ttl=600, expected=held)).written:
                stale += answer.current == held
                held = answer.current
            held = following(held)
        return stale

    async def count_all() -> list[int]:
        return await asyncio.gather(*(count(store.awaited) for _ in range(WRITERS)))

    return store.run(count_all())


def following(held: bytes | None) -> bytes:
    """Return the payload with the next number."""
    assert held is not None
    return numbered(json.loads(held)["n"] + 1)


def tie(store: Store, sid: str, rival: Call) -> None:
    """Let a rival and destroy meet on a living record; afterwards nothing lives."""
    store.set(sid, numbered(1), ttl=600)
    calls = [rival, call("destroy", sid)]
    random.shuffle(calls)
    answers = together(store, calls)
    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    assert True in answers, "destroy found the record, since nothing else ends it"
    assert store.get(sid) is None


def test_replace_never_revives_what_is_destroyed_at_the_same_time(store: Store) -> None:
    for _ in range(TIES // 2):
        tie(store, "sid", call("replace", "sid", numbered(2), ttl=600, expected=numbered(1)))


def test_replace_of_whatever_is_there_never_revives_either(store: Store) -> None:
    for _ in range(TIES // 2):
        tie(store, "sid", call("replace", "sid", numbered(2), ttl=600))


def test_touch_never_revives_what_is_destroyed_at_the_same_time(store: Store) -> None:
    for _ in range(TIES // 5):
        tie(store, "sid", call("touch", "sid", ttl=6000))


@pytest.mark.subjects(fits=lambda subject: "get_and_touch" not in subject.lacks)
def test_get_and_touch_never_revives_what_is_destroyed_at_the_same_time(store: Store) -> None:
    for _ in range(TIES // 5):
        tie(store, "sid", call("get_and_touch", "sid", ttl=6000))


def test_of_two_that_end_a_record_exactly_one_does(store: Store) -> None:
    for _ in range(50):
        store.set("sid", numbered(1), ttl=600)
        answers = together(store, [call("destroy", "sid")] * 4)
        assert sorted(answers) == [False, False, False, True]


def test_of_a_new_payload_and_an_end_as_expected_exactly_one_wins(store: Store) -> None:
    for number in range(100):
        store.set("sid", numbered(1), ttl=600)
        written, ended = together(
            store,
            [
                call("replace", "sid", numbered(2), ttl=600, expected=numbered(1)),
                call("replace", "sid", numbered(1), ttl=0, expected=numbered(1)),
            ],
        )
        outcome = (as_replaced(written), as_replaced(ended), store.get("sid"))
        gone = Replaced(written=False, current=None)
        refused = Replaced(written=False, current=numbered(2))
        done = Replaced(written=True)
        assert outcome in [(done, refused, numbered(2)), (gone, done, None)], number


def test_concurrent_writes_of_different_ids_are_all_kept(store: Store) -> None:
    payloads = {f"sid {number}": numbered(number) for number in range(64)}
    answers = together(store, [call("set", sid, payload, ttl=60) for sid, payload in payloads.items()])
    assert answers == [None] * 64
    assert dict(store.all()) == payloads


def test_of_concurrent_writes_of_one_id_one_is_kept_whole(store: Store) -> None:
    offers = [numbered(number, text="x" * 10_000 * number) for number in range(16)]
    assert together(store, [call("set", "sid", offer, ttl=60) for offer in offers]) == [None] * 16
    assert store.get("sid") in offers


@pytest.mark.subjects(fits=lambda subject: not subject.asynchronous)
def test_readers_see_whole_payloads_while_it_is_written(store: Store) -> None:
    offers = [numbered(number, text=f"{number}" * 20_000) for number in range(4)]
    store.set("sid", offers[0], ttl=60)
    over = threading.Event()

    def write() -> None:
        for number in range(100):
            store.set("sid", offers[number % 4], ttl=60)
        over.set()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not over.is_set() and not writing.done():
            assert store.get("sid") in offers
        writing.result(60)
