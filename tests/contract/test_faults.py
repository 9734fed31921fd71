"""A server that is unreachable, frozen or killed is StoreUnavailable in time, and heals afterwards."""

import time
from collections.abc import Callable

import pytest
from databases.processes import eventually, free_port
from databases.proxy import Proxy

from coatcheck import Store, StoreError, StoreUnavailable
from contract.homes import Home
from contract.operations import offered
from contract.payloads import numbered
from contract.together import call, together

pytestmark = pytest.mark.faults

DEADLINE = 1.0
IN_TIME = 2.5
"""The deadline, and what a loaded machine adds."""

served = pytest.mark.subjects(fits=lambda subject: subject.served)
one_address = pytest.mark.subjects(fits=lambda subject: subject.one_address)


def unavailable(run: Callable[[], object]) -> StoreUnavailable:
    """Hold a call to StoreUnavailable within its deadline, and return the error."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as raised:
        run()
    took = time.monotonic() - began
    assert took < IN_TIME, f"took {took:.1f} s"
    return raised.value


def all_unavailable(store: Store) -> None:
    """Hold every operation, all of them at once, to StoreUnavailable within its deadline."""
    calls = offered(store)
    began = time.monotonic()
    answers = together(store, list(calls.values()))
    took = time.monotonic() - began
    wrong = {name: answer for name, answer in zip(calls, answers, strict=True) if not is_unavailable(answer)}
    assert not wrong
    assert took < IN_TIME, f"took {took:.1f} s"


def is_unavailable(answer: object) -> bool:
    """Tell whether a call ended with StoreUnavailable, once and not wrapped in another."""
    return isinstance(answer, StoreUnavailable) and not isinstance(answer.__cause__, StoreError)


def works(store: Store) -> bool:
    """Use a store whose server is back; whatever goes wrong raises."""
    assert store.get("nobody") is None
    store.set("sid", numbered(1), ttl=60)
    assert store.replace("sid", numbered(2), ttl=60, expected=numbered(1)).written
    assert store.get("sid") == numbered(2)
    return True


def works_again(store: Store) -> None:
    """Wait until a store works: the server, or this machine, may be busy for longer than a deadline."""
    eventually("the store works again", lambda: works(store), within=20)


@one_address
def test_a_store_of_a_server_that_is_not_there_says_so(home: Home) -> None:
    all_unavailable(home.open(port=free_port(), patient=False))


@one_address
def test_the_error_has_the_drivers_error_for_its_cause(home: Home) -> None:
    store = home.open(port=free_port(), patient=False)
    assert unavailable(lambda: store.get("sid")).__cause__ is not None


@one_address
def test_a_store_whose_server_goes_away_says_so_and_works_when_it_is_back(home: Home, proxy: Proxy) -> None:
    store = home.open(port=proxy.port, patient=False)
    works_again(store)
    proxy.refuse()
    all_unavailable(store)
    proxy.pass_on()
    works_again(store)


@one_address
def test_a_store_opened_while_the_server_is_away_works_when_it_is_there(home: Home, proxy: Proxy) -> None:
    proxy.refuse()
    store = home.open(port=proxy.port, patient=False)
    unavailable(lambda: store.set("sid", numbered(1), ttl=60))
    proxy.pass_on()
    works_again(store)


@one_address
def test_reading_heals_a_connection_that_was_cut(home: Home, proxy: Proxy) -> None:
    store = home.open(port=proxy.port)
    store.set("sid", numbered(1), ttl=60)
    for _ in range(3):
        proxy.cut()
        assert store.get("sid") == numbered(1)


@one_address
def test_a_write_after_a_cut_is_made_once_or_raises(home: Home, proxy: Proxy) -> None:
    store = home.open(port=proxy.port)
    store.set("sid", numbered(0), ttl=60)
    for number in range(1, 6):
        proxy.cut()
        before = store_direct(home).get("sid")
        try:
            store.set("sid", numbered(number), ttl=60)
        except StoreUnavailable:
            assert store_direct(home).get("sid") in {before, numbered(number)}
        else:
            assert store_direct(home).get("sid") == numbered(number)


def store_direct(home: Home) -> Store:
    """Open a store that does not go through the proxy."""
    return home.open()


@one_address
def test_a_server_that_accepts_and_does_not_answer_is_unavailable_in_time(home: Home, proxy: Proxy) -> None:
    store = home.open(port=proxy.port, patient=False)
    works_again(store)
    proxy.freeze()
    all_unavailable(store)
    proxy.pass_on()
    works_again(store)


@one_address
def test_a_store_of_a_silent_server_is_unavailable_in_time(home: Home, proxy: Proxy) -> None:
    """Silent from the first connection on, so that greeting and login are under the deadline too."""
    proxy.freeze()
    store = home.open(port=proxy.port, patient=False)
    unavailable(lambda: store.get("sid"))
    unavailable(lambda: store.set("sid", numbered(1), ttl=60))
    proxy.pass_on()
    works_again(store)


@one_address
@pytest.mark.parametrize("fault", ["refuse", "freeze"])
def test_a_store_is_closed_in_time_whatever_its_server_does(home: Home, proxy: Proxy, fault: str) -> None:
    store = home.open(port=proxy.port, patient=False)
    works_again(store)
    getattr(proxy, fault)()
    began = time.monotonic()
    store.close()
    assert time.monotonic() - began < IN_TIME


@served
def test_a_frozen_server_is_unavailable_in_time_and_the_store_works_afterwards(own_home: Home) -> None:
    assert own_home.server
    store = own_home.open(patient=False)
    works_again(store)
    with own_home.server.paused():
        all_unavailable(store)
    works_again(store)


@served
def test_many_callers_of_a_frozen_server_all_end_in_time(own_home: Home) -> None:
    assert own_home.server
    store = own_home.open(patient=False)
    works_again(store)
    with own_home.server.paused():
        began = time.monotonic()
        answers = together(store, [call("get", "sid")] * 40)
        took = time.monotonic() - began
    assert {type(answer) for answer in answers} == {StoreUnavailable}
    assert took < 2 * IN_TIME
    works_again(store)


@one_address
def test_callers_who_wait_for_a_connection_of_a_silent_server_end_in_time(home: Home, proxy: Proxy) -> None:
    store = home.open(port=proxy.port, patient=False, pool_size=2)
    works_again(store)
    proxy.freeze()
    began = time.monotonic()
    answers = together(store, [call("get", "sid")] * 10)
    assert {type(answer) for answer in answers} == {StoreUnavailable}
    assert time.monotonic() - began < IN_TIME
    proxy.pass_on()
    works_again(store)


@served
def test_a_store_survives_that_its_server_is_killed_and_started_again(own_home: Home) -> None:
    assert own_home.server
    store = own_home.open(patient=False)
    works_again(store)
    own_home.server.kill()
    all_unavailable(store)
    own_home.server.restart()
    works_again(store)


@served
def test_records_survive_that_the_server_is_killed(own_home: Home) -> None:
    assert own_home.server
    store = own_home.open(patient=False)
    store.set("sid", numbered(1), ttl=600)
    time.sleep(0.3)  # MongoDB writes its journal every tenth of a second
    own_home.server.kill()
    own_home.server.restart()
    assert eventually("the record is read", lambda: store.get("sid"), within=20) == numbered(1)


@one_address
@pytest.mark.parametrize("timeout", [0.3, 0.6])
def test_the_deadline_is_the_one_that_was_given(home: Home, proxy: Proxy, timeout: float) -> None:
    patient = home.open(port=proxy.port, timeout=20.0)
    patient.ping()
    store = home.open(port=proxy.port, timeout=timeout)
    eventually("a first answer", lambda: store.get("nobody") is None, within=20)
    proxy.freeze()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.get("sid")
    assert timeout * 0.7 < time.monotonic() - began < timeout + 1.2


@one_address
def test_a_slow_server_is_waited_for_within_the_deadline(home: Home, proxy: Proxy) -> None:
    store = home.open(port=proxy.port, timeout=10.0)
    store.set("sid", numbered(1), ttl=60)
    proxy.delay_replies(0.2)
    assert store.get("sid") == numbered(1)


@one_address
def test_answers_after_the_deadline_reach_no_other_call(home: Home, proxy: Proxy) -> None:
    """A late answer belongs to nobody: the connection it comes on was thrown away."""
    store = home.open(port=proxy.port, timeout=1.0)
    for number in range(6):
        store.set(f"sid {number}", numbered(number), ttl=60)
    proxy.delay_replies(1.5)
    for number in range(3):
        with pytest.raises(StoreUnavailable):
            store.get(f"sid {number}")
    proxy.pass_on()
    for number in range(6):
        assert store.get(f"sid {number}") == numbered(number)
