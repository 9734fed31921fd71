"""The shop on Flask, whose ``wsgi_app`` is wrapped; Flask's own cookie session is not used."""

from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, jsonify, redirect, request, send_file
from servers.applications_store import FIRST, OPTIONS, REST, GatedStore, file_to_send, pass_gate
from werkzeug.wrappers import Response as BaseResponse

from coatcheck import Session
from coatcheck.wsgi import SessionMiddleware

STORE = GatedStore()

app = Flask(__name__)
app.wsgi_app = SessionMiddleware(app.wsgi_app, store=STORE, **OPTIONS)  # type: ignore[method-assign]


def session() -> Session:
    session: Session = request.environ["coatcheck.session"]
    return session


def to_account() -> BaseResponse:
    return redirect("/account", 303)


@app.get("/account")
def account() -> dict[str, Any]:
    return dict(session())


@app.post("/login")
def login() -> BaseResponse:
    session().regenerate()
    session()["user"] = request.args["name"]
    return to_account()


@app.post("/cart")
def cart() -> BaseResponse:
    session().setdefault("cart", []).append(request.args["item"])
    return to_account()


@app.post("/logout")
def logout() -> BaseResponse:
    session().destroy()
    return to_account()


@app.put("/keys")
def keys() -> tuple[str, int]:
    pass_gate(request.args.get("gate"))
    session()[request.args["key"]] = request.args["value"]
    return "", 204


@app.post("/visits")
def visits() -> BaseResponse:
    pass_gate(request.args.get("gate"))

    def count(data: dict[str, Any]) -> int:
        data["visits"] = data.get("visits", 0) + 1
        return int(data["visits"])

    return jsonify(session().transact(count))


def lines(session: Session, gate: str, word: str) -> Iterator[bytes]:
    session["stream"] = word
    yield FIRST
    session["stream"] = "under way"
    pass_gate(gate)
    session["stream"] = "done"
    yield REST


@app.get("/stream")
def stream() -> BaseResponse:
    return Response(lines(session(), request.args["gate"], request.args["word"]), mimetype="text/plain")


@app.get("/unmodified")
def unmodified() -> BaseResponse:
    session()["unmodified"] = True
    return Response(status=304, headers={"ETag": '"1"'})


@app.get("/page")
def page() -> BaseResponse:
    session()["page"] = request.method
    return Response("a page", mimetype="text/plain")


@app.post("/echo")
def echo() -> bytes:
    session()["bytes"] = len(request.data)
    return request.data


@app.get("/file")
def file() -> BaseResponse:
    session()["file"] = True
    return send_file(file_to_send())


@app.get("/fails")
def fails() -> str:
    session()["failed"] = True
    raise RuntimeError("as the test wants it")


@app.get("/fails-after-logout")
def fails_after_logout() -> str:
    session().destroy()
    raise RuntimeError("as the test wants it")


@app.get("/records")
def records() -> dict[str, Any]:
    return STORE.records()
