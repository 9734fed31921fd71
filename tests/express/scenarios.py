"""The rows of the decision table as scenarios: what the browser brings, and what the application does."""

import inspect
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from coatcheck import SessionClosed

__all__ = ["LIFETIME_SET", "REFUSED", "SCENARIOS", "STORED", "Actor", "Scenario", "carry_out"]

STORED: dict[str, Any] = {"colour": "blue", "cart": {"apples": 1}}
LIFETIME_SET = 30

EMPTY: dict[str, Any] = {}
RED = {"colour": "red"}
REDDENED = STORED | RED
REFUSED = "refused"


class Actor(Protocol):
    """What does the steps of a scenario to a session; some may have to be awaited."""

    def modify(self) -> Any: ...
    def assign_the_same(self) -> Any: ...
    def mutate_nested(self) -> Any: ...
    def set_max_age(self) -> Any: ...
    def save(self) -> Any: ...
    def reload(self) -> Any: ...
    def touch(self) -> Any: ...
    def regenerate(self) -> Any: ...
    def destroy(self) -> Any: ...
    def set_to_none(self) -> Any: ...
    def seen(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Scenario:
    """One row: whose request it is, the steps before the head, and those while the body streams.

    ``seen`` is what the application sees of its session after each of them.
    """

    visitor: Literal["new", "existing", "stale"]
    steps: tuple[str, ...] = ()
    seen: tuple[dict[str, Any], ...] = ()
    streamed: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


async def carry_out(steps: Iterable[str], actor: Actor, notes: list[Any]) -> None:
    """Do the steps, and note what the application sees of its session after each, or that it was refused."""
    for step in steps:
        try:
            result = getattr(actor, step)()
            if inspect.isawaitable(result):
                await result
        except SessionClosed:
            notes.append(REFUSED)
        else:
            notes.append(deepcopy(actor.seen()))


_DESTROYING: dict[str, Any] = {"unset": "destroy"}

SCENARIOS = {
    "new, unmodified": Scenario("new"),
    "new, modified": Scenario("new", ("modify",), (RED,)),
    "new, save() unmodified": Scenario("new", ("save",), (EMPTY,)),
    "new, modified+save()": Scenario("new", ("modify", "save"), (RED, RED)),
    "new, only cookie.maxAge set": Scenario("new", ("set_max_age",), (EMPTY,)),
    "existing, unmodified": Scenario("existing"),
    "existing, modified": Scenario("existing", ("modify",), (REDDENED,)),
    "existing, same-value assign": Scenario("existing", ("assign_the_same",), (STORED,)),
    "existing, nested mutation": Scenario(
        "existing", ("mutate_nested",), (STORED | {"cart": {"apples": 2}},)
    ),
    "existing, save() unmodified": Scenario("existing", ("save",), (STORED,)),
    "existing, modified+save()": Scenario("existing", ("modify", "save"), (REDDENED, REDDENED)),
    "existing, only cookie.maxAge set": Scenario("existing", ("set_max_age",), (STORED,)),
    "existing, touch() called": Scenario("existing", ("touch",), (STORED,)),
    "existing, reload() then end": Scenario("existing", ("reload",), (STORED,)),
    "existing, regenerate()": Scenario("existing", ("regenerate",), (EMPTY,)),
    "existing, regenerate()+modify": Scenario("existing", ("regenerate", "modify"), (EMPTY, RED)),
    "existing, destroy()": Scenario("existing", ("destroy",), (EMPTY,)),
    "existing, req.session=null keep": Scenario("existing", ("set_to_none",), (STORED,)),
    "existing, req.session=null unset:destroy": Scenario(
        "existing", ("set_to_none",), (STORED,), options=_DESTROYING
    ),
    "new, req.session=null unset:destroy": Scenario("new", ("set_to_none",), (EMPTY,), options=_DESTROYING),
    "stale sid (not in store), unmodified": Scenario("stale"),
    "stale sid (not in store), modified": Scenario("stale", ("modify",), (RED,)),
    "headers flushed early, then modified": Scenario("existing", seen=(REDDENED,), streamed=("modify",)),
    "new: headers flushed early, then modified": Scenario("new", seen=(RED,), streamed=("modify",)),
}
