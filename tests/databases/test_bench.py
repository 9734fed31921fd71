"""What cannot be had is skipped, or fails where it is required; what was started ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from databases import bench
from databases.bench import KINDS, REQUIRED, Databases, not_available, required
from databases.finding import Missing, program
from databases.processes import Workshop, eventually

ROOT = Path(__file__).parent.parent.parent
KIND = "redis-8.2"


@pytest.fixture
def nothing_to_be_found(monkeypatch: pytest.MonkeyPatch) -> Iterator[Databases]:
    """A bench on a machine that has no server, no engine and no URL."""

    def missing(*_: object, **__: object) -> Path:
        raise Missing("no program: install it")

    monkeypatch.setattr("databases.redis_servers.program", missing)
    monkeypatch.setattr(Databases, "_url", lambda self, known: None)
    with closing(Workshop()) as workshop:
        yield Databases(workshop, None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_missing_server_skips_the_test(
    monkeypatch: pytest.MonkeyPatch, nothing_to_be_found: Databases
) -> None:
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"redis-8\.2: no program: install it"):
        nothing_to_be_found.get(KIND)


@pytest.mark.parametrize("value", ["all", "redis-8.2", "mongodb, redis-8.2"])
def test_a_missing_server_fails_the_test_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch, nothing_to_be_found: Databases, value: str
) -> None:
    monkeypatch.setenv(REQUIRED, value)
    for take in (nothing_to_be_found.get, nothing_to_be_found.own, nothing_to_be_found.get):
        with pytest.raises(pytest.fail.Exception, match=f"redis-8.2 is required by {REQUIRED}: no program"):
            take(KIND)


def test_a_missing_server_skips_the_test_where_another_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED, "mongodb,redis-7.0")
    with pytest.raises(pytest.skip.Exception):
        not_available(KIND, "gone")


def test_a_misspelt_requirement_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED, "redis-8.2,mongo-db")
    with pytest.raises(pytest.UsageError, match=r"names mongo-db; known: all, redis-6\.2"):
        required(KIND)


def test_a_missing_driver_is_a_missing_server(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.delenv(REQUIRED, raising=False)
    monkeypatch.setitem(sys.modules, "databases.redis_servers", None)
    monkeypatch.setattr(Databases, "_url", lambda self, known: None)
    workshop = Workshop()
    request.addfinalizer(workshop.close)
    with pytest.raises(pytest.skip.Exception, match="is not installed"):
        Databases(workshop, None).get(KIND)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_program_of_another_version_is_no_substitute_where_the_version_counts() -> None:
    with pytest.raises(Missing, match=r"no python3 of version 2\.99 \(found: 3\..*\): take it somewhere"):
        program("python3", "2.99", "take it somewhere", strict=True)
    assert program("python3", "2.99", "").name == "python3"


def test_a_url_in_the_environment_comes_first(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, databases: Databases
) -> None:
    started = databases.own(KIND)
    monkeypatch.setenv("COATCHECK_TEST_REDIS_URL", started.url)
    workshop = Workshop()
    request.addfinalizer(workshop.close)
    other = Databases(workshop, None).get(KIND)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert (other.url, other.version, other.ours) == (started.url, started.version, False)
    for forbidden in (other.pause, other.kill, other.restart):
        with pytest.raises(RuntimeError, match="was started by somebody else"):
            forbidden()


def test_a_server_is_started_once(databases: Databases) -> None:
    assert databases.get(KIND) is databases.get(KIND)
    assert databases.own(KIND) is databases.own(KIND)
    assert databases.own(KIND).ours


def test_every_kind_that_has_a_variable_is_in_the_documentation() -> None:
    documentation = sys.modules["databases"].__doc__ or ""
    for name, kind in KINDS.items():
        assert name in documentation
        assert kind.variable in documentation


RUN = """
import os, signal, subprocess, time
from pathlib import Path
import pytest

def test_something(databases):
    server = databases.own("redis-8.2")
    postgres = databases.own("postgresql")
    pids = [daemon.pid for daemon in (*server.daemons, *postgres.daemons)]
    folders = [str(daemon.folder) for daemon in (*server.daemons, *postgres.daemons)]
    Path("started.tmp").write_text("\\n".join([*map(str, pids), *folders]))
    os.rename("started.tmp", "started")
    {then}
"""

ENDINGS: dict[str, tuple[str, Callable[[subprocess.Popen[bytes]], object]]] = {
    "passes": ("pass", lambda run: None),
    "fails": ("assert False", lambda run: None),
    "leaves a server paused": ("server.pause()", lambda run: None),
    "leaves a server killed": ("server.kill()", lambda run: None),
    "is interrupted": ("time.sleep(60)", lambda run: run.send_signal(signal.SIGINT)),
    "is killed": ("postgres.pause(); time.sleep(60)", lambda run: run.kill()),
    "is ended": ("time.sleep(60)", lambda run: run.terminate()),
    "ends without a goodbye": ("os._exit(1)", lambda run: None),
}


def none_runs(*pids: str) -> bool:
    """Tell whether all processes have ended."""
    return not any(psutil.pid_exists(int(pid)) for pid in pids)


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_process_and_no_folder_outlives_a_run_that(
    databases: Databases, tmp_path: Path, ending: str
) -> None:
    databases.own("postgresql")  # skipped here where there is none
    then, end = ENDINGS[ending]
    (tmp_path / "test_run.py").write_text(RUN.format(then=then))
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["databases.plugin"]\n')
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COATCHECK_")}
    run = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(tmp_path),
            str(tmp_path),
        ],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT / "tests")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        started = tmp_path / "started"
        eventually("the servers of the run", lambda: started.exists() or None)
        time.sleep(0.1)
        end(run)
        run.wait(60)
    finally:
        run.kill()
        run.wait()
    redis, postgres, *folders = started.read_text().splitlines()
    eventually("the end of the servers", lambda: none_runs(redis, postgres) or None, within=20)
    eventually("the end of the folders", lambda: not any(map(os.path.exists, folders)) or None, within=20)


def test_what_is_required_is_known() -> None:
    assert bench.REQUIRED == "COATCHECK_REQUIRE_SERVERS"
