"""How many calls a request makes to the store, and how it does without optional operations."""

from typing import Any

import pytest
from harness import SITES, Site, settle

from coatcheck import CookieOptions

pytestmark = pytest.mark.parametrize("open_site", SITES)

STYLES: list[dict[str, Any]] = [
    {},
    {"rolling": True},
    {"cookie": CookieOptions(max_age=60)},
    {"rolling": True, "cookie": CookieOptions(max_age=60)},
]
ALL_STYLES = pytest.mark.parametrize(
    "options", STYLES, ids=["plain", "rolling", "max_age", "rolling max_age"]
)


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def read(session: Any) -> Any:
    return session["n"]


async def change_and_save(session: Any) -> None:
    change(session)
    await settle(session.save())


def change_and_regenerate(session: Any) -> None:
    change(session)
    session.regenerate()


def destroy_and_regenerate(session: Any) -> None:
    session.destroy()
    session.regenerate()


def with_session(open_site: type[Site], **options: Any) -> Site:
    site = open_site(**options)
    site.visit(change)
    site.trace.take()
    return site


@ALL_STYLES
def test_an_unused_session_without_a_cookie_costs_no_call(open_site: type[Site], options: Any) -> None:
    site = open_site(**options)

    assert site.letters() == ""
    assert site.letters(lambda session: session.get("n")) == ""


@ALL_STYLES
def test_a_forged_cookie_costs_no_call(open_site: type[Site], options: Any) -> None:
    site = with_session(open_site, **options)
    site.browser.cookies["sid"] = site.browser.cookies["sid"][:-1] + "x"

    assert site.letters(lambda session: session.get("n")) == ""


@ALL_STYLES
@pytest.mark.parametrize("handler", [read, lambda _: None], ids=["read", "unused"])
def test_a_read_costs_one_call_and_with_rolling_two(
    open_site: type[Site], handler: Any, options: dict[str, Any]
) -> None:
    site = with_session(open_site, **options)

    assert site.letters(handler) == ("GT" if options.get("rolling") else "G")


@ALL_STYLES
@pytest.mark.parametrize("handler", [change, change_and_save], ids=["change", "save"])
def test_a_change_costs_two_calls(open_site: type[Site], handler: Any, options: Any) -> None:
    assert with_session(open_site, **options).letters(handler) == "GS"


@ALL_STYLES
def test_a_new_session_costs_one_call(open_site: type[Site], options: Any) -> None:
    assert open_site(**options).letters(change) == "S"


@ALL_STYLES
@pytest.mark.parametrize(
    ("handler", "letters"),
    [
        (lambda session: session.regenerate(), "GSD"),
        (lambda session: session.regenerate(keep_data=True), "GSS"),
        (change_and_regenerate, "GSD"),
        (lambda session: session.destroy(), "GD"),
        (destroy_and_regenerate, "GDS"),
    ],
    ids=["regenerate", "regenerate keeping", "change and regenerate", "destroy", "destroy and regenerate"],
)
def test_regenerate_and_destroy_cost_one_call_more_each(
    open_site: type[Site], handler: Any, letters: str, options: Any
) -> None:
    assert with_session(open_site, **options).letters(handler) == letters


@ALL_STYLES
def test_a_cookie_without_a_record_costs_one_call(open_site: type[Site], options: Any) -> None:
    site = with_session(open_site, **options)
    site.table.clear()

    assert site.letters(lambda session: session.get("n")) == "G"
    assert site.letters(change) == "GS"


def operations(site: Site, handler: Any) -> list[str]:
    site.trace.take()
    site.visit(handler)
    taken: list[str] = site.trace.take().operations
    return taken


def test_the_load_is_chosen_by_the_options(open_site: type[Site]) -> None:
    first = [operations(with_session(open_site, **options), read)[0] for options in STYLES]

    assert first == ["get_and_touch", "get", "get", "get"]


def test_without_get_and_touch_a_read_gets_and_then_touches(open_site: type[Site]) -> None:
    site = with_session(open_site, lacks=["get_and_touch"], ttl=100, touch_after=10)
    site.visit(read)

    assert [(name, options) for name, _, options in site.trace.calls] == [
        ("get", {}),
        ("touch", {"ttl": 100.0, "slack": 10.0}),
    ]


def test_without_get_and_touch_a_missing_record_is_not_touched(open_site: type[Site]) -> None:
    site = with_session(open_site, lacks=["get_and_touch"])
    site.table.clear()

    assert operations(site, lambda _: None) == ["get"]


@ALL_STYLES
def test_without_touch_nothing_is_renewed_but_by_changes(open_site: type[Site], options: Any) -> None:
    site = with_session(open_site, lacks=["touch", "get_and_touch"], **options)

    assert operations(site, read) == ["get"]
    assert operations(site, change) == ["get", "replace"]


def test_without_touch_the_cookie_still_rolls(open_site: type[Site]) -> None:
    site = with_session(open_site, lacks=["touch", "get_and_touch"], rolling=True)

    assert len(site.visit(read).set_cookies) == 1


def test_without_replace_a_change_gets_compares_and_sets(open_site: type[Site]) -> None:
    site = with_session(open_site, lacks=["replace"])

    assert operations(site, change) == ["get_and_touch", "get", "set"]
    assert site.data() == {"n": 2}


def test_without_replace_a_rivals_change_is_merged(open_site: type[Site]) -> None:
    site = with_session(open_site, lacks=["replace"])

    def handler(session: Any) -> None:
        change(session)
        site.rival(theirs=1)

    assert operations(site, handler) == ["get_and_touch", "get", "get", "set"]
    assert site.data() == {"n": 2, "theirs": 1}


def test_without_replace_a_session_that_is_gone_is_not_brought_back(open_site: type[Site]) -> None:
    site = with_session(open_site, lacks=["replace"])

    def handler(session: Any) -> None:
        change(session)
        site.table.clear()

    assert operations(site, handler) == ["get_and_touch", "get"]
    assert site.table.length() == 0


def test_without_replace_kept_data_moves_and_the_old_record_is_destroyed(open_site: type[Site]) -> None:
    site = with_session(open_site, lacks=["replace"])

    assert operations(site, lambda session: session.regenerate(keep_data=True)) == [
        "get_and_touch",
        "set",
        "get",
        "destroy",
    ]
    assert site.table.snapshot() == [site.sid]
    assert site.data() == {"n": 1}


def test_get_set_and_destroy_are_enough(open_site: type[Site]) -> None:
    site = open_site(lacks=["touch", "get_and_touch", "replace"])
    for _ in range(3):
        site.visit(change)
    site.visit(lambda session: session.regenerate(keep_data=True))
    assert site.visit(read).value == 3

    site.visit(lambda session: session.destroy())
    assert site.table.length() == 0
    assert set(site.trace.operations) == {"get", "set", "destroy"}
