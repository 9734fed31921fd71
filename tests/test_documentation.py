"""The README and the pages of docs/: every example runs, every link leads somewhere."""

import ast
import asyncio
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import ASGIBrowser, WSGIBrowser
from sybil.document import Document
from sybil.example import Example
from sybil.parsers.markdown import PythonCodeBlockParser

from coatcheck import Session, Store, asgi, registry, wsgi
from coatcheck_memory import MemoryStore, opening

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted(ROOT.glob("docs/*.md")), ROOT / "benchmarks" / "README.md"]
KEY = "a key that only the tests know"
LONGEST_SMALL_STORE = 25


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# -- the examples


def visit(path: str, session: Any) -> bytes:
    """Count the visits of a session; ``/leave`` ends it."""
    if path == "/leave":
        session.destroy()
    else:
        session["visits"] = session.get("visits", 0) + 1
    return str(session.get("visits", 0)).encode()


def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    body = visit(environ["PATH_INFO"], environ["coatcheck.session"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


async def asgi_app(scope: Any, _receive: Any, send: Any) -> None:
    body = visit(scope["path"], scope["session"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def session_of_an_open_request() -> Session:
    """Return the session of a WSGI request whose response has not begun."""
    sessions: list[Session] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        sessions.append(environ["coatcheck.session"])
        start_response("200 OK", [])
        return iter([b"never asked for"])

    middleware = wsgi.SessionMiddleware(app, store=MemoryStore(), secret=KEY)
    middleware({"PATH_INFO": "/", "wsgi.url_scheme": "http"}, lambda *_: list[bytes]().append)
    return sessions[0]


def examples(path: Path) -> list[Example]:
    document = Document.parse(str(path), PythonCodeBlockParser())
    document.namespace.update(
        __name__="documentation",
        app=wsgi_app,
        KEY=KEY,
        OLD_KEY=KEY[::-1],
        session=session_of_an_open_request(),
    )
    return list(document.examples())


@pytest.fixture(autouse=True)
def names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep apart what examples register and name, which lasts as long as the process."""
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.setattr(opening, "_named", {})


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_the_examples_of_a_page_run(path: Path) -> None:
    for example in examples(path):
        example.evaluate()


WIRINGS = [example for example in examples(README) if "SessionMiddleware" in example.parsed]


def test_the_readme_wires_plain_applications_and_three_frameworks() -> None:
    names = ["starlette.app", "fastapi", "flask"]
    frameworks = [next((n for n in names if n in wiring.parsed), None) for wiring in WIRINGS]

    assert frameworks == [None, None, "starlette.app", "fastapi", "flask"]
    assert [len(wiring.parsed.strip().splitlines()) for wiring in WIRINGS[:2]] == [3, 3]


@pytest.mark.parametrize("number", range(len(WIRINGS)), ids=lambda number: f"line {WIRINGS[number].line}")
def test_each_wiring_in_the_readme_keeps_a_visitors_session(number: int) -> None:
    wiring = [example for example in examples(README) if "SessionMiddleware" in example.parsed][number]
    face = "WSGI" if "coatcheck.wsgi" in wiring.parsed else "ASGI"
    wiring.namespace["app"] = wsgi_app if face == "WSGI" else asgi_app
    wiring.evaluate()

    with two_browsers(face, wiring.namespace["app"]) as (visitor, other):
        assert [visitor.get("/").body for _ in range(3)] == [b"1", b"2", b"3"]
        assert other.get("/").body == b"1"


@contextmanager
def two_browsers(face: str, app: Any) -> Generator[list[Any], None, None]:
    if face == "WSGI":
        yield [WSGIBrowser(app), WSGIBrowser(app)]
        return
    with asyncio.Runner() as runner:
        yield [ASGIBrowser(app, runner), ASGIBrowser(app, runner)]


# -- the store in the README


def small_store() -> Example:
    (found,) = [example for example in examples(README) if "(Store)" in example.parsed]
    return found


def make_small_store(folder: Path) -> Store:
    example = small_store()
    example.evaluate()
    (name,) = re.findall(r"class (\w+)\(Store\)", example.parsed)
    store = example.namespace[name](folder)
    assert isinstance(store, Store)
    return store


def test_the_store_in_the_readme_is_short_and_has_only_the_three_methods() -> None:
    body = ast.parse(small_store().parsed).body[-1]
    assert isinstance(body, ast.ClassDef)
    methods = [node.name for node in body.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]

    assert methods == ["get", "set", "destroy"]
    assert len(ast.unparse(body).splitlines()) < LONGEST_SMALL_STORE
    assert (body.end_lineno or 0) - body.lineno + 1 < LONGEST_SMALL_STORE


def test_the_store_in_the_readme_keeps_the_contract(tmp_path: Path) -> None:
    store = make_small_store(tmp_path)

    store.set("a", b"one", ttl=60)
    store.set("a", b"two\nlines", ttl=60)
    store.set("A ../x*", b"other", ttl=60)
    store.set("over", b"dead", ttl=0)

    assert [store.get(sid) for sid in ("a", "A ../x*", "over", "never")] == [
        b"two\nlines",
        b"other",
        None,
        None,
    ]
    assert [store.destroy(sid) for sid in ("a", "a", "over", "never")] == [True, False, False, False]
    assert store.get("a") is None


@pytest.mark.parametrize("face", ["WSGI", "ASGI"])
def test_the_store_in_the_readme_works_in_both_middlewares(tmp_path: Path, face: str) -> None:
    store = make_small_store(tmp_path)
    app: Any = (
        wsgi.SessionMiddleware(wsgi_app, store=store, secret=KEY)
        if face == "WSGI"
        else asgi.SessionMiddleware(asgi_app, store=store, secret=KEY)
    )

    with two_browsers(face, app) as (visitor, other):
        assert [visitor.get("/").body for _ in range(3)] == [b"1", b"2", b"3"]
        assert other.get("/").body == b"1"
        assert len(list(tmp_path.iterdir())) == 2
        stolen = visitor.cookies["sid"]
        assert visitor.get("/leave").body == b"0"
        assert len(list(tmp_path.iterdir())) == 1
        assert other.get("/", [("Cookie", f"sid={stolen}")]).body == b"1"


# -- links


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_link_of_a_page_leads_somewhere(path: Path) -> None:
    text = without_code(path.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)\s]+)\)", text)

    assert [link for link in links if not leads_somewhere(path, link)] == []


def leads_somewhere(path: Path, link: str) -> bool:
    if link.startswith("https://"):
        return True
    file, _, anchor = link.partition("#")
    target = (path.parent / file).resolve() if file else path
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(path: Path) -> set[str]:
    """Return the anchors that a page's headings get, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
