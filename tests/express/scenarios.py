"""The rows of the decision table as scenarios: what the browser brings, and what the application does."""

import inspect
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from coatcheck import SessionClosed

__all__ = ["LIFETIME_SET", "SCENARIOS", "STORED", "Actor", "Scenario", "carry_out"]

STORED: dict[str, Any] = {"colour": "blue", "cart": {"apples": 1}}
LIFETIME_SET = 30


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
    """One row: whose request it is, the steps before the head, and those while the body streams."""

    visitor: Literal["new", "existing", "stale"]
    steps: tuple[str, ...] = ()
    streamed: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


async def carry_out(steps: Iterable[str], actor: Actor, notes: list[str]) -> None:
    """Do the steps, and note what the application sees of its session after each."""
    for step in steps:
        try:
            result = getattr(actor, step)()
            if inspect.isawaitable(result):
                await result
        except SessionClosed:
            notes.append("refused")
        notes.append(json.dumps(actor.seen()))


_DESTROYING: dict[str, Any] = {"unset": "destroy"}

SCENARIOS = {
    "new, unmodified": Scenario("new"),
    "new, modified": Scenario("new", ("modify",)),
    "new, save() unmodified": Scenario("new", ("save",)),
    "new, modified+save()": Scenario("new", ("modify", "save")),
    "new, only cookie.maxAge set": Scenario("new", ("set_max_age",)),
    "existing, unmodified": Scenario("existing"),
    "existing, modified": Scenario("existing", ("modify",)),
    "existing, same-value assign": Scenario("existing", ("assign_the_same",)),
    "existing, nested mutation": Scenario("existing", ("mutate_nested",)),
    "existing, save() unmodified": Scenario("existing", ("save",)),
    "existing, modified+save()": Scenario("existing", ("modify", "save")),
    "existing, only cookie.maxAge set": Scenario("existing", ("set_max_age",)),
    "existing, touch() called": Scenario("existing", ("touch",)),
    "existing, reload() then end": Scenario("existing", ("reload",)),
    "existing, regenerate()": Scenario("existing", ("regenerate",)),
    "existing, regenerate()+modify": Scenario("existing", ("regenerate", "modify")),
    "existing, destroy()": Scenario("existing", ("destroy",)),
    "existing, req.session=null keep": Scenario("existing", ("set_to_none",)),
    "existing, req.session=null unset:destroy": Scenario("existing", ("set_to_none",), options=_DESTROYING),
    "new, req.session=null unset:destroy": Scenario("new", ("set_to_none",), options=_DESTROYING),
    "stale sid (not in store), unmodified": Scenario("stale"),
    "stale sid (not in store), modified": Scenario("stale", ("modify",)),
    "headers flushed early, then modified": Scenario("existing", streamed=("modify",)),
    "new: headers flushed early, then modified": Scenario("new", streamed=("modify",)),
}
