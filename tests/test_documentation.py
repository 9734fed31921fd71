"""The README and the other pages: every example runs and does what it says, every link leads somewhere."""

import ast
import asyncio
import logging
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy
from harness import ASGIBrowser, ASGISite, WSGIBrowser, WSGISite, attributes
from starlette.middleware.sessions import SessionMiddleware as StarlettesOwn
from starlette.websockets import WebSocket
from sybil.document import Document
from sybil.example import Example
from sybil.parsers.markdown import PythonCodeBlockParser

import coatcheck_sql
from coatcheck import Session, SessionDestroyed, Store, asgi, registry, wsgi
from coatcheck_memory import MemoryStore, opening

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [
    README,
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/*.md")),
    *(ROOT / folder / "README.md" for folder in ("benchmarks", "core", "backends/memory")),
]
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
    monkeypatch.setenv("SESSION_KEY", KEY)


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
    everything = examples(README)
    wiring = [example for example in everything if "SessionMiddleware" in example.parsed][number]
    face = "WSGI" if "coatcheck.wsgi" in wiring.parsed else "ASGI"
    for example in everything[
        : everything.index(wiring) + 1
    ]:  # the application of the first two stands before
        example.evaluate()

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


# -- functions that the examples only define


def is_block(example: Example) -> bool:
    """Tell blocks of code, whose text is what was parsed, from sessions of an interpreter."""
    return isinstance(example.parsed, str)


def functions_in(path: Path) -> list[str]:
    """Name the functions and methods of a page's examples; a lambda has the name of its argument."""
    names: list[str] = []
    for example in examples(path):
        wired = path == README and re.search(r"SessionMiddleware|\(Store\)", example.parsed)
        if wired or not is_block(example):  # called by a test of its own, or on the page
            continue
        for node in ast.walk(ast.parse(example.parsed)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.append(node.name)
            elif isinstance(node, ast.keyword) and isinstance(node.value, ast.Lambda):
                names.append(str(node.arg))
    return names


def namespace_after(path: Path, name: str) -> dict[str, Any]:
    """Return the names that a page has defined once the example that has ``name`` was run."""
    for example in examples(path):
        example.evaluate()
        if is_block(example) and re.search(rf"def {name}\(|\b{name}=lambda", example.parsed):
            return dict(example.namespace)
    raise AssertionError(name)


def defined(page: str, name: str) -> Any:
    return namespace_after(ROOT / page, name)[name]


def shop_with(name: str, *acts: Callable[[Any], object], path: str = "/") -> list[Any]:
    """Visit the shop that the options page makes with an option, once for each of ``acts``."""
    shop = namespace_after(ROOT / "docs/configuration.md", name)["shop"]
    left, results = list(acts), list[Any]()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        results.append(left.pop(0)(environ.get("coatcheck.session")))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"whole"]

    shop.app = app
    browser = WSGIBrowser(shop)
    for _ in acts:
        browser.get(path)
    return results


def put_in(session: Any) -> None:
    session.update(cart="tea", user="ada")


def log_in_works() -> None:
    site = WSGISite()
    before = site.visit(lambda session: (session.update(cart="tea"), session.id)[1]).value
    site.visit(lambda session: defined("README.md", "log_in")(session, "ada"))

    assert site.visit(lambda session: (dict(session), session.id != before)).value == (
        {"cart": "tea", "user": "ada"},
        True,
    )
    assert MemoryStore(table=site.table).length() == 1


def log_out_works() -> None:
    site = WSGISite()
    site.visit(put_in)
    site.visit(lambda session: defined("README.md", "log_out")(session))

    assert MemoryStore(table=site.table).length() == 0
    assert site.browser.cookies == {}


def cookie_for_chooses() -> None:
    cookie_for = defined("docs/configuration.md", "cookie_for")

    assert cookie_for({"QUERY_STRING": "remember=yes"}).lifetime == 30 * 86400
    assert cookie_for({"QUERY_STRING": ""}).lifetime is None


def generate_id_makes_ids() -> None:
    one, other = (shop_with("generate_id", lambda session: session.id)[0] for _ in range(2))

    assert one.startswith("eu-")
    assert len(one) == 35
    assert one != other


def exclude_leaves_out() -> None:
    sessions = [
        shop_with("exclude", lambda session: session, path=path)[0]
        for path in ("/", "/static/style.css", "/health")
    ]

    assert [session is None for session in sessions] == [False, True, True]


def clock_is_what_lifetimes_count_by() -> None:
    def expires(session: Any) -> float:
        session.cookie.max_age = 60
        return float(session.cookie.expires.timestamp())

    assert shop_with("clock", expires) == [1_700_000_060.0]


def codec_seals_and_opens() -> None:
    def stored(session: Any) -> bytes:
        put_in(session)
        session.save()
        return bytes(session.store.get(session.id))

    sealed, opened = shop_with("seal", stored, dict)
    assert sealed.startswith(b'{"sealed": "')
    assert b"ada" not in sealed
    assert opened == {"cart": "tea", "user": "ada"}


def remember_lasts() -> None:
    (cookie,) = WSGISite().visit(defined("docs/cookies.md", "remember")).set_cookies

    assert attributes(cookie)["Max-Age"] == str(30 * 86400)


def buy_takes_a_ticket() -> None:
    buy = defined("docs/session.md", "buy")
    site = ASGISite()
    tickets = [
        site.visit(lambda session: buy(SimpleNamespace(scope={"session": session}))).value for _ in range(2)
    ]

    assert tickets == [1, 2]


def show_preview_is_for_one_response() -> None:
    site = WSGISite()
    site.visit(lambda session: session.update(theme="light"))

    def preview(session: Any) -> object:
        defined("docs/session.md", "show_preview")(session)
        return session["theme"]

    assert site.visit(preview).value == "dark"
    assert site.data() == {"theme": "light"}


def download_counts_its_parts() -> None:
    store = MemoryStore()
    browser = WSGIBrowser(wsgi.SessionMiddleware(wsgi_app, store=store, secret=KEY))
    browser.get("/")
    download = WSGIBrowser(
        wsgi.SessionMiddleware(defined("docs/middleware.md", "download"), store=store, secret=KEY)
    )
    download.cookies = browser.cookies

    assert download.get("/").body == b"........."
    assert b'"parts":3' in dict(store.all()).popitem()[1]


def chat_ends_with_the_session() -> None:
    site = ASGISite()
    site.visit(put_in)
    sent: list[dict[str, Any]] = []

    async def talk(session: Any) -> None:
        said = iter(["hello", "anybody there?"])

        async def receive() -> dict[str, Any]:
            if not sent:
                return {"type": "websocket.connect"}
            if len(sent) == 2:
                site.table.clear()  # logged out elsewhere
            return {"type": "websocket.receive", "text": next(said)}

        async def send(message: Any) -> None:
            sent.append(dict(message))

        scope = {"type": "websocket", "headers": [], "session": session}
        with pytest.raises(SessionDestroyed):
            await defined("docs/middleware.md", "chat")(WebSocket(scope, receive, send))

    site.visit(talk)

    assert [message.get("text") for message in sent] == [None, "ada: hello"]


def upgrade_makes_the_table() -> None:
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.StaticPool)
    upgrade = defined("docs/sql.md", "upgrade")
    upgrade.__globals__.update(coatcheck_sql=coatcheck_sql, op=SimpleNamespace(get_bind=lambda: engine))
    upgrade()

    assert sqlalchemy.inspect(engine).has_table("sessions")
    engine.dispose()


CALLS: dict[tuple[str, str], Callable[[], None]] = {
    ("README.md", "log_in"): log_in_works,
    ("README.md", "log_out"): log_out_works,
    ("docs/configuration.md", "cookie_for"): cookie_for_chooses,
    ("docs/configuration.md", "generate_id"): generate_id_makes_ids,
    ("docs/configuration.md", "exclude"): exclude_leaves_out,
    ("docs/configuration.md", "clock"): clock_is_what_lifetimes_count_by,
    ("docs/configuration.md", "seal"): codec_seals_and_opens,
    ("docs/configuration.md", "open"): codec_seals_and_opens,
    ("docs/cookies.md", "remember"): remember_lasts,
    ("docs/session.md", "buy"): buy_takes_a_ticket,
    ("docs/session.md", "show_preview"): show_preview_is_for_one_response,
    ("docs/middleware.md", "download"): download_counts_its_parts,
    ("docs/middleware.md", "chat"): chat_ends_with_the_session,
    ("docs/sql.md", "upgrade"): upgrade_makes_the_table,
}
CALLED_BY_THE_WIRINGS = [("README.md", "app"), ("README.md", "app")]


def test_no_function_of_an_example_is_only_defined() -> None:
    found = [(named(path), name) for path in PAGES for name in functions_in(path)]

    assert sorted(found) == sorted([*CALLS, *CALLED_BY_THE_WIRINGS])


@pytest.mark.parametrize(("page", "name"), CALLS, ids=lambda text: Path(text).stem)
def test_a_function_of_an_example_does_what_the_page_says(page: str, name: str) -> None:
    CALLS[page, name]()


# -- beside Starlette's own middleware


def test_starlettes_own_middleware_inside_of_ours_takes_the_entry_and_the_commit_refuses_it() -> None:
    both = asgi.SessionMiddleware(StarlettesOwn(asgi_app, KEY), store=MemoryStore(), secret=KEY)

    with asyncio.Runner() as runner, pytest.raises(TypeError, match="the entry 'session' holds"):
        ASGIBrowser(both, runner).get("/")


def test_ours_inside_of_starlettes_own_passes_requests_through(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    both = StarlettesOwn(asgi.SessionMiddleware(asgi_app, store=store, secret=KEY), KEY)

    with asyncio.Runner() as runner:
        browser = ASGIBrowser(both, runner)
        assert [browser.get("/").body for _ in range(2)] == [b"1", b"2"]
    assert store.length() == 0
    assert [record.levelno for record in caplog.records if "passes" in record.message] == [logging.WARNING]


def test_another_key_keeps_the_two_apart() -> None:
    page = ROOT / "docs" / "middleware.md"
    (example,) = [each for each in examples(page) if is_block(each) and "server_session" in each.parsed]
    example.evaluate()
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((type(scope["session"]), type(scope["server_session"])))
        await asgi_app(scope, receive, send)

    example.namespace["shop"].app = StarlettesOwn(app, KEY)
    with asyncio.Runner() as runner:
        ASGIBrowser(example.namespace["shop"], runner).get("/")

    ((theirs, ours),) = seen
    assert (theirs is not ours, ours.__name__) == (True, "AsyncSession")


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

    assert list(tmp_path.iterdir()) == []
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
    tmp_path /= "a/folder/that/does/not/exist"
    store = make_small_store(tmp_path)
    assert not tmp_path.exists()
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
