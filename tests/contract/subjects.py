"""Every kind of store that the contract is tested on: how it is opened, and in what it may differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = ["EVERYTHING", "SUBJECTS", "Subject"]

EVERYTHING = frozenset({"touch", "get_and_touch", "replace", "ids", "all", "length", "clear", "prune"})


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A kind of store.

    ``kind`` is the server's, None where there is none; ``package`` is what must be
    installed. ``scheme`` takes the place of the scheme of the server's URL. ``lacks`` are
    the optional operations that it need not offer; all others it must. ``trips`` are the
    round trips of operations that take more than one. ``too_large`` is the size of a payload
    that its server cannot keep, where there is one within reach.
    """

    name: str
    kind: str | None
    package: str
    namespace_option: str
    asynchronous: bool
    scheme: str = ""
    client: str = ""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    lacks: frozenset[str] = frozenset()
    resolution: float = 0.001
    trips: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    too_large: int | None = None
    keeps_spelling: bool = True
    wild_names: tuple[str, str] = ("w*{}", "wild{}")

    def __str__(self) -> str:
        return self.name

    @property
    def served(self) -> bool:
        """Whether there is a server, which can fail."""
        return self.kind is not None

    @property
    def one_address(self) -> bool:
        """Whether the server has one address, so that a proxy can stand before it."""
        return self.kind is not None and not self.client and self.kind != "mongodb-replica-set"


def _both(name: str, drivers: tuple[str, ...] = ("", ""), **common: Any) -> list[Subject]:
    """Return the blocking and the async kinds, which may have drivers of their own."""
    subjects: list[Subject] = []
    for number, driver in enumerate(drivers):
        way = "async" if number else "blocking"
        scheme = "+".join(filter(None, [common.get("scheme", ""), driver]))
        title = " ".join(filter(None, [name, driver, way]))
        own: dict[str, Any] = {"name": title, "asynchronous": number > 0, "scheme": scheme}
        subjects.append(Subject(**{**common, **own}))
    return subjects


_REDIS: dict[str, Any] = {
    "package": "coatcheck_redis",
    "namespace_option": "prefix",
    "lacks": frozenset({"prune"}),
    "wild_names": ("w*[a-z]?{}:", "wildaz{}:"),
}
_MONGO: dict[str, Any] = {
    "package": "coatcheck_mongo",
    "namespace_option": "collection",
    "lacks": frozenset({"prune"}),  # the server prunes
    "too_large": 17_000_000,
}
_SQL: dict[str, Any] = {
    "package": "coatcheck_sql",
    "namespace_option": "table",
    "wild_names": ("w_%{}", "wild{}"),
}

SUBJECTS: list[Subject] = [
    *_both("memory", kind=None, package="coatcheck_memory", namespace_option=""),
    *(
        subject
        for version in ("6.2", "7.0", "8.2")
        for subject in _both(f"redis-{version}", kind=f"redis-{version}", **_REDIS)
    ),
    *_both("redis-cluster", kind="redis-cluster", client="cluster", **_REDIS),
    *_both("redis-sentinel", kind="redis-sentinel", client="sentinel", **_REDIS),
    *_both("mongodb", kind="mongodb", **_MONGO),
    *_both("mongodb-replica-set", kind="mongodb-replica-set", **_MONGO),
    *_both(
        "mongodb documents",
        kind="mongodb",
        options={"stringify": False},
        trips={"replace(expected)": 2, "refused replace(expected)": 2},
        keeps_spelling=False,
        **_MONGO,
    ),
    *_both("sqlite", kind=None, scheme="sqlite", **_SQL),
    *_both("postgresql", ("psycopg", "psycopg", "asyncpg"), kind="postgresql", scheme="postgresql", **_SQL),
    *_both("postgresql-new-york", kind="postgresql-new-york", **_SQL),
    *_both(
        "mariadb",
        ("pymysql", "asyncmy"),
        kind="mariadb",
        scheme="mysql",
        resolution=1.0,
        trips={"refused replace": 2, "refused replace(expected)": 2},
        too_large=17_000_000,
        **{**_SQL, "lacks": frozenset({"get_and_touch"})},
    ),
]
