"""A call ends within its timeout, whatever the server does, and the store works again afterwards."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from databases.bench import Databases
from databases.plugin import OpenProxy
from sqlalchemy import text

from coatcheck.errors import StoreUnavailable
from coatcheck.store import Store

TIMEOUT = 0.5
AT_MOST = 4.0
"""What a loaded machine may add to a timeout of half a second; a driver's own patience is longer."""

servers = pytest.mark.kinds("postgresql", "mariadb")


def too_late(operation: Callable[[], object]) -> None:
    """Check that an operation gives up at its deadline, neither at once nor much later."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.5 s") as caught:
        operation()
    assert TIMEOUT * 0.9 <= time.monotonic() - began < AT_MOST
    assert caught.value.__cause__ is not None


def back_again(store: Store, payload: bytes | None) -> None:
    """Wait until a store answers again."""
    patience = time.monotonic() + 30
    while True:
        try:
            assert store.get("sid") == payload
        except StoreUnavailable:
            assert time.monotonic() < patience
            time.sleep(0.05)
        else:
            return


@servers
def test_a_frozen_server_is_given_up(place: Any, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(place.server)
    place.open().set("sid", b"{}", ttl=60)
    store = place.open(port=proxy.port, timeout=TIMEOUT)
    back_again(store, b"{}")
    proxy.freeze()
    too_late(lambda: store.get("sid"))  # on a connection that was open
    too_late(lambda: store.set("sid", b'{"n":1}', ttl=60))  # on a new one, of which no greeting comes
    too_late(store.length)
    proxy.pass_on()
    back_again(store, b"{}")


@servers
def test_a_server_that_is_stopped_is_given_up(place: Any, databases: Databases) -> None:
    place.server = databases.own(place.kind.server)
    store = place.open(timeout=TIMEOUT)
    place.open().set("sid", b"{}", ttl=60)
    back_again(store, b"{}")
    with place.server.paused():
        too_late(lambda: store.get("sid"))
        too_late(lambda: store.replace("sid", b"[]", ttl=60))
    back_again(store, place.open().get("sid"))


@pytest.fixture
def hole() -> Iterator[int]:
    """A port where connections are neither accepted nor refused."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@servers
def test_a_server_that_cannot_be_reached_is_given_up(place: Any, hole: int) -> None:
    store = place.open(port=hole, timeout=TIMEOUT)
    too_late(lambda: store.get("sid"))
    too_late(lambda: store.set("sid", b"{}", ttl=60))


@servers
def test_a_server_that_refuses_is_unavailable_at_once(place: Any, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(place.server)
    store = place.open(port=proxy.port)
    store.ping()
    proxy.refuse()
    for operation in (lambda: store.get("sid"), lambda: store.set("sid", b"{}", ttl=60), store.ping):
        with pytest.raises(StoreUnavailable, match="is unavailable") as caught:
            operation()
        assert caught.value.__cause__ is not None
    proxy.listen()
    back_again(store, None)


@servers
def test_callers_beyond_the_pool_give_up_too(place: Any, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(place.server)
    store = place.open(port=proxy.port, timeout=TIMEOUT, pool_size=2)
    back_again(store, None)
    proxy.freeze()
    began = time.monotonic()
    errors = gathered(place, store, 12)
    assert [type(error) for error in errors] == [StoreUnavailable] * 12
    assert time.monotonic() - began < AT_MOST
    proxy.pass_on()
    back_again(store, None)
    assert gathered(place, store, 12) == [None] * 12


def gathered(place: Any, store: Any, number: int) -> list[object]:
    """Read at the same time from threads or tasks, and return answers and errors."""
    if place.kind.asynchronous:

        async def gather() -> list[object]:
            return list(
                await asyncio.gather(
                    *(store.awaited.get("sid") for _ in range(number)), return_exceptions=True
                )
            )

        return list(place.run(gather()))
    answers: list[object] = []

    def read() -> None:
        try:
            answers.append(store.get("sid"))
        except StoreUnavailable as error:
            answers.append(error)

    threads = [threading.Thread(target=read) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@servers
def test_a_lock_that_is_held_is_given_up(place: Any) -> None:
    store = place.open(timeout=TIMEOUT)
    place.open().set("sid", b"{}", ttl=60)
    back_again(store, b"{}")
    with place.engine().connect() as connection:
        connection.execute(text(f"DELETE FROM {place.table}"))
        too_late(lambda: store.touch("sid", ttl=60))
        connection.rollback()
    back_again(store, b"{}")


@pytest.mark.kinds("sqlite")
def test_a_database_that_is_locked_is_given_up(place: Any) -> None:
    store = place.open(timeout=TIMEOUT)
    place.open().set("sid", b"{}", ttl=60)
    store.ping()
    with place.engine().connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.set("sid", b"[]", ttl=60)
        assert time.monotonic() - began < AT_MOST
        assert store.get("sid") == b"{}", "readers do not wait for the writer"
        connection.exec_driver_sql("ROLLBACK")
    store.set("sid", b"[]", ttl=60)
    assert store.get("sid") == b"[]"


@pytest.mark.kinds("postgresql", "mariadb", asynchronous=True)
def test_a_call_that_is_cancelled_ends_at_once_and_loses_its_connection_only(
    place: Any, open_proxy: OpenProxy
) -> None:
    proxy = open_proxy(place.server)
    store: Any = place.open(port=proxy.port)
    store.set("sid", b"{}", ttl=60)
    proxy.freeze()

    async def cancel() -> float:
        call = asyncio.ensure_future(store.awaited.get("sid"))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return time.monotonic() - began

    assert place.run(cancel()) < 3, "drivers ask the frozen server to forget the query, for up to 5 s"
    proxy.pass_on()
    back_again(store, b"{}")


@servers
def test_closing_does_not_wait_for_a_frozen_server(place: Any, open_proxy: OpenProxy) -> None:
    proxy = open_proxy(place.server)
    store = place.open(port=proxy.port)
    store.ping()
    proxy.freeze()
    began = time.monotonic()
    store.close()
    assert time.monotonic() - began < AT_MOST


@servers
def test_no_error_shows_the_password(place: Any, hole: int) -> None:
    url = place.url(hole)
    store = place.open(url, timeout=0.1)
    with pytest.raises(StoreUnavailable) as caught:
        store.get("the id")
    shown, error = "", caught.value
    while error is not None:
        shown += repr(error) + str(error)
        error = error.__cause__  # type: ignore[assignment]
    assert "cloakroom" not in shown
    assert "the id" not in shown
    assert "cloakroom" not in repr(store)
