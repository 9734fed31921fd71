"""A store that makes the mistake which the tests of the clock must find: it counts by the caller's clock."""

import datetime as dt
import json
import time
from pathlib import Path

from coatcheck import Replaced, Store, Supports

__all__ = ["FileStore"]


class FileStore(Store):
    """Keep records in a file, with the moments at which they end by the clock of whoever writes."""

    supports = Supports(touch=True, replace=True, length=True, clear=True)

    def __init__(self, path: Path, clock: str) -> None:
        self._path = path
        self._clock = {"time.time": time.time, "datetime.now": _by_datetime}[clock]

    def get(self, sid: str, /) -> bytes | None:
        payload, ends = self._records().get(sid, ("", 0.0))
        return payload.encode() if ends > self._clock() else None

    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        self._write({**self._records(), sid: (payload.decode(), self._clock() + ttl)})

    def destroy(self, sid: str, /) -> bool:
        found = self.get(sid) is not None
        self._write({other: record for other, record in self._records().items() if other != sid})
        return found

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        payload = self.get(sid)
        if payload is not None:
            self.set(sid, payload, ttl=ttl)
        return payload is not None

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        current = self.get(sid)
        if current is None or expected not in (None, current):
            return Replaced(written=False, current=current)
        self.set(sid, payload, ttl=ttl)
        return Replaced(written=True)

    def length(self) -> int:
        return sum(self.get(sid) is not None for sid in self._records())

    def clear(self) -> None:
        self._write({})

    def _records(self) -> dict[str, tuple[str, float]]:
        if not self._path.exists():
            return {}
        read: dict[str, tuple[str, float]] = json.loads(self._path.read_text(encoding="utf-8"))
        return read

    def _write(self, records: dict[str, tuple[str, float]]) -> None:
        self._path.write_text(json.dumps(records), encoding="utf-8")


def _by_datetime() -> float:
    return dt.datetime.now(dt.UTC).timestamp()
