"""Visitors walk through the shop, alone and at the same time."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

from servers.applications_store import HELD
from servers.sites import Site, is_silent
from servers.visitors import Visitor

VISITORS = 8
ITEMS = 20
WINDOWS = 16


def test_a_visitor_logs_in_fills_a_cart_and_logs_out(site: Site, visitor: Visitor) -> None:
    visitor.post("/cart?item=hat")
    as_a_stranger = visitor.cookie

    assert visitor.post("/login?name=ada").json() == {"user": "ada"}
    assert visitor.cookie != as_a_stranger
    visitor.post("/cart?item=coat")
    assert visitor.post("/cart?item=scarf").json() == {"user": "ada", "cart": ["coat", "scarf"]}
    assert site.record(visitor.cookie) == {"user": "ada", "cart": ["coat", "scarf"]}
    assert site.record(as_a_stranger) is None

    as_ada = visitor.cookie
    assert visitor.post("/logout").json() == {}
    assert visitor.cookie is None
    assert site.record(as_ada) is None


def test_a_visitor_who_only_looks_gets_no_session(site: Site, visitor: Visitor) -> None:
    before = site.records().keys()

    answer = visitor.get("/account")

    assert answer.json() == {}
    assert answer.set_cookies == []
    assert site.records().keys() == before


def test_after_a_logout_the_old_cookie_opens_nothing_and_is_not_taken_up(visitor: Visitor) -> None:
    visitor.post("/login?name=ada")
    with visitor.twin() as thief:
        stolen = thief.cookie
        visitor.post("/logout")

        assert thief.post("/cart?item=coat").json() == {"cart": ["coat"]}
        assert thief.cookie != stolen


def test_a_redirect_does_not_leave_before_its_session_is_written(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")
    with closing(site.connection()) as connection, site.gate() as gate:
        connection.request("POST", f"/cart?item={HELD}{gate.name}", headers=visitor.cookie_header)
        gate.wait_for()

        assert is_silent(connection)

        gate.open()
        answer = connection.getresponse()
        assert (answer.status, answer.headers["location"]) == (303, "/account")
        answer.read()

    assert visitor.account() == {"user": "ada", "cart": [HELD + gate.name]}


def test_visitors_at_the_same_time_are_never_mixed_up(site: Site) -> None:
    def shop(number: int) -> list[object]:
        with site.visitor() as visitor:
            carts = [
                visitor.post(f"/cart?item={number}-{item}", headers={"X-Visitor": str(number)}).json()
                for item in range(ITEMS)
            ]
            return [cart["cart"] for cart in carts]

    with ThreadPoolExecutor(VISITORS) as pool:
        journeys = list(pool.map(shop, range(VISITORS)))

    for number, carts in enumerate(journeys):
        items = [f"{number}-{item}" for item in range(ITEMS)]
        assert carts == [items[: count + 1] for count in range(ITEMS)]


def in_many_windows(site: Site, visitor: Visitor, method: str, path: str) -> list[bytes]:
    """Send a request from many windows of one visitor; none goes on before all have arrived.

    In ``path``, ``{window}`` is the number of the window. Where requests are served
    one after the other, they are only sent at the same time.
    """
    with site.gate() as gate, ExitStack() as stack, ThreadPoolExecutor(WINDOWS) as pool:
        windows = [stack.enter_context(visitor.twin()) for _ in range(WINDOWS)]
        waiting = f"&gate={gate.name}" if site.serves_in_parallel else ""
        answers = [
            pool.submit(window.request, method, path.format(window=number) + waiting)
            for number, window in enumerate(windows)
        ]
        if site.serves_in_parallel:
            gate.wait_for(WINDOWS)
        gate.open()
        return [answer.result().body for answer in answers]


def test_parallel_requests_of_one_visitor_lose_no_key(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")

    in_many_windows(site, visitor, "PUT", "/keys?key=key{window}&value={window}")

    expected = {f"key{window}": str(window) for window in range(WINDOWS)}
    assert visitor.account() == {"user": "ada", **expected}


def test_parallel_transactions_of_one_visitor_count_exactly(site: Site, visitor: Visitor) -> None:
    visitor.post("/login?name=ada")

    counts = in_many_windows(site, visitor, "POST", "/visits?window={window}")

    assert sorted(map(int, counts)) == list(range(1, WINDOWS + 1))
    assert visitor.account()["visits"] == WINDOWS
