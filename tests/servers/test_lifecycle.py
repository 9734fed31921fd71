"""Servers start and end with their stores, and say where a store does not suit them."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.required import need
from servers.running import Running, running
from servers.sites import Site
from servers.visitors import HttpxVisitor, RequestsVisitor, Visitor

ADVICE = "MemoryStore keeps sessions in this process"
WAY_OUT = "use a server-backed store such as redis://"
MOST_VISITORS = 500


def the_note(server: Running, name: str) -> str | None:
    note = server.folder / f"{name}.note"
    return note.read_text(encoding="utf-8") if note.exists() else None


@pytest.mark.parametrize("name", ["uvicorn", "hypercorn"])
def test_an_asgi_server_closes_the_store_of_a_url_and_ends_cleanly(name: str, tmp_path: Path) -> None:
    need(name, "httpx")
    with running(name, "servers.applications_closing:asgi_app", tmp_path) as server:
        with HttpxVisitor(server.port) as visitor:
            visitor.get("/")
        assert the_note(server, "async-store") is None

        assert server.end() in (0, -signal.SIGTERM)  # uvicorn raises the signal again when it is done

    assert the_note(server, "async-store") == "closed"
    assert the_note(server, "application") == "cleaned up"
    assert "Traceback" not in server.log


@pytest.mark.parametrize("name", ["gunicorn sync", "gunicorn gthread", "waitress"])
def test_a_wsgi_server_closes_the_store_of_a_url_and_ends_cleanly(name: str, tmp_path: Path) -> None:
    need(name.partition(" ")[0], "requests")
    with running(name, "servers.applications_closing:wsgi_app", tmp_path) as server:
        with RequestsVisitor(server.port) as visitor:
            visitor.get("/")
        assert the_note(server, "blocking-store") is None

        assert server.end() == 0

    assert the_note(server, "blocking-store") == "closed"
    assert "Traceback" not in server.log


def workers_that_answer(visitors: Callable[[int], Visitor], server: Running, wanted: int) -> set[bytes]:
    """Ask, over a new connection each time, until so many workers have answered."""
    workers: set[bytes] = set()
    for _ in range(MOST_VISITORS):
        with visitors(server.port) as visitor:
            workers.add(visitor.get("/").body)
        if len(workers) == wanted:
            break
    return workers


@pytest.mark.parametrize(
    ("name", "application", "visitors", "warned"),
    [
        ("gunicorn sync with 2 workers", "wsgi_app", RequestsVisitor, 2),
        # These do not tell their workers of each other: only the second one can know that it is not alone.
        ("uvicorn with 2 workers", "asgi_app", HttpxVisitor, 1),
        ("hypercorn with 2 workers", "asgi_app", HttpxVisitor, 1),
    ],
)
def test_several_workers_warn_of_the_memory_store_once_each(
    name: str, application: str, visitors: Callable[[int], Visitor], warned: int, tmp_path: Path
) -> None:
    need(name.partition(" ")[0], "httpx", "requests")
    with running(name, f"servers.applications_signing_their_log:{application}", tmp_path) as server:
        workers = workers_that_answer(visitors, server, 2)
        for _ in range(10):
            workers_that_answer(visitors, server, 1)

    advice = [line for line in server.log.splitlines() if ADVICE in line]
    told_by = [line.partition(" ")[0].encode() for line in advice]
    assert len(workers) == 2
    assert len(told_by) == len(set(told_by)) == warned
    assert set(told_by) <= workers
    assert all(WAY_OUT in line for line in advice)


def test_a_single_worker_is_not_warned_of_the_memory_store(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")

    assert "keeps sessions in this process" not in site.running.log
