"""What Redis is sent, and what its answers mean, without I/O.

The layout is that of connect-redis: the key is the prefix and the id, the value is the payload
as a string, the expiry is the key's own. A lifetime is rounded up to whole milliseconds.
"""

import math
import re
from collections.abc import Iterable
from hashlib import sha1
from typing import Any, NamedTuple

from coatcheck.errors import StoreError
from coatcheck.store import Replaced

__all__ = ["BATCH", "Command", "Layout", "Script", "milliseconds", "replaced"]

Part = bytes | str | int
Parts = tuple[Part, ...]

BATCH = 500
"""About how many keys one step of a listing looks at; more would keep the server from other work."""

LONGEST = 2**53 - 1
"""The longest lifetime in milliseconds, 285,000 years: beyond it Lua's numbers are not exact."""

LARGEST = 512 * 1024 * 1024
"""The largest string that Redis keeps, in bytes."""


class Script(NamedTuple):
    """A Lua script, which is one atomic step on the server."""

    text: str
    sha: str


class Command(NamedTuple):
    """One command, and what has to be known to send it."""

    parts: Parts
    key: bytes = b""
    repeatable: bool = False  # a second time does no harm, also where the first one was carried out
    script: Script | None = None

    @property
    def in_full(self) -> Parts:
        """The parts for a server that does not know the script."""
        return ("EVAL", self.script.text, *self.parts[2:]) if self.script else self.parts


def _script(text: str) -> Script:
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


# A key without an expiry (PTTL says -1) outlives every lifetime.
READ_AND_RENEW = _script("""\
local payload = redis.call('GET', KEYS[1])
if payload then
  local left = redis.call('PTTL', KEYS[1])
  if left >= 0 and left < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
  end
end
return payload
""")

REPLACE_EXPECTED = _script("""\
local current = redis.call('GET', KEYS[1])
if current ~= ARGV[1] then
  return {current}
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
""")

REMOVE_EXPECTED = _script("""\
local current = redis.call('GET', KEYS[1])
if current ~= ARGV[1] then
  return {current}
end
redis.call('UNLINK', KEYS[1])
return 1
""")

PING = Command(("PING",), repeatable=True)


class Layout:
    """The commands for the records under one prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._prefix = prefix.encode()
        self._pattern = re.sub(rb"([*?\[\]\\])", rb"\\\1", self._prefix) + b"*"

    def get(self, sid: str) -> Command:
        key = self._key(sid)
        return Command(("GET", key), key, repeatable=True)

    def set(self, sid: str, payload: bytes, ttl: float) -> Command:
        key, value = self._key(sid), _value(payload)
        if ttl <= 0:
            return Command(("UNLINK", key), key)
        return Command(("SET", key, value, "PX", milliseconds(ttl)), key)

    def destroy(self, sid: str) -> Command:
        key = self._key(sid)
        return Command(("UNLINK", key), key)

    def touch(self, sid: str, ttl: float) -> Command:
        if ttl <= 0:
            return self.destroy(sid)
        key = self._key(sid)
        return Command(("PEXPIRE", key, milliseconds(ttl)), key, repeatable=True)

    def get_and_touch(self, sid: str, ttl: float, slack: float) -> Command:
        if ttl <= 0:  # would bring the end nearer
            return self.get(sid)
        lifetime = milliseconds(ttl)
        # What has less than this left is renewed.
        enough = max(0, lifetime - int(min(slack * 1000, LONGEST)))
        return _run(READ_AND_RENEW, self._key(sid), lifetime, enough, repeatable=True)

    def replace(self, sid: str, payload: bytes, ttl: float, expected: bytes | None) -> Command:
        key, value = self._key(sid), _value(payload)
        if expected is None:
            if ttl <= 0:
                return Command(("UNLINK", key), key)
            return Command(("SET", key, value, "XX", "PX", milliseconds(ttl)), key)
        if ttl <= 0:
            return _run(REMOVE_EXPECTED, key, _value(expected))
        return _run(REPLACE_EXPECTED, key, _value(expected), value, milliseconds(ttl))

    def scan(self, cursor: bytes) -> Command:
        """Look for keys of this prefix, and at strings only: what else has it is not ours."""
        parts = ("SCAN", cursor, "MATCH", self._pattern, "COUNT", BATCH, "TYPE", "string")
        return Command(parts, repeatable=True)

    def sid(self, key: bytes) -> str | None:
        """Return the id in a key; None for what another program wrote and is no text."""
        try:
            return key[len(self._prefix) :].decode()
        except UnicodeDecodeError:
            return None

    def _key(self, sid: str) -> bytes:
        try:
            return self._prefix + sid.encode()
        except AttributeError:
            raise TypeError(f"an id is a str, not {type(sid).__name__}") from None
        except UnicodeEncodeError:
            raise ValueError("an id with half a surrogate pair cannot be kept") from None


def read_key(key: bytes) -> Command:
    """Read the payload under a key that a listing has found."""
    return Command(("GET", key), key, repeatable=True)


def remove_keys(keys: Iterable[bytes]) -> Command:
    """Remove keys, which must be of one slot in a cluster."""
    found = tuple(keys)
    return Command(("UNLINK", *found), found[0])


def replaced(answer: Any) -> Replaced:
    """Tell what the answer to a ``replace`` means."""
    if isinstance(answer, list):  # a script refused, and tells what is there
        return Replaced(written=False, current=answer[0])
    return Replaced(written=bool(answer))


def milliseconds(ttl: float) -> int:
    """Return a positive lifetime in whole milliseconds, rounded up."""
    if ttl >= LONGEST / 1000:
        return LONGEST
    # 0.07 * 1000 is a little more than 70.
    return max(1, math.ceil(round(ttl * 1000, 3)))


def _run(script: Script, key: bytes, *arguments: Part, repeatable: bool = False) -> Command:
    return Command(("EVALSHA", script.sha, 1, key, *arguments), key, repeatable, script)


def _value(payload: bytes) -> bytes:
    value = payload if isinstance(payload, bytes) else bytes(memoryview(payload))
    if len(value) > LARGEST:
        raise StoreError(f"the payload of {len(value)} bytes is too large for Redis, which keeps {LARGEST}")
    return value
