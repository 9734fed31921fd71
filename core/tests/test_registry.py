"""From the scheme of a store URL to a store: entry points, registered backends, imports."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from harness.fake_backends import ASYNC, BACKEND, Install, installer

import coatcheck_memory
from coatcheck import (
    AsyncStore,
    BackendNotFound,
    ConfigurationError,
    Store,
    ThreadedStore,
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


# -- entry points


def test_a_backend_is_found_by_the_scheme_of_the_url(install: Install) -> None:
    install("fake")

    assert isinstance(open_store("fake:"), Store)
    assert opened("fake://host/db").url == "fake://host/db"


@pytest.mark.parametrize("url", ["fake+driver://host", "FAKE://host", "Fake+Driver:name", "fake:"])
def test_the_scheme_ends_at_a_plus_and_has_no_case(install: Install, url: str) -> None:
    install("fake")

    assert opened(url).url == url


def test_an_object_in_a_module_can_be_the_backend(tmp_path: Path, install: Install) -> None:
    module = install(
        "fake", "class Opener:\n    def open(self, url, *, n: int = 0): return (url, n)\nit = Opener()"
    )
    points = next(tmp_path.rglob("entry_points.txt"))
    points.write_text(f"[coatcheck.backends]\nfake = {module}:it\n")

    assert opened("fake:?n=3") == ("fake:", 3)


def test_two_packages_that_claim_one_scheme_are_both_named(install: Install) -> None:
    install("fake", distribution="first-backend")
    install("fake", distribution="second-backend")

    with pytest.raises(
        ConfigurationError, match=r"two packages claim .*'fake': first-backend and second-backend"
    ):
        open_store("fake:")


def test_a_registered_backend_settles_a_quarrel(install: Install) -> None:
    install("fake", distribution="first-backend")
    install("fake", distribution="second-backend")
    register("fake", SimpleNamespace(open=lambda url: url))

    assert opened("fake:mine") == "fake:mine"


@pytest.mark.parametrize(
    ("url", "extra"),
    [
        ("redis://h", "redis"),
        ("rediss://h", "redis"),
        ("unix:///s", "redis"),
        ("mongodb://h", "mongo"),
        ("mongodb+srv://h", "mongo"),
        ("sqlite:///f", "sql"),
        ("postgresql+asyncpg://h/d", "sql"),
        ("mysql://h/d", "sql"),
        ("mariadb://h/d", "sql"),
    ],
)
@pytest.mark.parametrize("opener", [open_store, open_async_store])
def test_a_missing_backend_of_ours_names_its_extra_and_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, opener: Callable[[str], object], url: str, extra: str
) -> None:
    only_memory = [point for point in entry_points(group="coatcheck.backends") if point.name == "memory"]
    monkeypatch.setattr(registry, "entry_points", lambda group: only_memory)

    with pytest.raises(BackendNotFound, match=rf'installed: memory\).*pip install "coatcheck\[{extra}\]"'):
        opener(url)


def test_an_unknown_scheme_names_the_nearest_one(install: Install) -> None:
    install("fake")

    with pytest.raises(
        BackendNotFound, match=r"'memry' \(installed: fake, .*memory.*did you mean 'memory'\?"
    ):
        open_store("memry:")
    with pytest.raises(BackendNotFound, match=r"did you mean 'postgresql'\?"):
        open_store("postgres://host/db")


def test_without_any_backend_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [])

    with pytest.raises(BackendNotFound, match=r"none is installed\); pip install \"coatcheck\[memory\]\""):
        open_store("memory:")


@pytest.mark.parametrize("url", ["", "memory", ":", "://host", "+driver:"])
@pytest.mark.parametrize("opener", [open_store, open_async_store])
def test_what_is_no_url_is_refused_with_an_example(opener: Callable[[str], object], url: str) -> None:
    with pytest.raises(ConfigurationError, match="'memory:'"):
        opener(url)


@pytest.mark.parametrize("url", [None, b"memory:", 5, Path("memory:")])
def test_what_is_no_text_is_a_type_error(url: Any) -> None:
    with pytest.raises(TypeError, match=rf"a store URL is a str, not {type(url).__name__}"):
        open_store(url)


# -- blocking and async


def test_blocking_stores_are_lent_where_there_are_no_async_ones(install: Install) -> None:
    install("fake")
    store = open_async_store("fake://h?pool_size=3")

    assert isinstance(store, ThreadedStore)
    asyncio.run(store.set("sid", b"1", ttl=60))
    assert asyncio.run(store.get("sid")) == b"1"
    asyncio.run(store.aclose())


def test_async_stores_are_preferred_where_there_are_some(install: Install) -> None:
    install("fake", BACKEND + ASYNC)
    store = open_async_store("fake:")

    assert isinstance(store, AsyncStore)
    assert not isinstance(store, ThreadedStore)


@pytest.mark.parametrize("mistake", [{"prefxi": 1}, {"prefix": "b"}])
def test_wrong_options_of_a_lent_store_are_refused_too(install: Install, mistake: dict[str, Any]) -> None:
    install("fake")

    with pytest.raises(ConfigurationError, match="prefix"):
        open_async_store("fake:?prefix=a", **mistake)


def test_a_backend_with_async_stores_only_says_what_to_use_instead() -> None:
    register("fake", SimpleNamespace(open_async=lambda url: url))

    with pytest.raises(ConfigurationError, match=r"'fake' offers async stores only: use open_async_store"):
        open_store("fake:")
    assert open_async_store("fake:") == "fake:"  # type: ignore[comparison-overlap]


# -- registering


def test_a_registered_backend_serves_its_scheme_before_any_entry_point(install: Install) -> None:
    install("fake", "raise AssertionError('imported')")
    register("fake", SimpleNamespace(open=lambda url: url))

    assert opened("fake:theirs") == "fake:theirs"


def test_registering_the_same_backend_again_is_no_error() -> None:
    register("fake", coatcheck_memory)
    register("fake", coatcheck_memory)


def test_a_scheme_is_registered_for_one_backend_only() -> None:
    register("fake", coatcheck_memory)

    with pytest.raises(ConfigurationError, match="'fake' is registered already"):
        register("fake", SimpleNamespace(open=lambda url: url))


@pytest.mark.parametrize("wrong", [None, object(), SimpleNamespace(opens=1)])
def test_a_backend_without_an_open_is_a_type_error(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"open\(url, \*\*options\)"):
        register("fake", wrong)


def test_a_registered_scheme_is_among_the_installed_ones() -> None:
    register("fake", coatcheck_memory)

    with pytest.raises(BackendNotFound, match=r"installed: .*fake"):
        open_store("nothing:")


# -- importing, and the memory backend


def test_a_backend_is_imported_when_it_is_used_and_not_before() -> None:
    program = """
import sys, coatcheck, coatcheck.wsgi, coatcheck.asgi
loaded = lambda: 'coatcheck_memory' in sys.modules
before = loaded()
try:
    coatcheck.open_store('nothing:')
except coatcheck.BackendNotFound:
    unknown = loaded()
coatcheck.open_store('memory:')
print(before, unknown, loaded())
"""
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert answer.stdout.split() == ["False", "False", "True"]


def test_memory_is_a_table_of_its_own_at_each_opening() -> None:
    first, second = open_store("memory:"), open_store("memory:")
    first.set("sid", b"1", ttl=60)

    assert second.get("sid") is None


def test_memory_with_a_name_is_shared_by_blocking_and_async_code(tmp_path: Path) -> None:
    url = f"memory:{tmp_path.name}"
    open_store(url).set("sid", b"1", ttl=60)

    assert asyncio.run(open_async_store(url).get("sid")) == b"1"
    assert open_store(url + "-other").get("sid") is None


def test_memory_takes_its_bound_from_the_url() -> None:
    store = open_store("memory:?max_sessions=2")
    for sid in "abc":
        store.set(sid, b"1", ttl=60)

    assert store.length() == 2
    with pytest.raises(ConfigurationError, match="max_sessions"):
        open_store("memory:?max_sessions=few")
    with pytest.raises(ConfigurationError, match="max_sessions"):
        open_store("memory:?max_session=2")


def test_a_scheme_is_registered_whatever_its_case() -> None:
    register("Fake", SimpleNamespace(open=lambda url: url))

    assert opened("fake:") == "fake:"
    with pytest.raises(ConfigurationError, match="'fake' is registered already"):
        register("FAKE", coatcheck_memory)


def test_an_entry_point_is_found_whatever_its_case(install: Install) -> None:
    install("Fake")

    assert opened("fAKE:").url == "fAKE:"
