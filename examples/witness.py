"""Sends requests and shows what can be seen of them: answer, cookie, and what the store holds then."""

import json
from typing import Any, Self
from urllib.parse import unquote

import httpx

from coatcheck import Store

COOKIE = "sid"


class Witness:
    """Watches a shop from both sides: as an HTTP client and through its store."""

    def __init__(self, url: str, store: Store) -> None:
        # Proxies of the environment are not asked: the shop is on this machine.
        self._browser = httpx.Client(base_url=url, timeout=10, trust_env=False)
        self._store = store
        self.cookies: list[str] = []
        """The cookie values that the shop has given out, each once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close()

    def visit(self, method: str, path: str, **form: str) -> httpx.Response:
        """Send a request as the visitor, whose browser keeps its cookies."""
        _show("visitor", f"{method} {path}", form)
        return self._watch(self._browser.request(method, path, data=form or None))

    def intrude(self, cookie: str) -> httpx.Response:
        """Ask for the shop's page as somebody else, with this cookie value only."""
        _show("intruder", f"GET / with {COOKIE}={_short(cookie)}")
        headers = {"Cookie": f"{COOKIE}={cookie}"}
        return self._watch(httpx.get(self._browser.base_url, headers=headers, timeout=10, trust_env=False))

    def record(self, cookie: str) -> dict[str, Any] | None:
        """Return the data that the store holds for a cookie value, or None."""
        payload = self._store.get(_sid(cookie))
        if payload is None:
            return None
        document: dict[str, Any] = json.loads(payload)
        del document["cookie"]
        return document

    def _watch(self, response: httpx.Response) -> httpx.Response:
        given = set_cookie(response)
        value = given.partition(";")[0].partition("=")[2]
        if value and value not in self.cookies:
            self.cookies.append(value)
        _show("response", f"{response.status_code} {response.reason_phrase}")
        _show("Set-Cookie", _without_expires(given.replace(value, _short(value))) if given else "none")
        for cookie in self.cookies:
            _show("store", f"{_sid(cookie)[:8]}…", self.record(cookie) or "nothing")
        if not self.cookies:
            _show("store", "nothing")
        return response


def set_cookie(response: httpx.Response) -> str:
    """Return the Set-Cookie header of the session, empty if there is none."""
    headers: list[str] = response.headers.get_list("set-cookie")
    return next((header for header in headers if header.startswith(f"{COOKIE}=")), "")


def _sid(cookie: str) -> str:
    return unquote(cookie).removeprefix("s:").rpartition(".")[0]


def _short(cookie: str) -> str:
    return f"{cookie[:12]}…{cookie[-4:]}" if cookie else ""


def _without_expires(header: str) -> str:
    # It says in many letters what Max-Age says already.
    return "; ".join(part for part in header.split("; ") if not part.startswith("Expires="))


def _show(label: str, *texts: object) -> None:
    shown = [json.dumps(text) if isinstance(text, dict) else str(text) for text in texts if text != {}]
    print(f"     {label:<10}  {'  '.join(shown)}")
