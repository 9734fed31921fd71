"""What Coatcheck says to operators: one logger, no ids, no contents, no secrets."""

import hashlib
import logging
import time
from collections.abc import Callable

__all__ = ["RateLimit", "label", "logger"]

logger = logging.getLogger("coatcheck")


def label(sid: str | None) -> str:
    """Return a short hash by which one session can be followed through the log, but not used."""
    if sid is None:
        return "-"
    return hashlib.sha256(sid.encode("utf-8", "surrogatepass")).hexdigest()[:8]


class RateLimit:
    """Lets one warning of a kind through in a while, and tells how many were kept back."""

    def __init__(self, interval: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval
        self._clock = clock
        self._next: dict[str, float] = {}
        self._kept_back: dict[str, int] = {}

    def warn(self, message: str, *args: object) -> None:
        """Log the warning unless the same one was logged less than ``interval`` seconds ago."""
        now = self._clock()
        if now < self._next.get(message, 0.0):
            self._kept_back[message] = self._kept_back.get(message, 0) + 1
            return
        self._next[message] = now + self._interval
        if kept_back := self._kept_back.pop(message, 0):
            message += f" ({kept_back} more like it before)"
        logger.warning(message, *args)
