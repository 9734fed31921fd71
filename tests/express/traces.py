"""What a scenario leaves behind: the same record of it from the engine alone and from both middlewares."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from harness import attributes
from harness.stores import LETTERS

from coatcheck import CookieOptions
from express.cells import Place
from express.scenarios import SCENARIOS

__all__ = ["STREAMED", "WHOLE", "Observation", "options_of"]

SECRET = "a secret of the decision table"
WHOLE = b"whole"
STREAMED = b"firstlast"
MARKS: dict[tuple[str, ...], str] = {
    (): "-",
    ("Path", "HttpOnly"): "C",
    ("Max-Age", "Path", "Expires", "HttpOnly"): "Cem",
}
"""The cookie in a cell, by the attributes in their order."""


@dataclass(frozen=True)
class Observation:
    """One request as the browser, the store and the application saw it."""

    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]]
    calls_before_head: int
    headers: list[tuple[str, str]]
    body: bytes
    notes: list[Any]

    @property
    def set_cookie(self) -> str:
        """The Set-Cookie header, or nothing."""
        found = [value for name, value in self.headers if name.lower() == "set-cookie"]
        assert len(found) <= 1
        return found[0] if found else ""

    @property
    def cell(self) -> str:
        """The request in the notation of the decision table."""
        if self.set_cookie.startswith("sid=; Max-Age=0; "):
            assert tuple(attributes(self.set_cookie)) in MARKS
            mark = "Cx"
        else:
            mark = MARKS[tuple(attributes(self.set_cookie))]
        return f"{mark}|{''.join(LETTERS[operation] for operation, _, _ in self.calls)}"


def options_of(place: Place) -> dict[str, Any]:
    """Return the options of a place's middleware, its ids being numbered."""
    ids = count(1)
    generate_id: Callable[[Any], str] = lambda _: f"id-{next(ids)}"  # noqa: E731
    return {
        "secret": SECRET,
        "generate_id": generate_id,
        "cookie": CookieOptions(max_age=place.max_age),
        "resave": place.resave,
        "save_uninitialized": place.save_uninitialized,
        "rolling": place.rolling,
        **SCENARIOS[place.row].options,
    }
