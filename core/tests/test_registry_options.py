"""The options of stores in URLs, and errors that keep the secrets of URLs."""

import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import pytest
from harness.fake_backends import ASYNC, BACKEND, Install, installer

from coatcheck import (
    ConfigurationError,
    open_async_store,
    open_store,
    register,
    registry,
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    return installer(tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


def opened(url: str, **options: Any) -> Any:
    """Open a store of the fake backend, which tells what it was given."""
    return open_store(url, **options)


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("prefix=app%3A", "prefix", "app:"),
        ("prefix=5", "prefix", "5"),
        ("prefix=", "prefix", ""),
        ("prefix=none", "prefix", "none"),
        ("prefix=a+b", "prefix", "a b"),
        ("prefix=%C3%A9", "prefix", "é"),
        ("pool_size=20", "pool_size", 20),
        ("timeout=2.5", "timeout", 2.5),
        ("timeout=2", "timeout", 2.0),
        ("fast=true", "fast", True),
        ("fast=True", "fast", True),
        ("fast=1", "fast", True),
        ("fast=yes", "fast", True),
        ("fast=false", "fast", False),
        ("fast=0", "fast", False),
        ("fast=No", "fast", False),
        ("table=none", "table", None),
        ("table=None", "table", None),
        ("table=other", "table", "other"),
        ("limit=None", "limit", None),
        ("limit=7", "limit", 7),
        ("bare=1", "bare", "1"),
    ],
)
def test_an_option_in_the_query_is_converted_by_its_annotation(
    install: Install, query: str, name: str, value: object
) -> None:
    install("fake")
    store = opened(f"fake://host?{query}")

    assert repr(store.options[name]) == repr(value)
    assert store.url == "fake://host"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("pool_size=many", r"'pool_size' in the URL must be int-like, not 'many'"),
        ("pool_size=", r"'pool_size'.*int"),
        ("pool_size=1.5", r"'pool_size'.*int"),
        ("timeout=soon", r"'timeout'.*float"),
        ("fast=maybe", r"'fast'.*bool"),
        ("limit=all", r"'limit'.*int"),
        ("pool_size=1&pool_size=1", r"'pool_size' is given twice in the URL"),
        ("prefix=a&x=1&prefix=b", r"'prefix' is given twice in the URL"),
    ],
)
def test_a_wrong_option_in_the_query_is_refused_by_its_name(
    install: Install, query: str, message: str
) -> None:
    install("fake")

    with pytest.raises(ConfigurationError, match=message):
        open_store(f"fake://host?{query}")


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("fake://h/db?authSource=admin&w=majority", "fake://h/db?authSource=admin&w=majority"),
        ("fake://h/db?authSource=admin&pool_size=3&w=majority", "fake://h/db?authSource=admin&w=majority"),
        ("fake://h/db?w=1&w=2&prefix=x", "fake://h/db?w=1&w=2"),
        ("fake://h/db?flag=&prefix=x", "fake://h/db?flag="),
        ("fake://h/db?path=a%26b%3Dc&prefix=x", "fake://h/db?path=a%26b%3Dc"),
        ("fake://h/db?Prefix=x&prefix=y", "fake://h/db?Prefix=x"),
        ("fake://h/db?odd=%FF&x=a+b;c", "fake://h/db?odd=%FF&x=a+b;c"),
        ("fake://u:p%40ss@h:1/db?prefix=x", "fake://u:p%40ss@h:1/db"),
        ("fake://h/db?", "fake://h/db?"),
    ],
)
def test_what_is_no_option_of_the_store_stays_in_the_url_for_the_driver(
    install: Install, url: str, left: str
) -> None:
    install("fake")

    assert opened(url).url == left


def test_options_may_also_be_arguments(install: Install) -> None:
    install("fake")
    store = opened("fake:?timeout=3", pool_size=2)

    assert (store.options["timeout"], store.options["pool_size"]) == (3.0, 2)


def test_an_option_in_the_url_and_as_an_argument_is_given_twice(install: Install) -> None:
    install("fake")

    with pytest.raises(ConfigurationError, match=r"'prefix' is given twice: in the URL and as an argument"):
        open_store("fake:?prefix=a", prefix="a")


def test_an_unknown_argument_names_the_nearest_option(install: Install) -> None:
    install("fake")

    with pytest.raises(
        ConfigurationError, match=r"unknown option 'prefxi' of 'fake'.*did you mean 'prefix'\?"
    ):
        open_store("fake:", prefxi="a")
    with pytest.raises(ConfigurationError, match=r"known: bare, fast, limit, pool_size"):
        open_store("fake:", zzz=1)


def test_a_backend_may_take_arguments_that_it_does_not_name(install: Install) -> None:
    install("fake", BACKEND + ASYNC)
    store: Any = open_async_store("fake://h?anything=1", anything_else=2)

    assert (store.url, store.options) == ("fake://h?anything=1", {"anything_else": 2})


def test_what_an_open_raises_is_not_changed(install: Install) -> None:
    install("fake", "def open(url): raise ZeroDivisionError('theirs')")

    with pytest.raises(ZeroDivisionError, match="theirs"):
        open_store("fake:")


SECRET_URLS = [
    "nothing://user:hunter2@host/db",
    "fake://user:hunter2@host/db?pool_size=many",
    "fake://user:hunter2@host/db?prefix=a&prefix=b",
    "fake://user:hunter2@host/db?timeout=1&password=hunter2&timeout=2",
    "two://user:hunter2@host/db",
    "asynconly://user:hunter2@host/db",
    "hunter2",
    ":hunter2@host",
]


@pytest.mark.parametrize("url", SECRET_URLS)
def test_no_error_shows_a_password(install: Install, url: str) -> None:
    install("fake")
    install("two", distribution="first-backend")
    install("two", distribution="second-backend")
    register("asynconly", SimpleNamespace(open_async=lambda url: None))

    with pytest.raises(ConfigurationError) as refusal:
        open_store(url)
    shown = "".join(traceback.format_exception_only(refusal.value))
    assert "hunter2" not in f"{shown} {refusal.value.__cause__}"
    assert "user" not in shown


Seconds = Annotated[float, "not minutes"]


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (int | float, "1.5", 1.5),
        (int | float, "1", 1),
        (int | str, "all", "all"),
        (int | Literal["all"], "all", "all"),
        (bool | str, "x", "x"),
        ("Seconds | None", "2", 2.0),
        ("Seconds | None", "None", None),
    ],
)
def test_every_kind_of_a_union_is_tried(annotation: object, text: str, value: object) -> None:
    def opener(url: str, *, option: object = None) -> object:
        return option

    opener.__annotations__["option"] = annotation
    register("fake", SimpleNamespace(open=opener))

    assert repr(opened(f"fake:?option={text}")) == repr(value)


def test_a_text_that_fits_no_kind_of_a_union_is_refused() -> None:
    def opener(url: str, *, option: bool | int | None = None) -> object:
        return option

    register("fake", SimpleNamespace(open=opener))

    with pytest.raises(ConfigurationError, match=r"'option' .* must be bool-like or int-like, not 'all'"):
        opened("fake:?option=all")


class Opened:
    """A store whose class is the opener."""

    def __init__(self, url: str, /, *, timeout: float = 1.0) -> None:
        self.timeout = timeout


class Inherited(Opened):
    pass


class Calling:
    """A store whose instances are openers."""

    def __call__(self, url: str, /, *, timeout: "float" = 1.0) -> object:
        return SimpleNamespace(timeout=timeout)


@functools.lru_cache
def wrapped(url: str, *, timeout: "Seconds | None" = None) -> object:
    return SimpleNamespace(timeout=timeout)


def typed_elsewhere(url: str, *, timeout: float = 1.0, client: "NotImported | None" = None) -> object:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]
    return SimpleNamespace(timeout=timeout)


@pytest.mark.parametrize(
    "opener",
    [Opened, Inherited, functools.partial(Opened), Calling(), Calling().__call__, wrapped, typed_elsewhere],
    ids=["class", "subclass", "partial", "instance", "method", "wrapped", "name not imported"],
)
def test_any_callable_can_be_an_opener(opener: Callable[..., object]) -> None:
    register("fake", SimpleNamespace(open=opener))

    assert repr(opened("fake:?timeout=5").timeout) == "5.0"


@pytest.mark.parametrize(
    "query", ["odd=%FF", "flag", "options=-c%20a", "a=1;b=2", "a=b/c:d,e", "a=1&&b=2", "a==", "a=é?&A=%c3"]
)
def test_what_is_left_for_the_driver_is_left_as_it_was(install: Install, query: str) -> None:
    install("fake")

    assert opened(f"fake://h/d?{query}&prefix=x").url == f"fake://h/d?{query}"
    assert opened(f"fake://h/d?prefix=x&{query}").url == f"fake://h/d?{query}"


@pytest.mark.parametrize(
    "url", ["hunter2@host:6379", "user/hunter2@host:1521/db", "2hunter2:", "a+b@hunter2:"]
)
def test_what_has_no_scheme_is_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        open_store(url)

    assert "hunter2" not in str(refusal.value)
