"""Every kind of response carries its session through a real server."""

import hashlib
from contextlib import closing

from servers.applications_store import FIRST, REST
from servers.sites import FILE_CONTENT, ON_ASGI, ON_WSGI, Site, on
from servers.visitors import Visitor

LARGE = 5_000_000

# gunicorn's sync worker closes the connection after each response.
KEEPING_ALIVE = [(server, app) for server, app in ON_ASGI + ON_WSGI if server != "gunicorn sync"]
# Flask answers with a page of its own when an endpoint raises, inside the wrapped wsgi_app.
ANSWERING = [(server, app) for server, app in ON_WSGI if app == "flask"]
RAISING = [pair for pair in ON_ASGI + ON_WSGI if pair not in ANSWERING]


def test_the_first_chunk_arrives_before_the_last_is_made(site: Site, visitor: Visitor) -> None:
    with site.gate() as gate, visitor.stream(f"/stream?word=begun&gate={gate.name}") as chunks:
        first = next(chunks)
        gate.wait_for()
        gate.open()

        assert first == FIRST
        assert b"".join(chunks) == REST


def test_a_change_while_streaming_is_saved(site: Site, visitor: Visitor) -> None:
    with site.gate() as gate, visitor.stream(f"/stream?word=begun&gate={gate.name}") as chunks:
        next(chunks)
        gate.wait_for()
        if site.serves_in_parallel:
            with visitor.twin() as other_window:
                assert other_window.account() == {"stream": "begun"}
        gate.open()
        assert list(chunks)

    assert visitor.account() == {"stream": "done"}


def test_head_is_answered_like_get_without_a_body(visitor: Visitor) -> None:
    answer = visitor.request("HEAD", "/page")

    assert (answer.status, answer.body, answer.all("content-length")) == (200, b"", ["6"])
    assert len(answer.set_cookies) == 1
    assert visitor.account() == {"page": "HEAD"}
    assert visitor.get("/page").body == b"a page"


def test_no_content_starts_a_session(visitor: Visitor) -> None:
    answer = visitor.put("/keys?key=color&value=blue")

    assert (answer.status, answer.body) == (204, b"")
    assert len(answer.set_cookies) == 1
    assert visitor.account() == {"color": "blue"}


def test_not_modified_starts_a_session(visitor: Visitor) -> None:
    answer = visitor.get("/unmodified", headers={"If-None-Match": '"1"'})

    assert (answer.status, answer.body, answer.all("etag")) == (304, b"", ['"1"'])
    assert len(answer.set_cookies) == 1
    assert visitor.account() == {"unmodified": True}


def test_large_bodies_pass_in_both_directions(visitor: Visitor) -> None:
    body = bytes(range(256)) * (LARGE // 256)

    answer = visitor.post("/echo", body=body)

    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()
    assert visitor.account() == {"bytes": len(body)}


def test_a_file_is_sent_whole_and_its_session_saved(visitor: Visitor) -> None:
    answer = visitor.get("/file")

    assert answer.body == FILE_CONTENT
    assert answer.all("content-length") == [str(len(answer.body))]
    assert visitor.account() == {"file": True}


@on(KEEPING_ALIVE)
def test_a_connection_serves_many_requests(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")
    with closing(site.connection()) as connection:
        connection.connect()
        connection.auto_open = False  # a connection that the server closed is an error now
        for item in ("hat", "coat", "scarf"):
            connection.request("POST", f"/cart?item={item}", headers=visitor.cookie_header)
            connection.getresponse().read()

    assert visitor.account()["cart"] == ["hat", "coat", "scarf"]


@on(RAISING)
def test_an_application_that_raises_saves_nothing(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")

    answer = visitor.get("/fails")

    assert (answer.status, answer.set_cookies) == (500, [])
    assert site.record(visitor.cookie) == {"user": "ada"}


@on(ANSWERING)
def test_an_error_page_of_the_application_itself_is_saved_like_other_answers(visitor: Visitor) -> None:
    visitor.post("/login?name=ada")

    assert visitor.get("/fails").status == 500
    assert visitor.account() == {"user": "ada", "failed": True}


def test_a_logout_counts_even_if_the_application_raises_afterwards(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")
    with visitor.twin() as other_window:
        assert visitor.get("/fails-after-logout").status == 500

        assert site.record(other_window.cookie) is None


def test_a_store_that_cannot_be_reached_is_answered_with_503(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")

    with site.outage():
        answer = visitor.get("/account")

    assert (answer.status, answer.set_cookies) == (503, [])
    assert len(answer.all("retry-after")) == 1
    assert visitor.account() == {"user": "ada"}
