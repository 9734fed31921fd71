"""What both example shops sell, and the page they show."""

import json
from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

PRODUCTS = {"tea": "Green tea", "cup": "Porcelain cup", "pot": "Iron teapot"}

_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The tea shop</title>
<style>
  body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif;
         color: #1c2a24; background: #f6f4ee }
  header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 1rem }
  h1 { margin: 0; font-size: 1.75rem } h2 { margin: 0 0 .5rem; font-size: 1.1rem }
  section { margin: 1rem 0; padding: 1rem; background: #fff; border: 1px solid #dcd8cc; border-radius: .5rem }
  form { display: flex; gap: .5rem; align-items: center; margin: 0 }
  .row { display: flex; justify-content: space-between; align-items: center; padding: .25rem 0 }
  button, input { font: inherit; padding: .3rem .8rem; border: 1px solid #2f6f4f; border-radius: .35rem }
  button { background: #2f6f4f; color: #fff; cursor: pointer } input { width: 9rem }
  pre { margin: 0; padding: .75rem; white-space: pre-wrap; overflow-wrap: anywhere; background: #eef3ef;
        border-radius: .35rem } p { margin: .5rem 0 0; color: #56635c }
</style>
<header><h1>The tea shop</h1>$visitor</header>
<section><h2>On the shelf</h2>$shelf</section>
<section><h2>Your cart</h2>$cart</section>
<section><h2>What the server keeps for you</h2>$session</section>
</html>
""")

_LOGIN = """<form method="post" action="/login"><label for="name">Your name</label>
<input id="name" name="name" required maxlength="40"> <button>Log in</button></form>"""
_LOGOUT = (
    """<form method="post" action="/logout"><span>Welcome, $name</span> <button>Log out</button></form>"""
)
_PRODUCT = """<div class="row"><span>$title</span>
<form method="post" action="/cart/$product"><button aria-label="Add $title">Add</button></form></div>"""
_LINE = """<div class="row"><span>$title</span> <strong>$count $pieces</strong></div>"""


def page(session: Mapping[str, Any]) -> str:
    """Return the shop's page for the visitor of this session."""
    return _PAGE.substitute(
        visitor=_visitor(session.get("user")),
        shelf="".join(_fill(_PRODUCT, product=product, title=title) for product, title in PRODUCTS.items()),
        cart=_cart(session.get("cart", {})),
        session=_contents(dict(session)),
    )


def _visitor(user: str | None) -> str:
    return _LOGIN if user is None else _fill(_LOGOUT, name=user)


def _cart(cart: Mapping[str, int]) -> str:
    return "".join(_line(product, count) for product, count in cart.items()) or "<p>It is empty.</p>"


def _line(product: str, count: int) -> str:
    return _fill(_LINE, title=PRODUCTS[product], count=str(count), pieces="piece" if count == 1 else "pieces")


def _contents(data: dict[str, Any]) -> str:
    if not data:
        return "<p>Nothing: you have no session, and your browser got no cookie.</p>"
    shown = escape(json.dumps(data, indent=2, ensure_ascii=False))
    return f"<pre>{shown}</pre><p>Your browser holds a signed session id and nothing of this.</p>"


def _fill(markup: str, **texts: str) -> str:
    return Template(markup).substitute({name: escape(text) for name, text in texts.items()})
