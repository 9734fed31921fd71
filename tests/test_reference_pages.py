"""The reference pages say everything that is public, with its type and default: they cannot drift."""

import ast
import dataclasses
import re
import time
from collections.abc import Callable, Iterator, MutableMapping
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

import coatcheck
from coatcheck import (
    AsyncSession,
    Cookie,
    CookieOptions,
    Session,
    Store,
    Supports,
    ThreadedStore,
    errors,
    load_session,
    load_session_async,
    open_async_store,
    open_store,
    register,
    wsgi,
)
from coatcheck.codec import JSONCodec
from coatcheck.options import Options, SessionOptions
from coatcheck_memory import opening

ROOT = Path(__file__).parent.parent


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def sections(name: str) -> dict[str, str]:
    """Map what stands in backticks in a heading of the third level to the text below it."""
    parts = re.split(r"^#{2,3} (.*)$", page(name), flags=re.MULTILINE)
    titles = dict(zip(parts[1::2], parts[2::2], strict=True))
    return {title.strip("`"): text for title, text in titles.items() if title.startswith("`")}


def rows(name: str) -> list[list[str]]:
    """Return the cells of all tables of a page."""
    return [line.split(" | ") for line in re.findall(r"^\| (.*) \|$", page(name), re.MULTILINE)]


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def literal(text: str) -> object:
    """Return the value that a default in backticks stands for."""
    return ast.literal_eval(text.strip("`"))


# -- options

HINTS = get_type_hints(SessionOptions)
DEFAULTS = {field.name: field.default for field in dataclasses.fields(Options) if field.init}
OPTIONS = sorted({*HINTS, *set(signature(wsgi.SessionMiddleware).parameters)} - {"app", "options"})
IN_WORDS: dict[str, str] = {
    "secret": "required",
    "store": 'default `"memory:"`',
    "key": 'default `"session"` in ASGI, `"coatcheck.session"` in WSGI',
    "cookie": "default `CookieOptions()`",
    "generate_id": "default 24 random bytes in base64url (32 characters)",
    "clock": "default `time.time`",
    "codec": "default JSON, strict (`coatcheck.codec.JSONCodec`)",
}


def test_what_the_options_page_says_in_words_holds() -> None:
    parameters = signature(wsgi.SessionMiddleware).parameters
    options = Options(secret="sixteen bytes or more")

    assert parameters["secret"].default is Parameter.empty
    assert parameters["store"].default == "memory:"
    assert options.key == "session"
    assert options.cookie == CookieOptions()
    assert len(options.generate_id({})) == 32
    assert options.clock is time.time
    assert type(options.codec) is JSONCodec


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_has_a_section_with_its_type_default_and_an_example(option: str) -> None:
    section = sections("configuration")[option]
    head = section.strip().splitlines()[0]

    assert "```python" in section
    if option in IN_WORDS:
        assert head.endswith(f" · {IN_WORDS[option]}")
    else:
        assert literal(head.rpartition("default ")[2]) == DEFAULTS[option]
    for choice in choices(HINTS.get(option)):
        assert f'"{choice}"' in head


def choices(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Literal:
        yield from get_args(hint)


@pytest.mark.parametrize("option", ["ttl", "touch_after", "max_lifetime"])
def test_durations_name_their_unit(option: str) -> None:
    assert ", seconds ·" in sections("configuration")[option]


def test_the_options_page_has_no_option_that_does_not_exist() -> None:
    assert sorted(sections("configuration")) == OPTIONS


# -- members


OF_A_MAPPING = public(MutableMapping)


@pytest.mark.parametrize("name", sorted((public(Session) | public(AsyncSession)) - OF_A_MAPPING))
def test_every_member_of_a_session_has_a_section_with_an_example(name: str) -> None:
    (section,) = [text for title, text in sections("session").items() if title.partition("(")[0] == name]

    assert "```python" in section


@pytest.mark.parametrize("name", sorted(OF_A_MAPPING))
def test_every_method_of_a_mapping_is_named_on_the_page_of_the_session(name: str) -> None:
    assert f"`{name}`" in page("session").partition("## What is known of it")[0]


METHODS: list[tuple[str, str, Callable[..., Any]]] = [
    *(
        ("session", name, getattr(Session, name))
        for name in ("save", "reload", "transact", "touch", "regenerate", "destroy", "unset")
    ),
    *(
        ("cookies", name, getattr(Cookie, name))
        for name in sorted(public(Cookie))
        if callable(getattr(Cookie, name))
    ),
    ("cookies", "check_name", CookieOptions.check_name),
    *(("stores", function.__name__, function) for function in (open_store, open_async_store)),
    *(("stores", function.__name__, function) for function in (load_session, load_session_async)),
    ("stores", "register", register),
    ("stores", "ThreadedStore", ThreadedStore),
]


@pytest.mark.parametrize(("where", "name", "function"), METHODS, ids=[name for _, name, _ in METHODS])
def test_every_method_has_a_heading_with_its_arguments(
    where: str, name: str, function: Callable[..., Any]
) -> None:
    assert call(name, function) in sections(where)


def call(name: str, function: Callable[..., Any]) -> str:
    """Return a call as the pages write it: names, defaults, no types."""
    texts: list[str] = []
    for parameter in signature(function).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is Parameter.KEYWORD_ONLY and "*" not in texts:
            texts.append("*")
        stars = "**" if parameter.kind is Parameter.VAR_KEYWORD else ""
        texts.append(f"{stars}{parameter.name}{shown_default(parameter.default)}")
    return f"{name}({', '.join(texts)})"


def shown_default(default: Any) -> str:
    if default is Parameter.empty:
        return ""
    return "=time.time" if default is time.time else f"={default!r}"


@pytest.mark.parametrize("field", dataclasses.fields(CookieOptions), ids=lambda field: field.name)
def test_every_cookie_option_is_in_the_table_with_its_default(field: dataclasses.Field[Any]) -> None:
    tables = page("cookies").partition("## The cookie of a session")[0]

    assert table_default(tables, field.name) == field.default


@pytest.mark.parametrize(
    "name", sorted(name for name in public(Cookie) if not callable(getattr(Cookie, name)))
)
def test_every_attribute_of_a_cookie_is_in_the_table_with_its_default(name: str) -> None:
    tables = page("cookies").partition("## The cookie of a session")[2]

    assert table_default(tables, name) == getattr(Cookie(), name)


def test_the_members_of_cookie_options_are_all_described() -> None:
    fields = {field.name for field in dataclasses.fields(CookieOptions)}
    described = {title.partition("(")[0] for title in sections("cookies")}

    assert public(CookieOptions) - fields <= described


@pytest.mark.parametrize("field", dataclasses.fields(Supports), ids=lambda field: field.name)
def test_every_capability_is_in_the_table_with_its_default(field: dataclasses.Field[Any]) -> None:
    tables = page("stores").partition("### `supports`")[2]

    assert table_default(tables, field.name) == field.default


def table_default(text: str, name: str) -> object:
    """Return the default that the first table with a row for ``name`` gives."""
    (row, *_) = re.findall(rf"^\| `{name}` \| (.*) \|$", text, re.MULTILINE)
    return literal(row.split(" | ")[1])


@pytest.mark.parametrize("name", sorted(public(Store)))
def test_every_member_of_a_store_is_on_its_page(name: str) -> None:
    firsts = [cells[0] for cells in rows("stores")]
    calls = [cell for cell in firsts if cell.startswith(f"`{name}(")]

    if name in sections("stores"):
        return
    assert calls
    expected = call(name, getattr(Store, name))
    assert expected in calls[0]


def test_the_options_of_the_memory_store_are_in_its_table_with_their_defaults() -> None:
    given = signature(opening.open).parameters
    named = [name for name, parameter in given.items() if parameter.kind is Parameter.KEYWORD_ONLY]

    assert named
    for name in named:
        assert table_default(page("stores"), name) == given[name].default


def test_every_error_is_in_the_table_with_the_builtins_it_inherits() -> None:
    table = {cells[0].strip("`"): set(re.findall(r"`(\w+)`", cells[1])) for cells in rows("session")}

    for name in errors.__all__:
        error = getattr(errors, name)
        if isinstance(error, type):
            builtins = {base.__name__ for base in error.__bases__ if base.__module__ == "builtins"}
            assert builtins - {"Exception"} <= table[name], name


def test_every_exported_name_is_somewhere_in_the_pages() -> None:
    everything = "".join(page(path.stem) for path in ROOT.glob("docs/*.md"))

    assert [name for name in coatcheck.__all__ if name not in everything] == []
