"""The example shop for ASGI: Starlette, with sessions in ``scope["session"]``."""

from urllib.parse import parse_qs

from shop_page import PRODUCTS, page
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from coatcheck import AsyncSession, CookieOptions
from coatcheck.asgi import SessionMiddleware


def create_app(store: str, secret: str) -> SessionMiddleware:
    """Return the shop, its sessions kept in the store of this URL."""
    shop = Starlette(routes=ROUTES)
    cookie = CookieOptions(max_age=3600, secure="auto", samesite="lax")
    return SessionMiddleware(shop, store=store, secret=secret, cookie=cookie)


async def show(request: Request) -> HTMLResponse:
    """Show the shop; a visitor who only looks gets no session."""
    return HTMLResponse(page(_session(request)))


async def add(request: Request) -> RedirectResponse:
    """Put a product into the cart; a change deep inside the session is saved like any other."""
    product = request.path_params["product"]
    if product not in PRODUCTS:
        raise HTTPException(404)
    cart = _session(request).setdefault("cart", {})
    cart[product] = cart.get(product, 0) + 1
    return RedirectResponse("/", 303)


async def login(request: Request) -> RedirectResponse:
    """Log in: a new session id, which nobody knows from before, and the cart stays."""
    form = parse_qs((await request.body()).decode())
    if "name" not in form:
        raise HTTPException(400)
    session = _session(request)
    session.regenerate(keep_data=True)
    session["user"] = form["name"][0]
    return RedirectResponse("/", 303)


async def logout(request: Request) -> RedirectResponse:
    """Log out: the session ends on the server, and its cookie in the browser."""
    _session(request).destroy()
    return RedirectResponse("/", 303)


def _session(request: Request) -> AsyncSession:
    session: AsyncSession = request.scope["session"]
    return session


ROUTES = [
    Route("/", show),
    Route("/cart/{product}", add, methods=["POST"]),
    Route("/login", login, methods=["POST"]),
    Route("/logout", logout, methods=["POST"]),
]
