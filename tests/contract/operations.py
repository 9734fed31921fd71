"""Every operation of the contract, as calls that can be made later."""

from collections.abc import Mapping

from coatcheck import Store
from contract.payloads import numbered
from contract.together import Call, call

__all__ = ["offered"]

PAYLOAD = numbered(1)

ALL: Mapping[str, Call] = {
    "get": call("get", "sid"),
    "set": call("set", "sid", PAYLOAD, ttl=60),
    "destroy": call("destroy", "sid"),
    "touch": call("touch", "sid", ttl=60),
    "get_and_touch": call("get_and_touch", "sid", ttl=60),
    "replace": call("replace", "sid", PAYLOAD, ttl=60),
    "replace as expected": call("replace", "sid", PAYLOAD, ttl=60, expected=PAYLOAD),
    "ids": call("ids"),
    "all": call("all"),
    "length": call("length"),
    "clear": call("clear"),
    "prune": call("prune"),
    "ping": call("ping"),
}


def offered(store: Store) -> dict[str, Call]:
    """Return the calls that a store offers."""
    return {name: each for name, each in ALL.items() if getattr(store.supports, each.operation, True)}
