"""A new session whose cookie cannot be sent: one warning says so, and no second one beside the point."""

import logging
from typing import Any

import pytest
from harness import SITES, Site

from coatcheck import CookieOptions


@pytest.mark.parametrize("later", [None, lambda _: None], ids=["whole", "streaming"])
@pytest.mark.parametrize("open_site", SITES)
def test_a_secure_cookie_over_http_is_warned_about_once(
    open_site: type[Site], later: Any, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(cookie=CookieOptions(secure=True))
    site.visit(lambda session: session.update(n=1), later=later)

    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "a new session was not stored" in warnings[0]


@pytest.mark.parametrize("open_site", SITES)
def test_a_session_is_found_under_a_cookie_path_that_is_percent_encoded(open_site: type[Site]) -> None:
    site = open_site(cookie=CookieOptions(path="/caf%C3%A9"))
    site.visit(lambda session: session.update(n=1), "/caf%C3%A9/menu")

    assert site.visit(lambda session: session["n"], "/caf%C3%A9").value == 1
    assert site.visit(lambda session: session, "/cafe").value is None
