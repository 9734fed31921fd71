"""The three-way merge: what one request changed, applied to what another one stored.

A key counts as changed when the request assigned or deleted it, even to an equal
value, or when its value differs from what the request loaded. Values are compared
as they are encoded, so that 1, 1.0 and True differ.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

Same = Callable[[str, Any, Any], bool]
"""Tells whether the two values of a key are encoded alike."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a request changed: values by key, keys deleted, whether it cleared the session."""

    values: dict[str, Any]
    deleted: frozenset[str]
    cleared: bool
    kept: dict[str, Any]
    """What the request left as it was, in the objects that the application holds."""

    def applied_to(self, theirs: dict[str, Any], same: Same) -> dict[str, Any]:
        """Return ``theirs`` with these changes; objects that nobody changed stay the request's own."""
        if self.cleared:
            return dict(self.values)
        merged = {key: self._keep(key, value, same) for key, value in theirs.items()}
        for key in self.deleted:
            merged.pop(key, None)
        merged.update(self.values)
        return merged

    def _keep(self, key: str, value: Any, same: Same) -> Any:
        return self.kept[key] if key in self.kept and same(key, self.kept[key], value) else value


def find_changes(
    base: dict[str, Any], mine: dict[str, Any], touched: Collection[str], cleared: bool, same: Same
) -> Changes:
    """Compare a request's data with what it loaded; ``touched`` are the keys assigned or deleted."""
    values: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    for key, value in mine.items():
        unchanged = not cleared and key not in touched and key in base and same(key, base[key], value)
        (kept if unchanged else values)[key] = value
    deleted = frozenset(key for key in {*base, *touched} if key not in mine)
    return Changes(values, deleted, cleared, kept)


def cookie_changes(base: dict[str, Any], mine: dict[str, Any]) -> dict[str, Any]:
    """Return the cookie attributes that a request set; None for one that it took away.

    ``expires`` goes with ``originalMaxAge``, from which each renewal computes it anew.
    """
    changed = {key: mine.get(key) for key in {*base, *mine} - {"expires"} if base.get(key) != mine.get(key)}
    if "originalMaxAge" in changed:
        changed["expires"] = mine.get("expires")
    return changed


def merge_cookie(theirs: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """Return ``theirs`` with the attributes that a request set."""
    merged = {**theirs, **changed}
    always = ("expires", "originalMaxAge")
    return {key: value for key, value in merged.items() if value is not None or key in always}
