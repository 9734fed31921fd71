"""A store of every subject, in a namespace of its own."""

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases.bench import Databases, not_available
from databases.plugin import OpenProxy
from databases.proxy import Proxy

from coatcheck import Store
from contract.homes import Home
from contract.subjects import SUBJECTS, Subject

Wait = Callable[[float], None]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for a subject over those that fit the test's marks."""
    if "subject" not in metafunc.fixturenames:
        return
    fitting = SUBJECTS
    for mark in metafunc.definition.iter_markers("subjects"):
        fitting = [subject for subject in fitting if mark.kwargs["fits"](subject)]
    metafunc.parametrize("subject", fitting, ids=str, scope="session", indirect=True)


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Subject:
    """The kind of store under test."""
    subject: Subject = request.param
    if importlib.util.find_spec(subject.package) is None:
        not_available(subject.kind or subject.package, f"{subject.package} is not installed")
    return subject


@pytest.fixture
def home(subject: Subject, databases: Databases, tmp_path: Path, open_proxy: OpenProxy) -> Iterator[Home]:
    """A namespace that no store was opened in before."""
    del open_proxy  # asked for only so that stores are closed before their proxies
    server = databases.get(subject.kind) if subject.kind else None
    home = Home(subject, server, tmp_path)
    yield home
    home.close()


@pytest.fixture
def proxy(home: Home, open_proxy: OpenProxy) -> Proxy:
    """A proxy before the server, for stores that are opened on its port."""
    assert home.server
    return open_proxy(home.server)


@pytest.fixture
def own_home(subject: Subject, databases: Databases, tmp_path: Path) -> Iterator[Home]:
    """The same on a server that these tests may freeze and kill."""
    assert subject.kind
    server = databases.own(subject.kind)
    home = Home(subject, server, tmp_path)
    yield home
    server.resume()
    server.restart()
    home.close()


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """A store in a namespace of its own."""
    store = home.open()
    yield store
    if store.supports.clear:
        store.clear()


@pytest.fixture
def short(subject: Subject) -> float:
    """A lifetime to wait for."""
    return 0.3 if subject.resolution < 0.1 else subject.resolution


@pytest.fixture
def outlive(subject: Subject) -> Wait:
    """Wait until a lifetime that began just now is over, however the store rounds it."""

    def wait(lifetime: float) -> None:
        time.sleep(lifetime + subject.resolution + 0.1)

    return wait
