"""Starts real servers in processes of their own on free loopback ports, and ends them."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers.gates import FOLDER_VARIABLE

__all__ = ["COMMANDS", "Running", "running"]

TESTS = Path(__file__).parent.parent
STARTING_TIME = 30.0
ENDING_TIME = 30.0
ATTEMPTS = 3
WARNINGS_ARE_SAID = {"PYTHONWARNINGS": "default", "PYTHONUNBUFFERED": "1"}

GUNICORN = ["gunicorn", "--bind={address}", "--no-control-socket", "--worker-tmp-dir={folder}", "{app}"]

COMMANDS: Mapping[str, list[str]] = {
    "uvicorn": ["uvicorn", "--host=127.0.0.1", "--port={port}", "--log-level=warning", "{app}"],
    "uvicorn with 2 workers": ["uvicorn", "--host=127.0.0.1", "--port={port}", "--workers=2", "{app}"],
    "hypercorn": ["hypercorn", "--bind={address}", "{app}"],
    "hypercorn with 2 workers": ["hypercorn", "--bind={address}", "--workers=2", "{app}"],
    "gunicorn sync": [*GUNICORN, "--worker-class=sync"],
    "gunicorn sync with 2 workers": [*GUNICORN, "--worker-class=sync", "--workers=2"],
    "gunicorn gthread": [*GUNICORN, "--worker-class=gthread", "--threads=20"],
    "waitress": ["servers.waitress_until_sigterm", "{port}", "{app}"],
}
"""How each server is started: a module and its arguments."""


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    @property
    def log(self) -> str:
        """What the server has printed so far."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def end(self) -> int:
        """Ask the server to end as an operator's tools do, by SIGTERM, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(ENDING_TIME)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"the server did not end by itself; its log:\n{self.log}") from None


@contextmanager
def running(server: str, application: str, folder: Path) -> Generator[Running]:
    """Run ``module:name`` under a server until the end of the block; ``folder`` gets its log."""
    started = _start(server, application, folder)
    try:
        yield started
    finally:
        started.end()


def _start(server: str, application: str, folder: Path) -> Running:
    log = ""
    for _ in range(ATTEMPTS):
        started = _launch(server, application, folder)
        if _answers(started):
            return started
        started.end()  # another process may have taken the port meanwhile
        log = started.log
    raise RuntimeError(f"{server} does not serve {application}; its log:\n{log}")


def _launch(server: str, application: str, folder: Path) -> Running:
    port = _free_port()
    values = {"port": port, "address": f"127.0.0.1:{port}", "folder": folder, "app": application}
    arguments = [argument.format(**values) for argument in COMMANDS[server]]
    search_path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    own = {"PYTHONPATH": search_path, FOLDER_VARIABLE: str(folder)}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={**os.environ, **WARNINGS_ARE_SAID, **own},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return Running(process, port, folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(started: Running) -> bool:
    """Ask until the server answers; False if it ended, or takes too long."""
    deadline = time.monotonic() + STARTING_TIME
    while started.process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", started.port, timeout=STARTING_TIME)
        try:
            connection.request("GET", "/records")
            connection.getresponse()
        except OSError:
            time.sleep(0.02)
        else:
            return True
        finally:
            connection.close()
    return False
