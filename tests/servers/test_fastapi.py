"""What FastAPI runs around an endpoint finds the session too."""

from servers.sites import Site, on
from servers.visitors import Visitor

pytestmark = on([("uvicorn", "fastapi"), ("hypercorn", "fastapi")])


def test_async_and_plain_endpoints_share_one_session(visitor: Visitor) -> None:
    visitor.post("/login?name=ada")  # async def
    visitor.post("/cart?item=coat")  # def

    assert visitor.account() == {"user": "ada", "cart": ["coat"]}


def test_a_dependency_changes_the_session_before_and_after_the_endpoint(visitor: Visitor) -> None:
    assert visitor.post("/entries").json() == ["entered"]
    assert visitor.account() == {"entered": True, "left": True}


def test_a_dependency_that_ends_after_the_response_is_told_that_it_is_too_late(
    site: Site, visitor: Visitor
) -> None:
    assert visitor.post("/late-entries").json() == ["entered"]
    assert site.note("late-dependency") == "SessionClosed"
    assert visitor.account() == {"entered": True}


def test_a_background_task_reads_the_session_and_saves_by_one_of_its_own(
    site: Site, visitor: Visitor
) -> None:
    assert visitor.post("/orders").json() == "thank you"
    assert site.note("background") == "a coat"
    assert visitor.account() == {"ordered": "a coat", "delivered": "by a session of its own"}
