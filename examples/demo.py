"""Plays a visitor's journey through the example shop, under a real ASGI and a real WSGI server.

python examples/demo.py                            plays it with the memory store, checks each step, and ends
python examples/demo.py redis://localhost:6379/0   the same with another store
python examples/demo.py --serve                    keeps both shops up for a browser afterwards
"""

import logging
import secrets
import sys
import threading
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from io import TextIOWrapper
from typing import Any, NamedTuple

import shop_asgi
import shop_wsgi
from journey import StepFailed, play
from shop_servers import uvicorn_server, waitress_server
from witness import Witness

from coatcheck import CoatcheckError, open_store


class Stage(NamedTuple):
    """One of the two shops and the server for it."""

    title: str
    create_app: Callable[[str, str], Any]
    serve: Callable[[Any], AbstractContextManager[str]]


STAGES = [
    Stage("ASGI: Starlette under uvicorn", shop_asgi.create_app, uvicorn_server),
    Stage("WSGI: Flask under waitress", shop_wsgi.create_app, waitress_server),
]


def main() -> int:
    """Play both journeys; 0 if every step went as it must, else 1."""
    arguments = _arguments()
    _show_log()
    try:
        with ExitStack() as stack:
            urls = [_perform(stage, arguments.store, arguments.secret, stack) for stage in STAGES]
            print("\nBoth journeys succeeded, over ASGI and over WSGI.", flush=True)
            if arguments.serve:
                _stay_up(urls)
    except (StepFailed, CoatcheckError) as error:
        print(f"\nThe demo FAILED: {error}", flush=True)
        return 1
    return 0


def _arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("store", nargs="?", default="memory:demo", help="the store's URL (memory:demo)")
    parser.add_argument("--serve", action="store_true", help="keep the shops up until Ctrl+C")
    arguments = parser.parse_args()
    if arguments.store == "memory:":
        parser.error("every opening of memory: is a store of its own; memory:NAME lets the demo look in")
    # One secret and one store: whoever logs in at one of the shops is logged in at the other.
    arguments.secret = secrets.token_urlsafe(32)
    return arguments


def _show_log() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("     log         %(message)s"))
    logging.getLogger("coatcheck").addHandler(handler)


def _perform(stage: Stage, store_url: str, secret: str, stack: ExitStack) -> str:
    store = stack.enter_context(open_store(store_url))
    url = stack.enter_context(stage.serve(stage.create_app(store_url, secret)))
    print(f"\n{stage.title}, at {url}, its sessions seen through {type(store).__name__}")
    with Witness(url, store) as witness:
        try:
            play(witness)
        except StepFailed as error:
            raise StepFailed(f"{stage.title}, {error}") from error
    return url


def _stay_up(urls: list[str]) -> None:
    print(
        "\nBoth shops stay open until Ctrl+C; what you do in one shows in the other, as they share the store:"
    )
    for url in urls:
        print(f"  {url}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nClosed.")


if __name__ == "__main__":
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # what a pipe or a terminal assumes may lack check marks
    sys.exit(main())
