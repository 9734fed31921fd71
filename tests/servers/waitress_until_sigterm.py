"""Serves an application with waitress, whose own command knows no orderly end but Ctrl-C."""

import importlib
import signal
import sys

import waitress  # type: ignore[import-untyped]

__all__: list[str] = []


def main(port: str, application: str) -> None:
    module, _, name = application.partition(":")
    app = getattr(importlib.import_module(module), name)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    waitress.serve(app, host="127.0.0.1", port=int(port), threads=20)


if __name__ == "__main__":
    main(*sys.argv[1:])
