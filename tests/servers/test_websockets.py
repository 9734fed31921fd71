"""Websockets have the session of their visitor."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from servers.applications_store import HELD
from servers.gates import eventually
from servers.required import need
from servers.sites import GRACE, ON_ASGI, Site, on
from servers.visitors import Visitor

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

pytestmark = on(ON_ASGI)

PATIENCE = 15


@contextmanager
def connected(site: Site, cookie: str | None = None) -> Generator["ClientConnection"]:
    """Open a websocket as a browser with that session cookie does."""
    need("websockets")
    from websockets.sync.client import connect

    headers = {} if cookie is None else {"Cookie": f"sid={cookie}"}
    url = f"ws://127.0.0.1:{site.running.port}/socket"
    with connect(url, additional_headers=headers, proxy=None) as socket:
        yield socket


def say(socket: "ClientConnection", text: str) -> None:
    socket.send(text)
    assert socket.recv(PATIENCE) == text


def new_cookie(socket: "ClientConnection") -> str:
    """Return the session cookie that came with the acceptance."""
    assert socket.response is not None
    (set_cookie,) = socket.response.headers.get_all("Set-Cookie")
    name, _, value = set_cookie.partition(";")[0].partition("=")
    assert name == "sid"
    return value


def stays(visitor: Visitor, expected: dict[str, Any]) -> None:
    eventually(lambda: visitor.account() == expected, f"session {expected}")


def test_the_cookie_of_a_new_session_comes_with_the_acceptance(site: Site, visitor: Visitor) -> None:
    with connected(site) as socket:
        visitor.take_cookie(new_cookie(socket))

        assert visitor.account() == {"sockets": 1}


def test_a_known_visitor_gets_no_new_cookie(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")
    with connected(site, visitor.cookie) as socket:
        assert socket.response is not None
        assert socket.response.headers.get_all("Set-Cookie") == []
        assert visitor.account() == {"user": "ada", "sockets": 1}


def test_changes_are_saved_before_the_application_closes(site: Site, visitor: Visitor) -> None:
    from websockets.exceptions import ConnectionClosed

    visitor.post("/login?name=ada")
    with site.gate() as gate, connected(site, visitor.cookie) as socket:
        last_words = f"{HELD}{gate.name}, bye"
        say(socket, last_words)
        gate.wait_for()
        with pytest.raises(TimeoutError):
            socket.recv(GRACE)
        gate.open()
        with pytest.raises(ConnectionClosed):
            socket.recv(PATIENCE)

        assert site.record(visitor.cookie) == {"user": "ada", "sockets": 1, "said": last_words}


def test_changes_are_saved_when_the_visitor_closes(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")
    with connected(site, visitor.cookie) as socket:
        say(socket, "hello")

    stays(visitor, {"user": "ada", "sockets": 1, "said": "hello"})


def test_changes_are_saved_when_the_connection_breaks(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")
    with connected(site, visitor.cookie) as socket:
        say(socket, "hello")
        socket.socket.shutdown(2)

    stays(visitor, {"user": "ada", "sockets": 1, "said": "hello"})


def test_a_change_beside_the_websocket_survives_it(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")
    with connected(site, visitor.cookie) as socket:
        say(socket, "hello")
        visitor.put("/keys?key=color&value=blue")

    stays(visitor, {"user": "ada", "sockets": 1, "said": "hello", "color": "blue"})


def test_a_logout_beside_the_websocket_is_final(site: Site, visitor: Visitor) -> None:
    from websockets.exceptions import ConnectionClosed

    visitor.post("/login?name=ada")
    with visitor.twin() as other_window, connected(site, visitor.cookie) as socket:
        say(socket, "hello")
        visitor.post("/logout")
        say(socket, "bye")
        with pytest.raises(ConnectionClosed):
            socket.recv(PATIENCE)

        assert site.record(other_window.cookie) is None


def test_a_websocket_whose_application_raises_saves_nothing_more(site: Site, visitor: Visitor) -> None:
    from websockets.exceptions import ConnectionClosed

    visitor.post("/login?name=ada")
    with connected(site, visitor.cookie) as socket:
        socket.send("fail")
        with pytest.raises(ConnectionClosed):
            socket.recv(PATIENCE)

    assert visitor.account() == {"user": "ada", "sockets": 1}


def test_a_websocket_is_denied_with_503_while_the_store_cannot_be_reached(
    site: Site, visitor: Visitor
) -> None:
    from websockets.exceptions import InvalidStatus

    visitor.post("/login?name=ada")
    with site.outage(), pytest.raises(InvalidStatus) as denied, connected(site, visitor.cookie):
        pass

    assert denied.value.response.status_code == 503
    assert denied.value.response.headers.get_all("Retry-After") != []
