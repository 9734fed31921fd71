"""Each application under each server: a process that starts when a test asks for it and serves all tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from servers.required import need
from servers.running import running
from servers.sites import FILE_CONTENT, ON_ASGI, ON_WSGI, Site, named
from servers.visitors import Visitor

Starter = Callable[[str, str], Site]


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Start the site of a server and an application, or return the one that runs already."""
    sites: dict[tuple[str, str], Site] = {}
    with ExitStack() as stack:

        def start(server: str, application: str) -> Site:
            if (server, application) not in sites:
                folder = tmp_path_factory.mktemp(f"{application} on {server}")
                (folder / "file.bin").write_bytes(FILE_CONTENT)
                module = f"servers.applications_{application}:app"
                process = stack.enter_context(running(server, module, folder))
                sites[server, application] = Site(server, application, process)
            return sites[server, application]

        yield start


@pytest.fixture(params=ON_ASGI + ON_WSGI, ids=named)
def site(request: pytest.FixtureRequest, started: Starter) -> Site:
    """Every pair of server and application; a test may choose some by parametrizing it indirectly."""
    server, application = request.param
    need(server.partition(" ")[0], *([] if application.startswith("plain") else [application]))
    need("httpx" if server in ("uvicorn", "hypercorn") else "requests")
    return started(server, application)


@pytest.fixture
def visitor(site: Site) -> Iterator[Visitor]:
    """A visitor without cookies."""
    with site.visitor() as visitor:
        yield visitor
