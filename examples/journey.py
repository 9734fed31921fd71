"""A visitor's journey through the shop, and two intruders on the way: every step is shown and checked."""

from collections.abc import Callable
from urllib.parse import quote, unquote

import httpx
from witness import Witness, set_cookie

from coatcheck import CoatcheckError


class StepFailed(Exception):
    """A step of the journey did not go as it must."""


def play(witness: Witness) -> None:
    """Play every step in order; raises :class:`StepFailed`, naming the step."""
    for number, (title, step) in enumerate(STEPS.items(), start=1):
        print(f"\n  {number}. {title}")
        try:
            step(witness)
        except (StepFailed, httpx.HTTPError, CoatcheckError) as error:
            raise StepFailed(f"step {number} ({title}): {error}") from error


def look_around(witness: Witness) -> None:
    """Ask for the page without a cookie."""
    response = witness.visit("GET", "/")
    check("the shop answers", response.is_success)
    check("a visitor who only looks gets no cookie", not set_cookie(response))


def start_a_cart(witness: Witness) -> None:
    """Put something into the cart, which starts a session."""
    response = witness.visit("POST", "/cart/tea")
    check("the redirect carries a cookie", response.is_redirect and len(witness.cookies) == 1)
    check("which scripts cannot read", "HttpOnly" in set_cookie(response))
    check("and the data is in the store already", _latest(witness) == {"cart": {"tea": 1}})


def fill_the_cart(witness: Witness) -> None:
    """Change a value deep inside the session."""
    witness.visit("POST", "/cart/tea")
    check("the nested change is saved", _latest(witness) == {"cart": {"tea": 2}})
    check("under the same id", len(witness.cookies) == 1)


def read_the_cart(witness: Witness) -> None:
    """Ask for the page with the cookie."""
    response = witness.visit("GET", "/")
    check("the page shows the cart", "<strong>2 pieces</strong>" in response.text)
    check("reading sets no cookie", not set_cookie(response))


def log_in(witness: Witness) -> None:
    """Change privileges, and with them the session's id."""
    witness.visit("POST", "/login", name="Ada")
    check("the session has a new id", len(witness.cookies) == 2)
    check("the cart survives the login", _latest(witness) == {"cart": {"tea": 2}, "user": "Ada"})
    check("the old id is dead", witness.record(witness.cookies[0]) is None)


def replay_the_old_cookie(witness: Witness) -> None:
    """Use a cookie that was stolen before the login."""
    _intrude(witness, witness.cookies[0])
    check("the old id stays dead", witness.record(witness.cookies[0]) is None)


def forge_a_cookie(witness: Witness) -> None:
    """Use the true id with a signature made without the secret."""
    sid, _, signature = unquote(witness.cookies[-1]).rpartition(".")
    _intrude(witness, quote(f"{sid}.{'A' * len(signature)}", safe=""))
    check("the visitor's session is untouched", _latest(witness) == {"cart": {"tea": 2}, "user": "Ada"})


def log_out(witness: Witness) -> None:
    """End the session."""
    response = witness.visit("POST", "/logout")
    check("the browser is told to drop its cookie", "Max-Age=0" in set_cookie(response))
    check("the session is gone from the store", _latest(witness) is None)


def replay_the_last_cookie(witness: Witness) -> None:
    """Use a cookie that was stolen before the logout."""
    _intrude(witness, witness.cookies[-1])
    check("the session stays gone", _latest(witness) is None)


STEPS: dict[str, Callable[[Witness], None]] = {
    "A visitor looks around": look_around,
    "Something goes into the cart": start_a_cart,
    "More of the same": fill_the_cart,
    "The visitor looks at the cart": read_the_cart,
    "The visitor logs in": log_in,
    "Somebody tries the cookie of before the login": replay_the_old_cookie,
    "Somebody forges a cookie": forge_a_cookie,
    "The visitor logs out": log_out,
    "Somebody tries the cookie of before the logout": replay_the_last_cookie,
}


def check(claim: str, holds: bool) -> None:
    """Show that the claim holds, or raise :class:`StepFailed`."""
    if not holds:
        raise StepFailed(f"it is not true that {claim}")
    print(f"     {'✓':>10}  {claim}")


def _latest(witness: Witness) -> object:
    return witness.record(witness.cookies[-1])


def _intrude(witness: Witness, cookie: str) -> None:
    given = len(witness.cookies)
    response = witness.intrude(cookie)
    check("the page is a stranger's", "Log in" in response.text and "2 pieces" not in response.text)
    check("no cookie is given out", not set_cookie(response) and len(witness.cookies) == given)
