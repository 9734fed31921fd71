"""The store option: a URL or a store of the right kind, and what is said about the store."""

import asyncio
import logging
import multiprocessing
import threading
from dataclasses import replace
from typing import Any

import pytest
from harness import SECRET, SITES, ASGIBrowser, ASGISite, RecordingStore, Site, WSGISite

from coatcheck import BackendNotFound, ConfigurationError, wsgi
from coatcheck._setup import _is_a_later_process
from coatcheck.signing import Signer
from coatcheck_memory import AsyncMemoryStore, MemoryStore

BOTH = pytest.mark.parametrize("open_site", SITES)


def count(session: Any) -> int:
    session["count"] = session.get("count", 0) + 1
    value: int = session["count"]
    return value


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]


@BOTH
def test_sessions_are_kept_in_memory_by_default(open_site: type[Site]) -> None:
    site = open_site()
    site.serve(open_site.Middleware(site.application, secret=SECRET))

    assert [site.visit(count).value for _ in range(3)] == [1, 2, 3]


@BOTH
def test_two_stores_of_the_same_memory_name_share_their_sessions(open_site: type[Site]) -> None:
    first, second = open_site(store="memory:shared-by-sites"), open_site(store="memory:shared-by-sites")
    first.visit(count)
    second.browser.cookies = first.browser.cookies

    assert second.visit(count).value == 2


@BOTH
def test_the_session_names_its_store(open_site: type[Site]) -> None:
    site = open_site()

    assert site.visit(lambda session: session.store).value is site.store


@BOTH
@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("nonsense://host", BackendNotFound, "nonsense"),
        ("memory", ConfigurationError, "scheme and a colon"),
        ("memory:?max_session=3", ConfigurationError, "did you mean 'max_sessions'"),
        ("memory:?max_sessions=many", ConfigurationError, "max_sessions"),
    ],
)
def test_a_url_that_cannot_be_opened_is_an_error_when_the_middleware_is_made(
    open_site: type[Site], url: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        open_site(store=url)


@BOTH
def test_a_store_whose_package_is_missing_is_an_error_that_names_the_extra(
    open_site: type[Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coatcheck.registry.entry_points", lambda **_: [])

    with pytest.raises(BackendNotFound, match=r"no backend for the scheme .redis.*coatcheck\[redis\]"):
        open_site(store="redis://localhost:1/0")


@BOTH
@pytest.mark.parametrize("store", [{}, object(), MemoryStore, 5])
def test_what_is_no_store_is_a_type_error(open_site: type[Site], store: Any) -> None:
    with pytest.raises(TypeError, match="a URL, not"):
        open_site.Middleware(lambda *_: None, secret=SECRET, store=store)


def test_an_async_store_before_a_wsgi_application_is_a_type_error_that_names_the_way_out() -> None:
    store: Any = AsyncMemoryStore()

    with pytest.raises(
        TypeError, match=r"AsyncMemoryStore.*blocking store of the same backend.*coatcheck\.asgi"
    ):
        wsgi.SessionMiddleware(lambda *_: [], secret=SECRET, store=store)


def test_a_blocking_store_is_lent_to_async_code_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "coatcheck")
    store = RecordingStore(MemoryStore())
    site = ASGISite(store=store)

    assert [site.visit(count).value for _ in range(3)] == [1, 2, 3]
    assert store.trace.operations == ["set", "get_and_touch", "replace", "get_and_touch", "replace"]
    assert messages(caplog) == ["RecordingStore is a blocking store: threads lend it to async code"]


def test_a_lent_store_does_not_hold_up_the_event_loop() -> None:
    store = RecordingStore(MemoryStore())
    browser = ASGIBrowser(ASGISite(store=store).middleware)

    async def visit_while_the_loop_works() -> None:
        browser.cookies = {"sid": Signer([SECRET]).sign("id")}
        loop = asyncio.get_running_loop()
        in_the_store, go_on = asyncio.Event(), threading.Event()

        def stop() -> None:
            loop.call_soon_threadsafe(in_the_store.set)
            assert go_on.wait(10), "the loop was held up"

        store.trace.before["get_and_touch"] = stop
        visit = asyncio.create_task(browser.aget())
        await in_the_store.wait()
        go_on.set()
        await visit

    asyncio.run(visit_while_the_loop_works())


@BOTH
@pytest.mark.parametrize("operation", ["touch", "get_and_touch", "replace"])
def test_what_a_store_does_not_offer_is_said_once(
    open_site: type[Site], operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(lacks=[operation])
    for _ in range(3):
        site.visit(count)

    (message,) = messages(caplog)
    assert f"RecordingStore does not offer {operation}:" in message


def test_a_store_that_is_lent_by_threads_is_called_by_its_own_name(caplog: pytest.LogCaptureFixture) -> None:
    store = RecordingStore(MemoryStore())
    store.supports = replace(store.supports, touch=False)

    ASGISite(store=store)

    assert any(message.startswith("RecordingStore does not offer touch") for message in messages(caplog))


@BOTH
def test_a_complete_store_is_not_commented_on(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site()
    site.visit(count)

    assert messages(caplog) == []


def memory_site(open_site: type[Site]) -> Site:
    """Return a site over a store that says of itself that it lives in one process."""
    return open_site(store=MemoryStore() if open_site is WSGISite else AsyncMemoryStore())


@BOTH
def test_a_memory_store_in_several_workers_is_warned_about_once(
    open_site: type[Site], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    site = memory_site(open_site)
    site.visit()
    site.visit()

    (message,) = messages(caplog)
    assert "its server has started several processes, which do not share sessions" in message
    assert "redis://" in message


def test_a_memory_store_in_a_multiprocess_wsgi_server_is_warned_about_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = memory_site(WSGISite)
    multiprocess: dict[str, Any] = {"wsgi.multiprocess": True}
    site.visit(**multiprocess)
    site.visit(**multiprocess)

    (message,) = messages(caplog)
    assert "its server has started several processes, which do not share sessions" in message


@BOTH
@pytest.mark.parametrize(("number", "warnings"), [(1, 0), (2, 1)])
def test_a_memory_store_in_the_second_process_of_a_server_is_warned_about_once(
    open_site: type[Site],
    number: int,
    warnings: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(multiprocessing.current_process(), "name", f"SpawnProcess-{number}")
    site = memory_site(open_site)
    site.visit()
    site.visit()

    assert ["its server has started several processes" in text for text in messages(caplog)] == (
        [True] * warnings
    )


@pytest.mark.parametrize(
    ("name", "later"),
    [
        ("MainProcess", False),
        ("SpawnProcess-1", False),
        ("SpawnProcess-2", True),
        ("ForkServerProcess-10", True),
        ("Process-19", True),
        ("Worker-2", True),
        ("SpawnProcess-1:1", False),
        ("SpawnProcess-1:2", True),
        ("SpawnProcess-2:1", False),
        ("SpawnProcess-2:3:1", False),
        ("SpawnProcess-2:3:12", True),
        ("SpawnProcess-0", False),
        ("SpawnProcess-", False),
        ("SpawnProcess-2:", False),
        ("SpawnProcess-²", False),
        ("SpawnProcess-2\n", False),
        ("SpawnProcess2", False),
        ("granian-worker", False),
        ("shop of 2024-12", False),
        ("2024-12", False),
        ("-2", False),
        ("2", False),
        ("", False),
    ],
)
def test_the_number_in_the_name_of_a_process_tells_whether_its_parent_started_others(
    name: str, later: bool
) -> None:
    assert _is_a_later_process(name) is later


@BOTH
@pytest.mark.parametrize("workers", ["", "1", "0", "-4", "²", "many"])
def test_a_memory_store_in_one_process_is_not_warned_about(
    open_site: type[Site], workers: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    memory_site(open_site).visit()

    assert messages(caplog) == []


@BOTH
@pytest.mark.parametrize("variable", ["ENVIRONMENT", "APP_ENV", "FLASK_ENV"])
def test_a_memory_store_in_a_production_setting_is_warned_about_once(
    open_site: type[Site],
    variable: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, "Production")
    site = memory_site(open_site)
    site.visit()
    site.visit()

    (message,) = messages(caplog)
    assert "production" in message


@BOTH
def test_a_store_that_serves_several_processes_is_not_warned_about(
    open_site: type[Site], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    monkeypatch.setenv("ENVIRONMENT", "production")
    open_site().visit()

    assert messages(caplog) == []


@BOTH
def test_difference_14_two_middlewares_share_a_store_and_their_options_never_mix(
    open_site: type[Site],
) -> None:
    first = open_site(name="one", ttl=100, generate_id=lambda _: "id-of-the-first")
    second = open_site(name="two", ttl=900, store=first.store, secret="another secret of another site")
    first.visit(count)
    second.visit(count)
    second.browser.cookies |= first.browser.cookies

    assert second.sid != first.sid == "id-of-the-first"
    assert second.visit(count).value == 2
    assert [options["ttl"] for _, _, options in first.trace.calls] == [100.0, 900.0, 900.0, 900.0]


def test_a_store_may_serve_a_blocking_and_an_async_application_at_once() -> None:
    blocking = WSGISite()
    lent = ASGISite(store=blocking.store)
    blocking.visit(count)
    lent.browser.cookies = blocking.browser.cookies

    assert [lent.visit(count).value, blocking.visit(count).value] == [2, 3]
