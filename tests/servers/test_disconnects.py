"""A visitor who leaves before the response is complete loses nothing that was begun."""

from contextlib import closing

from servers.applications_store import FIRST, HELD
from servers.gates import eventually
from servers.sites import Site, on
from servers.visitors import Visitor


def test_a_write_that_was_begun_is_finished(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")
    with site.gate() as gate:
        item = HELD + gate.name
        with closing(site.connection()) as connection:
            connection.request("POST", f"/cart?item={item}", headers=visitor.cookie_header)
            gate.wait_for()
        if site.serves_in_parallel:
            assert visitor.account() == {"user": "ada"}
        gate.open()

        eventually(lambda: visitor.account() == {"user": "ada", "cart": [item]}, "writing of the cart")


def test_a_write_before_the_first_chunk_of_a_stream_is_finished(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")
    with site.gate() as gate, site.gate() as later:
        word = HELD + gate.name
        with closing(site.connection()) as connection:
            path = f"/stream?word={word}&gate={later.name}"
            connection.request("GET", path, headers=visitor.cookie_header)
            gate.wait_for()
        gate.open()
        later.open()

        eventually(lambda: "stream" in visitor.account(), "writing of what was streamed")


@on([("uvicorn", "plain_asgi"), ("hypercorn", "plain_asgi")])
def test_a_write_that_was_begun_is_finished_even_if_the_application_stops_it(
    site: Site, visitor: Visitor
) -> None:
    visitor.post("/login?name=ada")
    with site.gate() as gate:
        item = HELD + gate.name
        with closing(site.connection()) as connection:
            connection.request("POST", f"/watched?item={item}", headers=visitor.cookie_header)
            gate.wait_for()
        assert site.note("watched") == "cancelled"
        gate.open()

        eventually(lambda: visitor.account() == {"user": "ada", "cart": [item]}, "writing of the cart")


def test_what_was_changed_while_streaming_is_saved(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")
    with site.gate() as gate:
        with closing(site.connection()) as connection:
            connection.request("GET", f"/stream?word=begun&gate={gate.name}", headers=visitor.cookie_header)
            assert connection.getresponse().read(len(FIRST)) == FIRST
            gate.wait_for()
        gate.open()

        eventually(lambda: visitor.account()["stream"] in ("under way", "done"), "saving after the stream")


def test_the_next_visitor_is_served_as_if_nothing_had_happened(site: Site, visitor: Visitor) -> None:
    with site.gate() as gate, closing(site.connection()) as connection:
        connection.request("GET", f"/stream?word=begun&gate={gate.name}")
        gate.wait_for()

    assert visitor.post("/login?name=ada").json() == {"user": "ada"}
