"""What the table, its columns and its index are called."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from coatcheck.errors import ConfigurationError, nearest

__all__ = ["Columns", "index_name"]

LONGEST = 60
"""Names of indexes stay below what every server takes: 63 bytes in PostgreSQL, 64 characters in MySQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The names of the three columns."""

    id: str
    payload: str
    expires: str

    def renamed(self, names: Mapping[str, str] | str | None) -> "Columns":
        """Return these names with some of them changed.

        A str is what stands in a URL: ``id:key,payload:value``. Raises
        :class:`ConfigurationError` for what is no column.
        """
        given = _parsed(names) if isinstance(names, str) else dict(names or {})
        for role, name in given.items():
            if role not in asdict(self):
                raise ConfigurationError(
                    f"'columns' has no {role!r}: {nearest(str(role), asdict(self))}"
                    " Its keys are id, payload and expires"
                )
            if not isinstance(name, str) or not name:
                raise ConfigurationError(f"the name of the column {role!r} must be a str that is not empty")
        renamed = replace(self, **given)
        if len(set(asdict(renamed).values())) < 3:
            raise ConfigurationError("two columns cannot have one name")
        return renamed


def _parsed(text: str) -> dict[str, str]:
    pairs = [part.partition(":") for part in text.split(",")]
    return {role.strip(): name.strip() for role, _, name in pairs}


def index_name(table: str, column: str) -> str:
    """Return the name of the index on a column, as connect-pg-simple calls its own."""
    name = f"IDX_{table}_{column}"
    if len(name.encode()) <= LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: LONGEST // 4]}_{digest}"
