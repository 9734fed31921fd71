"""Every member of the session, in both shells."""

from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from harness import SITES, Site, settle

from coatcheck import Cookie, CookieOptions

pytestmark = pytest.mark.parametrize("open_site", SITES)


def with_session(open_site: type[Site], **options: Any) -> Site:
    site = open_site(**options)
    site.visit(lambda session: session.update(n=1, cart={"items": ["coat"]}))
    site.trace.take()
    return site


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


# -- the mapping


def test_a_session_is_a_mutable_mapping(open_site: type[Site]) -> None:
    def use(session: Any) -> None:
        assert session == {}
        session.update({"a": 1}, b=2)
        session |= {"c": 3}
        assert session.setdefault("d", []) == []
        assert (session.pop("a"), session.pop("a", None)) == (1, None)
        del session["b"]
        with pytest.raises(KeyError):
            del session["b"]
        with pytest.raises(KeyError):
            session["b"]
        assert session.get("b", 7) == 7
        assert "c" in session
        assert "b" not in session
        assert (list(session), len(session), bool(session)) == (["c", "d"], 2, True)
        assert dict(session.items()) == {"c": 3, "d": []}

    site = open_site()
    assert isinstance(site.visit(lambda session: session).value, MutableMapping)
    site.visit(use)
    assert site.data() == {"c": 3, "d": []}


def test_data_comes_back_as_it_was(open_site: type[Site]) -> None:
    data = {
        "text": "é\u2028",
        "n": 2**53 - 1,
        "x": -0.5,
        "none": None,
        "yes": True,
        "list": [{"a": []}],
        "": "",
    }
    site = open_site()
    site.visit(lambda session: session.update(data))

    assert site.visit(dict).value == data
    assert list(site.visit(list).value) == list(data)


@pytest.mark.parametrize("key", ["cookie", "__started"])
def test_reserved_keys_cannot_be_read_or_written(open_site: type[Site], key: str) -> None:
    def use(session: Any) -> Any:
        with pytest.raises(KeyError, match="reserved"):
            session[key]
        with pytest.raises(ValueError, match="reserved"):
            session[key] = 1
        with pytest.raises(ValueError, match="reserved"):
            session.update({key: 1})
        with pytest.raises(KeyError):
            del session[key]
        return key in session, session.get(key)

    assert with_session(open_site).visit(use).value == (False, None)


@pytest.mark.parametrize("name", ["save", "id", "touch", "req", "modified", "user"])
def test_any_other_key_is_the_applications_also_where_a_member_has_its_name(
    open_site: type[Site], name: str
) -> None:
    site = open_site()
    site.visit(lambda session: session.update({name: {"cookie": 1}}))

    assert site.visit(dict).value == {name: {"cookie": 1}}


def test_a_nested_key_called_cookie_counts_as_a_change(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(lambda session: session.update(user={"cookie": 1}))
    site.visit(lambda session: session["user"].update(cookie=2))

    assert site.data() == {"user": {"cookie": 2}}


def test_repr_shows_no_contents_and_no_id(open_site: type[Site]) -> None:
    site = with_session(open_site)
    shown = site.visit(repr).value

    assert shown == f"<{type(site.visit(lambda session: session).value).__name__} with 2 keys>"


# -- what is known of it


def test_id_is_new_modified_and_accessed_of_a_new_session(open_site: type[Site]) -> None:
    def look(session: Any) -> Any:
        before = session.accessed, session.modified
        assert session.is_new
        assert session.id == session.id != ""
        after_a_read = session.accessed, session.modified
        session["a"] = 1
        return before, after_a_read, session.modified

    assert open_site().visit(look).value == ((False, False), (True, False), True)


def test_id_and_is_new_of_a_session_that_came_with_the_request(open_site: type[Site]) -> None:
    site = with_session(open_site)

    assert site.visit(lambda session: (session.id, session.is_new)).value == (site.sid, False)


def nested(session: Any) -> None:
    session["cart"]["items"].append("hat")


def delete(session: Any) -> None:
    del session["n"]


UNMODIFIED = [
    dict,
    lambda session: session["cart"]["items"].sort(),
    lambda session: session.update(n=1),
    lambda session: session.pop("missing", None),
    lambda session: setattr(session.cookie, "path", "/"),
]
MODIFIED = [
    nested,
    delete,
    lambda session: session.clear(),
    lambda session: session.update(n=True),
    lambda session: session.update(more=None),
    lambda session: setattr(session.cookie, "priority", "low"),
]


@pytest.mark.parametrize(
    ("handler", "modified"), [(h, False) for h in UNMODIFIED] + [(h, True) for h in MODIFIED]
)
def test_modified_tells_of_nested_changes_too(open_site: type[Site], handler: Any, modified: bool) -> None:
    def change_and_look(session: Any) -> Any:
        handler(session)
        return session.modified

    site = with_session(open_site)
    assert site.visit(change_and_look).value is modified
    assert site.trace.letters == ("GS" if modified else "G")


def test_a_change_that_was_taken_back_is_none(open_site: type[Site]) -> None:
    def change_and_take_back(session: Any) -> Any:
        session["n"] = 2
        session["n"] = 1
        return session.modified

    site = with_session(open_site)
    assert site.visit(change_and_take_back).value is False
    assert site.trace.letters == "G"


def test_modified_stays_true_after_save(open_site: type[Site]) -> None:
    async def save(session: Any) -> Any:
        change(session)
        await settle(session.save())
        return session.modified

    assert with_session(open_site).visit(save).value is True


def test_the_cookie_shows_the_attributes(open_site: type[Site]) -> None:
    options = CookieOptions(path="/app", domain="example.com", max_age=60, samesite="lax", priority="low")
    site = open_site(cookie=options, rolling=True)

    def look(session: Any) -> None:
        cookie = session.cookie
        assert isinstance(cookie, Cookie)
        assert (cookie.path, cookie.domain, cookie.samesite, cookie.priority) == (
            "/app",
            "example.com",
            "lax",
            "low",
        )
        assert (cookie.secure, cookie.httponly, cookie.partitioned) == (False, True, False)
        assert (cookie.max_age, cookie.original_max_age) == (60, 60)
        assert cookie.expires == datetime.fromtimestamp(site.clock(), UTC) + timedelta(seconds=60)
        session["seen"] = True

    site.visit(look, "/app")
    site.visit(look, "/app")
