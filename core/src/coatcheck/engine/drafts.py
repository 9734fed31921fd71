"""What is in between: a write under way, and the record that a regenerated session follows on from."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from coatcheck.engine.documents import Record


@dataclass(slots=True)
class Retiring:
    """The record of before ``regenerate``, to be ended once the new one is written."""

    record: Record
    keep_data: bool
    assigned: set[str]
    """The keys assigned or deleted since that record was loaded or saved, as far as they were written."""
    cleared: bool
    uncertain: bool = False
    """An attempt to end it was made, and its outcome is unknown."""


class Draft(NamedTuple):
    """A write under way: what is written, the changes that it contains, and the session when it began."""

    identity: int
    contents: int
    record: Record
    fingerprint: bytes | None
    cookie: dict[str, Any]
    cookie_before: dict[str, Any]
    assigned: set[str]
    cleared: bool
