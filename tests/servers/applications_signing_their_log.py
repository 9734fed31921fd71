"""The applications with the default store, whose log tells which process each line comes from."""

import logging

from servers.applications_default import asgi_app, wsgi_app

__all__ = ["asgi_app", "wsgi_app"]

_handler = logging.StreamHandler()
_handler.setFormatter(logging.Formatter("%(process)d %(message)s"))
_log = logging.getLogger("coatcheck")
_log.addHandler(_handler)
_log.propagate = False
