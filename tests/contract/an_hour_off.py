"""Uses a store in a process whose clock was off before anything was imported; prints what it saw."""

import datetime as dt
import json
import sys
import time
from typing import Any

QUESTION = json.loads(sys.argv[1])


def shift(offset: float) -> None:
    """Move what Python tells of the time of day; what passes between two looks stays as it is."""
    real_time, real_time_ns = time.time, time.time_ns
    real: Any = dt.datetime
    time.time = lambda: real_time() + offset
    time.time_ns = lambda: real_time_ns() + int(offset * 1e9)

    class LooksReal(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, real)

    class Shifted(dt.datetime, metaclass=LooksReal):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return real.now(tz) + dt.timedelta(seconds=offset)

        @classmethod
        def utcnow(cls) -> Any:
            return real.fromtimestamp(real_time() + offset, dt.UTC).replace(tzinfo=None)

    setattr(dt, "datetime", Shifted)  # noqa: B010 (the checkers would refuse the assignment)


shift(QUESTION["offset"])

from pathlib import Path  # noqa: E402

from coatcheck import Store  # noqa: E402
from contract.homes import Home  # noqa: E402
from contract.payloads import numbered  # noqa: E402
from contract.wrong_clocks import FileStore  # noqa: E402

SHORT, WAIT = QUESTION["short"], QUESTION["wait"]


def opened() -> Store:
    """Open the store, or the one that is known to be wrong."""
    if QUESTION["control"]:
        return FileStore(Path(QUESTION["home"]["folder"]) / "records.json", QUESTION["control"])
    return Home.of(QUESTION["home"]).open()


def write(store: Store) -> dict[str, object]:
    """Leave a record that lives for a minute and one that lives for two hours, and nothing else."""
    store.clear()
    store.set("minute", numbered(1), ttl=60)
    store.set("two hours", numbered(2), ttl=7200)
    return {}


def read(store: Store) -> dict[str, object]:
    """Look at what another process has left."""
    return {
        "minute": store.get("minute") == numbered(1),
        "two hours": store.get("two hours") == numbered(2),
        "length": store.length(),
    }


def live(store: Store) -> dict[str, object]:
    """Write, renew and outlive records, all by this process's clock."""
    store.clear()
    store.set("at once", numbered(1), ttl=SHORT)
    seen: dict[str, object] = {"at once": store.get("at once") == numbered(1)}
    store.set("touched", numbered(2), ttl=SHORT)
    seen["touched"] = store.touch("touched", ttl=60)
    store.set("ended by touch", numbered(3), ttl=60)
    store.touch("ended by touch", ttl=SHORT)
    seen["replaced"] = store.replace("at once", numbered(4), ttl=SHORT, expected=numbered(1)).written
    time.sleep(WAIT)
    return {
        **seen,
        "after a touch": store.get("touched") == numbered(2),
        "ended": found(store, "at once"),
        "ended by touch": found(store, "ended by touch"),
        "length": store.length(),
    }


def found(store: Store, sid: str) -> str | None:
    """Return what is stored, as something that JSON can carry."""
    payload = store.get(sid)
    return None if payload is None else payload.decode()


def main() -> None:
    store = opened()
    parts = {"write": write, "read": read, "live": live}
    sys.stdout.write(json.dumps({part: parts[part](store) for part in QUESTION["parts"]}))
    store.close()


main()
