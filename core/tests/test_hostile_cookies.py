"""Ten thousand hostile Cookie headers through each middleware open nothing and tell the log nothing."""

import json
import logging
import random
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest
from harness import ASGIBrowser, WSGIBrowser

from coatcheck import asgi, wsgi
from coatcheck.signing import Signer
from coatcheck_memory import AsyncMemoryStore, MemoryStore, Table

SECRET = "topsecret-topsecret-topsecret"
OLD_SECRET = "oldsecret-oldsecret-oldsecret"
VICTIM = "victim-0123456789abcdefghijklmnop"
HOSTILE = "hostile"
REQUESTS = 10_000
Headers = list[tuple[str, str]]


def signed(sid: str, secret: str = SECRET) -> str:
    return quote(Signer([secret]).sign(sid), safe="")


class Attacker:
    """Makes Cookie headers: never one that names a living session and carries a valid signature for it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._values = [
            self.unknown_but_signed,
            self.forged,
            self.another_ids_signature,
            self.cut,
            self.with_a_flipped_character,
            self.malformed_escapes,
            self.any_bytes,
            self.long,
            self.unsigned,
        ]

    def header(self) -> str:
        """Return one header, possibly with duplicates, junk and quotes around the values."""
        choose = self._random.choice
        pairs = [self.pair(choose(self._values)()) for _ in range(choose([1, 1, 1, 2, 6]))]
        junk = choose(["", "theme=dark", "sid", ";;;", "=", "sid\t=", "\x00=\x7f", "\xff\xfe", "__proto__=1"])
        self._random.shuffle(parts := [*pairs, junk])
        return choose(["; ", ";", " ;\t"]).join(parts)

    def pair(self, value: str) -> str:
        name = self._random.choice(["sid", "sid", "sid", "sid", " sid ", "SID", "sid\x00", "$sid"])
        return name + "=" + self._random.choice(["{}", "{}", '"{}"', '"{}', " {} ", "={}"]).format(value)

    def text(self, length: int = 12) -> str:
        return "".join(chr(self._random.randrange(256)) for _ in range(self._random.randrange(length)))

    def sid(self) -> str:
        return f"{HOSTILE}-{self._random.randrange(10**9)}" + self._random.choice(
            ["", ".", ".x.y", "\n", "é", "😀"]
        )

    def unknown_but_signed(self) -> str:
        return signed(self.sid())

    def forged(self) -> str:
        return signed(
            self._random.choice([VICTIM, self.sid()]), self._random.choice(["guess", OLD_SECRET + "x"])
        )

    def another_ids_signature(self) -> str:
        return quote(f"s:{VICTIM}.") + signed(self.sid()).rpartition(".")[2]

    def cut(self) -> str:
        value = signed(VICTIM)
        return value[: self._random.randrange(len(value))]

    def with_a_flipped_character(self) -> str:
        value = list(Signer([SECRET]).sign(VICTIM))
        position = self._random.randrange(len(value))
        value[position] = chr((ord(value[position]) + self._random.randrange(1, 255)) % 256)
        return quote("".join(value), safe="", encoding="latin-1")

    def malformed_escapes(self) -> str:
        return signed(VICTIM) + self._random.choice(
            ["%", "%4", "%zz", "%E2%82", "%C0%AF", "%ED%A0%80", "%00"]
        )

    def any_bytes(self) -> str:
        return self._random.choice(["s:", "s%3A", ""]) + self.text() + "." + self.text(60)

    def long(self) -> str:
        size = self._random.choice([100, 4096, 65536])
        return self._random.choice(["s:", "%", "s%3A" + VICTIM + ".", "."]) * (size // 10)

    def unsigned(self) -> str:
        return self._random.choice(
            [VICTIM, f"s:{VICTIM}", f"s%3A{VICTIM}.", f"j:{{}}{VICTIM}", "s:.", "", "s:" + "." * 99]
        )


class Site:
    """An application that starts a session at every request, and what it saw."""

    def __init__(self) -> None:
        self.table = Table(10 * REQUESTS)
        self.numbers = count()
        self.given: list[str] = []
        self.seen: list[tuple[bool, dict[str, Any]]] = []
        self.options: dict[str, Any] = {"secret": [SECRET, OLD_SECRET], "generate_id": self.generate_id}
        payload = json.dumps({"cookie": {"originalMaxAge": None, "expires": None}, "user": "victim"}).encode()
        self.victim = payload
        MemoryStore(table=self.table).set(VICTIM, payload, ttl=3600)

    def generate_id(self, _request: object) -> str:
        self.given.append(f"ours-{next(self.numbers)}")
        return self.given[-1]

    def use(self, session: Any) -> None:
        self.seen.append((session.is_new, dict(session)))
        if len(self.seen) % 2:
            session["n"] = 1

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.use(environ["coatcheck.session"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    async def asgi_app(self, scope: Any, receive: Any, send: Any) -> None:
        self.use(scope["session"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture(params=["wsgi", "asgi", "asgi over threads"])
def browser(request: pytest.FixtureRequest, site: Site) -> Iterator[WSGIBrowser | ASGIBrowser]:
    if request.param == "wsgi":
        store = MemoryStore(table=site.table)
        yield WSGIBrowser(wsgi.SessionMiddleware(site.wsgi_app, store=store, **site.options), validate=False)
        return
    lent = request.param == "asgi over threads"
    kind = MemoryStore if lent else AsyncMemoryStore
    app = asgi.SessionMiddleware(site.asgi_app, store=kind(table=site.table), **site.options)
    asgi_browser = ASGIBrowser(app)
    yield asgi_browser
    asgi_browser.close()


def test_hostile_cookies_open_nothing(
    site: Site, browser: WSGIBrowser | ASGIBrowser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    attacker = Attacker(seed=20261123)
    statuses: set[int] = set()
    for _ in range(REQUESTS):
        browser.cookies.clear()
        statuses.add(browser.get(headers=[("Cookie", attacker.header())]).status)

    records = dict(MemoryStore(table=site.table).all())
    assert statuses == {200}
    assert site.seen == [(True, {})] * REQUESTS
    assert records.pop(VICTIM) == site.victim
    assert len(records) == REQUESTS // 2
    assert set(records) <= set(site.given)
    assert "does not verify" in caplog.text
    assert "new session" in caplog.text
    for forbidden in ("secret-", VICTIM, HOSTILE, "ours-", "\x00", "s%3A"):
        assert forbidden not in caplog.text


def test_the_victim_still_gets_in(site: Site, browser: WSGIBrowser | ASGIBrowser) -> None:
    for secret in (SECRET, OLD_SECRET):
        browser.get(headers=[("Cookie", f"junk; sid=x; sid={signed(VICTIM, secret)}")])

        is_new, data = site.seen.pop()
        assert (is_new, data["user"]) == (False, "victim")
