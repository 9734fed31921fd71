"""The WSGI applications that are measured: plain and Flask, without sessions and with each kind."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import flask
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin
from scenarios import SECRET, SEED, action

from coatcheck import CookieOptions
from coatcheck.wsgi import SessionMiddleware

App = Callable[[dict[str, Any], Any], Iterable[bytes]]
Use = Callable[[Any], None]
Subject = Callable[[list[Use]], App]

PLAIN, COATCHECK = "bare application", "coatcheck"
FLASK, FLASK_COOKIE, FLASK_COATCHECK = "bare Flask", "Flask's cookie session", "coatcheck around Flask"


class _NoSession(dict[str, Any], SessionMixin):
    """What Flask gets where it is to have no sessions."""


class _NoSessions(SessionInterface):
    def open_session(self, app: flask.Flask, request: flask.Request) -> SessionMixin:
        return _NoSession()

    def save_session(self, app: flask.Flask, session: SessionMixin, response: flask.Response) -> None:
        pass


def _plain(use: list[Use]) -> App:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "coatcheck.session" in environ:
            use[0](environ["coatcheck.session"])
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]

    return app


def _flask(use: list[Use], interface: SessionInterface, session: Callable[[], Any]) -> App:
    app = flask.Flask(__name__)
    app.secret_key = SECRET
    app.session_interface = interface

    @app.get("/cart")
    def cart() -> str:
        found = session()
        if found is not None:
            use[0](found)
        return "ok"

    return app


def _with_coatcheck(app: App) -> App:
    return SessionMiddleware(app, secret=SECRET, cookie=CookieOptions(max_age=3600, samesite="lax"))


def _session_of_environ() -> Any:
    return flask.request.environ.get("coatcheck.session")


SUBJECTS: dict[str, Subject] = {
    PLAIN: _plain,
    COATCHECK: lambda use: _with_coatcheck(_plain(use)),
    FLASK: lambda use: _flask(use, _NoSessions(), lambda: None),
    FLASK_COATCHECK: lambda use: _with_coatcheck(_flask(use, _NoSessions(), _session_of_environ)),
    FLASK_COOKIE: lambda use: _flask(use, SecureCookieSessionInterface(), lambda: flask.session),
}
BARES = {PLAIN: PLAIN, COATCHECK: PLAIN, FLASK: FLASK, FLASK_COATCHECK: FLASK, FLASK_COOKIE: FLASK}
AGAINST = {COATCHECK: FLASK_COOKIE, FLASK_COATCHECK: FLASK_COOKIE}


def exchange(subject: Subject, scenario: str) -> Callable[[], None]:
    """Return a function that plays one request of the scenario."""
    use = [action(SEED)]
    app = subject(use)
    cookies: list[str] = []

    def start_response(_status: str, headers: list[tuple[str, str]], *_exc_info: Any) -> None:
        if not cookies:
            cookies.extend(value.partition(";")[0] for name, value in headers if name == "Set-Cookie")

    def request(extra: dict[str, str]) -> None:
        body = app(_environ() | extra, start_response)
        b"".join(body)
        getattr(body, "close", _nothing_to_close)()

    request({})
    use[0] = action(scenario)
    extra = {"HTTP_COOKIE": cookies[0]} if scenario != "anonymous" and cookies else {}
    cookies[:] = cookies or ["none"]
    return lambda: request(extra)


def _nothing_to_close() -> None:
    pass


def _environ() -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/cart",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "shop.example",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.5",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
