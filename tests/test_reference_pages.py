"""The reference pages say everything that is public, with its type and default: they cannot drift."""

import ast
import collections.abc
import dataclasses
import re
import time
import types
import typing
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from functools import reduce
from inspect import Parameter, signature
from operator import or_
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import pytest
from harness import SITES, Site

import coatcheck
from coatcheck import (
    AsyncSession,
    ConfigurationError,
    Cookie,
    CookieOptions,
    Session,
    Store,
    Supports,
    ThreadedStore,
    asgi,
    errors,
    load_session,
    load_session_async,
    open_async_store,
    open_store,
    register,
    wsgi,
)
from coatcheck.codec import Codec, JSONCodec, SealingCodec
from coatcheck.options import Options, SessionOptions
from coatcheck_memory import MemoryStore, Table, opening

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


# -- types


def documented(text: str) -> set[str]:
    """Return the alternatives of the type that comes first in backticks: ``Literal["a", "b"] | None``."""
    found = re.search(r"`([^`]+)`", text)
    assert found, text
    spread = re.sub(r"Literal\[(.*?)\]", lambda literal: literal[1].replace(",", " |"), found[1])
    return {part.strip().removeprefix("coatcheck.") for part in spread.replace("\\|", "|").split("|")}


def written(hint: Any) -> set[str]:
    """Return the alternatives of an annotation as the pages write them."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return set().union(*map(written, arguments))
    if isinstance(hint, TypeVar):
        return written(hint.__bound__)
    if origin is Literal:
        return {f'"{choice}"' for choice in arguments}
    if origin is collections.abc.Callable:
        return {f"callable({'request' if arguments[0] else ''}) -> {joined(arguments[1])}"}
    if origin is Sequence:
        return {"list"}
    if origin is tuple:
        return {f"({', '.join(map(joined, arguments))})"}
    return {"None" if hint in (None, type(None)) else (origin or hint).__name__}


def joined(hint: Any) -> str:
    return " | ".join(sorted(written(hint)))


def returned(function: Any) -> Any:
    return get_type_hints(function)["return"]


# -- options

GIVEN = [get_type_hints(face.SessionMiddleware.__init__) for face in (wsgi, asgi)]
HINTS: dict[str, Any] = {
    **get_type_hints(SessionOptions),
    **{name: reduce(or_, (hints[name] for hints in GIVEN)) for name in ("secret", "store")},
}
DEFAULTS = {field.name: field.default for field in dataclasses.fields(Options) if field.init}
OPTIONS = sorted({*HINTS, *signature(wsgi.SessionMiddleware).parameters} - {"app", "options"})
WRONG_VALUES: dict[str, dict[str, object]] = {
    "secret": {"secret": ""},
    "store": {"store": "no scheme"},
    "name": {"name": "my shop"},
    "key": {"key": ""},
    "cookie": {"cookie": CookieOptions(), "name": "__Host-sid"},
    "max_size": {"max_size": 0},
    "ttl": {"ttl": 0},
    "touch_after": {"touch_after": -1},
    "max_lifetime": {"max_lifetime": 0},
    **{name: {name: "nonsense"} for name in ("unset", "on_conflict", "on_gone", "on_unavailable")},
}
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
    assert documented(head) == written(HINTS[option])


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_names_the_errors_that_wrong_types_and_values_raise(option: str) -> None:
    (raises,) = re.findall(r"^Raises .*?\n\n", sections("configuration")[option], re.MULTILINE | re.DOTALL)

    assert "`TypeError`" in raises
    with pytest.raises(TypeError):
        make({option: object()})
    assert ("`ConfigurationError`" in raises) == (option in WRONG_VALUES)
    if option in WRONG_VALUES:
        with pytest.raises(ConfigurationError):
            make(WRONG_VALUES[option])


def make(options: dict[str, Any]) -> object:
    secret = options.pop("secret", "k" * 16)
    return wsgi.SessionMiddleware(lambda environ, start_response: [], secret=secret, **options)


@pytest.mark.parametrize("option", ["ttl", "touch_after", "max_lifetime"])
def test_durations_name_their_unit(option: str) -> None:
    assert ", seconds ·" in sections("configuration")[option]


def test_the_options_page_has_no_option_that_does_not_exist() -> None:
    assert sorted(sections("configuration")) == OPTIONS


@pytest.mark.parametrize("protocol", [Codec, SealingCodec])
def test_every_method_of_a_codec_is_in_the_table_with_what_it_returns(protocol: type) -> None:
    section = sections("configuration")["codec"]
    table = re.findall(rf"^\| `{protocol.__name__}` \| `(.*)` \| (`.*?`) \|", section, re.MULTILINE)
    methods = {name: getattr(protocol, name) for name in sorted(public(protocol))}

    assert {heading: documented(cell) for heading, cell in table} == {
        call(name, method): written(returned(method)) for name, method in methods.items()
    }


# -- members


OF_A_MAPPING = public(MutableMapping)


@pytest.mark.parametrize("name", sorted((public(Session) | public(AsyncSession)) - OF_A_MAPPING))
def test_every_member_of_a_session_has_a_section_with_an_example(name: str) -> None:
    (section,) = [text for title, text in sections("session").items() if title.partition("(")[0] == name]

    assert "```python" in section
    member = getattr(Session, name)
    if isinstance(member, property):
        assert documented(section.strip().splitlines()[0]) == written(returned(member.fget))


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
    ("stores", "MemoryStore", MemoryStore),
    ("stores", "Table", Table),
    ("cookies", "Cookie", Cookie),
]


@pytest.mark.parametrize(("where", "name", "function"), METHODS, ids=[name for _, name, _ in METHODS])
def test_every_method_has_a_heading_with_its_arguments(
    where: str, name: str, function: Callable[..., Any]
) -> None:
    assert call(name, function) in sections(where)


@pytest.mark.parametrize(("where", "name", "function"), METHODS, ids=[name for _, name, _ in METHODS])
def test_every_method_says_what_it_returns_and_has_an_example(
    where: str, name: str, function: Callable[..., Any]
) -> None:
    section = sections(where)[call(name, function)].strip()
    arrow = re.match("(→ .*?)[.;,:\n]", section)

    assert "```python" in section or name == "register"
    if isinstance(function, type):
        assert arrow is None or documented(arrow[1]) == {name}
    elif name == "check_name" or not isinstance(returned(function), TypeVar):
        assert arrow
        assert documented(arrow[1]) == written(returned(function))


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
    if default in (time.time, time.monotonic):
        return f"=time.{default.__name__}"
    return f"={default!r}"


@pytest.mark.parametrize("field", dataclasses.fields(CookieOptions), ids=lambda field: field.name)
def test_every_cookie_option_is_in_the_table_with_its_default(field: dataclasses.Field[Any]) -> None:
    tables = page("cookies").partition("## The cookie of a session")[0]

    assert table_default(tables, field.name) == field.default
    assert table_type(tables, field.name) == written(get_type_hints(CookieOptions)[field.name])


@pytest.mark.parametrize(
    "name", sorted(name for name in public(Cookie) if not callable(getattr(Cookie, name)))
)
def test_every_attribute_of_a_cookie_is_in_the_table_with_its_default(name: str) -> None:
    tables = page("cookies").partition("## The cookie of a session")[2]

    assert table_default(tables, name) == getattr(Cookie(), name)
    member = vars(Cookie)[name]
    hint = (
        returned(member.fget) if isinstance(member, property) else get_args(get_type_hints(Cookie)[name])[0]
    )
    assert table_type(tables, name) == written(hint)


def test_the_members_of_cookie_options_are_all_described() -> None:
    fields = {field.name for field in dataclasses.fields(CookieOptions)}
    described = {title.partition("(")[0] for title in sections("cookies")}

    assert public(CookieOptions) - fields <= described
    lifetime: Any = CookieOptions.lifetime
    assert documented(sections("cookies")["lifetime"]) == written(returned(lifetime.fget))


@pytest.mark.parametrize("field", dataclasses.fields(Supports), ids=lambda field: field.name)
def test_every_capability_is_in_the_table_with_its_default(field: dataclasses.Field[Any]) -> None:
    tables = page("stores").partition("### `supports`")[2]

    assert table_default(tables, field.name) == field.default
    assert table_type(tables, field.name) == written(get_type_hints(Supports)[field.name])


def table_default(text: str, name: str) -> object:
    """Return the default that the first table with a row for ``name`` gives."""
    return literal(table_row(text, name)[1])


def table_type(text: str, name: str) -> set[str]:
    """Return the alternatives of the type that the first table with a row for ``name`` gives."""
    return documented(table_row(text, name)[0])


def table_row(text: str, name: str) -> list[str]:
    (row, *_) = re.findall(rf"^\| `{name}` \| (.*) \|$", text, re.MULTILINE)
    cells: list[str] = row.split(" | ")
    return cells


@pytest.mark.parametrize("name", sorted(public(Store)))
def test_every_member_of_a_store_is_on_its_page_with_what_it_returns_and_in_an_example(name: str) -> None:
    if name in sections("stores"):
        assert "```python" in sections("stores")[name]
        return
    calls = [cells for cells in rows("stores") if cells[0].startswith(f"`{name}(")]
    method = getattr(Store, name)
    result = returned(method)

    assert calls
    heading, kind, _ = calls[0]
    assert call(name, method) in heading
    if get_origin(result) is Iterator:
        assert kind.startswith("iterator of ")
        (result,) = get_args(result)
    assert documented(kind) == written(result)
    examples = "".join(re.findall(r"^```python\n(.*?)^```$", page("stores"), re.MULTILINE | re.DOTALL))
    assert name == "get_and_touch" or f".{name}(" in examples


def test_the_options_of_the_memory_store_are_in_its_table_with_their_defaults() -> None:
    given = signature(opening.open).parameters
    named = [name for name, parameter in given.items() if parameter.kind is Parameter.KEYWORD_ONLY]

    assert named
    for name in named:
        assert table_default(page("stores"), name) == given[name].default
        assert table_type(page("stores"), name) == written(get_type_hints(opening.open)[name])


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


# -- calls to the store


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def read(session: Any) -> None:
    session.get("n")


def count(
    open_site: type[Site], handler: Callable[[Any], Any], *, stored: bool = True, **options: Any
) -> int:
    """Count the calls that a visit makes: of a visitor with a stored session, or of a new one."""
    site = open_site(**options)
    if stored:
        site.visit(change)
    site.trace.take()
    site.visit(handler)
    return len(site.trace.operations)


def count_forged(open_site: type[Site]) -> int:
    site = open_site()
    site.visit(read, headers=[("Cookie", "sid=s%3Aforged.signature")])
    return len(site.trace.operations)


def regenerate(keep_data: bool, then: Callable[[Any], None]) -> Callable[[Any], None]:
    def act(session: Any) -> None:
        session.regenerate(keep_data=keep_data)
        then(session)

    return act


COUNTED: dict[str, Callable[[type[Site]], list[int]]] = {
    "no cookie, session unused or only read": lambda site: once(
        *(count(site, handler, stored=False) for handler in (read, lambda session: None))
    ),
    "forged cookie": lambda site: [count_forged(site)],
    "new session stored": lambda site: [count(site, change, stored=False)],
    "session read": lambda site: [count(site, read), count(site, read, rolling=True)],
    "session changed": lambda site: [count(site, change)],
    "`destroy()` of a loaded session": lambda site: [count(site, lambda session: session.destroy())],
    "`regenerate()` of a loaded session, changed or not": lambda site: once(
        *(count(site, regenerate(keep, then)) for keep in (True, False) for then in (read, change))
    ),
}


def once(*counts: int) -> list[int]:
    """Return the number that all of them are."""
    return sorted(set(counts))


@pytest.mark.parametrize("open_site", SITES)
def test_the_calls_to_the_store_are_as_many_as_the_page_says(
    open_site: type[Site],
) -> None:
    table = page("middleware").partition("| calls to the store |\n|---|---|\n")[2].partition("\n\n")[0]
    said = dict(re.findall(r"^\| (.*) \| (.*) \|$", table, re.MULTILINE))

    assert {
        request: [int(number) for number in re.findall(r"\d+", cell)] for request, cell in said.items()
    } == {request: counted(open_site) for request, counted in COUNTED.items()}
