"""The example shop for WSGI: Flask, with sessions in ``environ["coatcheck.session"]``."""

from flask import Blueprint, Flask, abort, redirect, request
from shop_page import PRODUCTS, page
from werkzeug.wrappers import Response

from coatcheck import CookieOptions, Session
from coatcheck.wsgi import SessionMiddleware

routes = Blueprint("shop", __name__)


def create_app(store: str, secret: str) -> SessionMiddleware:
    """Return the shop, its sessions kept in the store of this URL."""
    shop = Flask(__name__)
    shop.register_blueprint(routes)
    cookie = CookieOptions(max_age=3600, secure="auto", samesite="lax")
    return SessionMiddleware(shop, store=store, secret=secret, cookie=cookie)


@routes.get("/")
def show() -> str:
    """Show the shop; a visitor who only looks gets no session."""
    return page(_session())


@routes.post("/cart/<product>")
def add(product: str) -> Response:
    """Put a product into the cart; a change deep inside the session is saved like any other."""
    if product not in PRODUCTS:
        abort(404)
    cart = _session().setdefault("cart", {})
    cart[product] = cart.get(product, 0) + 1
    return redirect("/", 303)


@routes.post("/login")
def login() -> Response:
    """Log in: a new session id, which nobody knows from before, and the cart stays."""
    session = _session()
    session.regenerate(keep_data=True)
    session["user"] = request.form["name"]
    return redirect("/", 303)


@routes.post("/logout")
def logout() -> Response:
    """Log out: the session ends on the server, and its cookie in the browser."""
    _session().destroy()
    return redirect("/", 303)


def _session() -> Session:
    session: Session = request.environ["coatcheck.session"]
    return session
