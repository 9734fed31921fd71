"""What operators are told: one line for each request at DEBUG, warnings, and nothing that is secret."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from harness import SECRET, SITES, Site, settle

from coatcheck import CookieOptions

pytestmark = pytest.mark.parametrize("open_site", SITES)


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def read(session: Any) -> Any:
    return session.get("n")


async def change_and_save(session: Any) -> None:
    change(session)
    await settle(session.save())


def lines(caplog: pytest.LogCaptureFixture, visit: Callable[[], object], level: int) -> list[str]:
    """Return what Coatcheck logs at a level during a visit."""
    caplog.clear()
    visit()
    ours = [record for record in caplog.records if record.name == "coatcheck"]
    return [record.getMessage() for record in ours if record.levelno == level]


CASES: list[tuple[dict[str, Any], Any, list[str]]] = [
    ({}, lambda _: None, ["not saved: unmodified", "not sent: the browser has it"]),
    ({}, read, ["not saved: unmodified", "not sent: the browser has it"]),
    ({}, change, ["saved: modified", "not sent: the browser has it"]),
    ({}, change_and_save, ["not saved: saved already", "not sent: the browser has it"]),
    ({}, lambda session: session.touch(), ["renewed: touch()", "sent: touch()"]),
    ({}, lambda session: session.regenerate(), ["saved: regenerated", "sent: regenerated"]),
    ({}, lambda session: session.destroy(), ["destroyed", "sent: cleared"]),
    ({}, lambda session: session.unset(), ["not saved: unset", "not sent: unset"]),
    ({"rolling": True}, read, ["renewed: rolling", "sent: rolling"]),
    ({"resave": True}, read, ["saved: resave", "not sent: the browser has it"]),
    (
        {"cookie": CookieOptions(max_age=60)},
        change,
        ["saved: modified", "sent: renewed with the session"],
    ),
    (
        {},
        lambda session: setattr(session.cookie, "path", "/x"),
        ["saved: modified", "sent: cookie attributes changed"],
    ),
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("later", [None, lambda _: None], ids=["whole", "streaming"])
def test_one_line_for_each_request_says_why_it_was_saved_and_the_cookie_sent_or_not(
    open_site: type[Site], case: Any, later: Any, caplog: pytest.LogCaptureFixture
) -> None:
    options, handler, reasons = case
    site = open_site(**options)
    site.visit(change)

    (line,) = lines(caplog, lambda: site.visit(handler, later=later), logging.DEBUG)
    assert [reason for reason in reasons if reason not in line] == []


@pytest.mark.parametrize(
    ("options", "handler", "reasons"),
    [
        ({}, lambda _: None, ["not saved: new and unmodified", "not sent: nothing was saved"]),
        ({}, change, ["saved: modified", "sent: new session"]),
        ({"save_uninitialized": True}, read, ["saved: save_uninitialized", "sent: new session"]),
        ({}, lambda session: session.destroy(), ["destroyed", "not sent: the browser has none"]),
        (
            {"cookie": CookieOptions(secure=True)},
            change,
            [
                "not saved: its cookie cannot be sent",
                "Secure cookie over http, X-Forwarded-Proto not trusted",
            ],
        ),
        (
            {"cookie": CookieOptions(secure=True), "trust_proxy": True},
            change,
            ["not saved: its cookie cannot be sent", "X-Forwarded-Proto does not say https"],
        ),
    ],
)
def test_the_line_of_a_request_without_a_session_says_why_too(
    open_site: type[Site], options: Any, handler: Any, reasons: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(**options)

    (line,) = lines(caplog, lambda: site.visit(handler), logging.DEBUG)
    assert [reason for reason in reasons if reason not in line] == []


@pytest.mark.parametrize(
    ("act", "reason"),
    [(change, "not saved; cookie not sent"), (lambda session: session.destroy(), "destroyed;")],
)
def test_the_line_of_a_request_whose_application_raises_says_so(
    open_site: type[Site], act: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site()
    site.visit(change)

    def fail(session: Any) -> None:
        act(session)
        raise LookupError

    def visit() -> None:
        with pytest.raises(LookupError):
            site.visit(fail)

    (line,) = lines(caplog, visit, logging.DEBUG)
    assert reason in line
    assert line.endswith("the application raised")


def test_the_line_of_a_request_that_was_answered_with_503_says_so(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site()
    site.visit(change)
    site.outage()

    for _ in range(2):
        (line,) = lines(caplog, site.visit, logging.DEBUG)
        assert line.endswith("not loaded: the store is unavailable; answered with 503")


def test_a_session_can_be_followed_through_the_log_by_a_hash(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site()
    first, second = (lines(caplog, lambda: site.visit(change), logging.DEBUG)[0] for _ in range(2))
    site.another_browser()
    (other,) = lines(caplog, lambda: site.visit(change), logging.DEBUG)

    assert first.split()[:2] == second.split()[:2] != other.split()[:2]
    assert site.sid not in other


def test_a_cookie_that_is_withheld_is_warned_about_with_its_reason(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(cookie=CookieOptions(secure=True), rolling=True)
    site.visit(change, https=True)

    (warning,) = lines(caplog, lambda: site.visit(read), logging.WARNING)
    assert warning == (
        "a session's cookie could not be sent: Secure cookie over http, X-Forwarded-Proto not trusted"
    )


def test_forged_ids_are_warned_about_at_most_once_a_second(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site()
    site.browser.cookies["sid"] = "s%3Aforged.signature"

    def three_visits() -> None:
        for _ in range(3):
            site.visit(read)

    (warning,) = lines(caplog, three_visits, logging.WARNING)
    assert "does not verify" in warning


def test_a_corrupt_record_is_warned_about_without_its_content(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site()
    site.visit(change)
    site.plant(b"corrupt content")

    (warning,) = lines(caplog, lambda: site.visit(read), logging.WARNING)
    assert "cannot be read (JSONDecodeError)" in warning


def test_samesite_auto_without_secure_is_warned_about(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    (warning,) = lines(caplog, lambda: open_site(cookie=CookieOptions(samesite="auto")), logging.WARNING)
    assert "secure='auto'" in warning
    assert (
        lines(
            caplog, lambda: open_site(cookie=CookieOptions(samesite="auto", secure="auto")), logging.WARNING
        )
        == []
    )


def test_an_excluded_request_is_not_logged(open_site: type[Site], caplog: pytest.LogCaptureFixture) -> None:
    site = open_site(exclude=lambda _: True)

    assert lines(caplog, site.visit, logging.DEBUG) == []


def test_a_request_that_cannot_be_served_is_warned_about_though_nothing_is_saved(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(on_unavailable="anonymous")
    site.visit(change)
    site.outage()

    caplog.clear()
    site.visit(change)
    assert [record.levelname for record in caplog.records if record.name == "coatcheck"] == [
        "WARNING",
        "WARNING",
        "DEBUG",
    ]
    assert "not saved: the store is unavailable" in caplog.messages[-1]


HIDDEN = "what the visitor entrusted to us"


def hide(session: Any) -> None:
    session["entrusted"] = HIDDEN
    session["n"] = session.get("n", 0) + 1


async def end_and_save(session: Any) -> None:
    hide(session)
    session.destroy()
    await settle(session.save())


def unserialisable(session: Any) -> None:
    session["entrusted"] = HIDDEN
    session["broken"] = {"key": {HIDDEN}}


async def reload_after_clear(session: Any) -> None:
    session.clear()
    await settle(session.reload())


HANDLERS: list[Any] = [
    hide,
    read,
    repr,
    unserialisable,
    end_and_save,
    reload_after_clear,
    lambda session: session.regenerate(keep_data=True),
    lambda session: session.update(entrusted=HIDDEN * 5000),
    lambda session: session.update(entrusted=HIDDEN * 500),
    lambda session: session["missing"],
    lambda session: session.touch(),
    lambda session: session.unset(),
    lambda session: session.destroy(),
]


def disturbances(site: Site) -> list[Callable[[], object]]:
    """Return what may happen to a store and a browser between two requests."""
    return [
        lambda: None,
        site.outage,
        lambda: site.outage("replace", "set", "destroy"),
        lambda: site.plant(b'{"cookie":{},"entrusted":"' + HIDDEN.encode()),
        lambda: site.plant(b'{"entrusted":"' + HIDDEN.encode() + b'"}'),
        lambda: site.rival(theirs=HIDDEN),
        site.table.clear,
        lambda: site.browser.cookies.update(sid=f"s%3A{site.sid}.forged"),
        lambda: site.clock.advance(2000),
    ]


@pytest.mark.parametrize("on_unavailable", ["503", "raise", "anonymous"])
@pytest.mark.parametrize("rolling", [False, True])
def test_no_line_and_no_error_shows_an_id_contents_or_a_secret(
    open_site: type[Site], on_unavailable: Any, rolling: bool, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    ids: set[str] = set()
    for handler in HANDLERS:
        for number in range(9):
            site = open_site(
                on_unavailable=on_unavailable,
                rolling=rolling,
                max_lifetime=1000,
                max_size=100_000,
                on_gone="raise",
            )
            site.visit(hide)
            ids |= {site.sid, site.browser.cookies["sid"].rpartition(".")[2]}
            disturbances(site)[number]()
            try:
                site.visit(handler)
            except Exception as error:  # noqa: BLE001 (any error must keep the secrets)
                said += [str(error), repr(error)]
    said += [caplog.handler.format(record) for record in caplog.records]

    assert len(said) > 200
    for hidden in (HIDDEN, SECRET, *ids):
        assert [line for line in said if hidden in line] == []
