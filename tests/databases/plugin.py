"""The fixtures ``databases`` and ``open_proxy``."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from databases.bench import Databases
from databases.containers import Containers
from databases.processes import Workshop
from databases.proxy import Proxy
from databases.server import Server

OpenProxy = Callable[[Server], Proxy]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    """What pytest-docker brings up."""
    return str(ROOT / "docker-compose.yml")


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    """How pytest-docker brings it up: without waiting, since each server is asked until it answers."""
    return ["up --detach"]


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Real servers: see the package ``databases``."""
    workshop = Workshop()
    try:
        yield Databases(workshop, Containers(request))
    finally:
        workshop.close()


@pytest.fixture
def open_proxy() -> Iterator[OpenProxy]:
    """Put a proxy before a server until the end of the test."""
    with ExitStack() as stack:
        yield lambda server: stack.enter_context(Proxy(server.host, server.port))
