"""What the measured requests do with their session."""

from collections.abc import Callable, MutableMapping
from typing import Any

SECRET = "a secret that is long enough for everybody"

DATA: dict[str, Any] = {
    "user": {"id": 4711, "name": "Ada Lovelace", "roles": ["customer", "reviewer"]},
    "cart": [{"article": f"article-{number}", "count": number, "price": 9.5} for number in range(12)],
    "csrf": "0123456789abcdef" * 4,
    "visits": 1,
    "notes": "x" * 180,
}
"""About 1 KB of JSON."""

Session = MutableMapping[str, Any]


def leave_alone(_session: Session) -> None:
    """Do not use the session."""


def read(session: Session) -> None:
    """Read a value."""
    assert session["user"]["id"] == 4711  # noqa: S101 (a session that was not loaded would be fast)


def write(session: Session) -> None:
    """Change a value."""
    session["visits"] = session["visits"] + 1


SCENARIOS: dict[str, Callable[[Session], None]] = {"anonymous": leave_alone, "read": read, "write": write}
"""The first comes without a cookie, the others with that of a stored session."""

SEED = "seed"


def action(scenario: str) -> Callable[[Session], None]:
    """Return what requests of the scenario do; ``SEED`` fills the session."""
    return SCENARIOS.get(scenario, lambda session: session.update(DATA))
