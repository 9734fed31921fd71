"""Processes of servers: started on free ports, paused, killed, restarted, and always ended."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import psutil

__all__ = ["HOST", "STARTING_TIME", "Daemon", "Ended", "Workshop", "eventually", "free_port"]

T = TypeVar("T")

HOST = "127.0.0.1"
STARTING_TIME = 60.0
ENDING_TIME = 15.0
PORTS = range(15_000, 32_000)
"""Below the ports that systems give to clients: one that is free stays free while its server is down."""


class Ended(Exception):
    """A server has ended by itself: it is of no use to wait for it."""


def free_port() -> int:
    """Return a port of the loopback interface on which nobody listens."""
    for port in random.sample(PORTS, 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            return port
    raise RuntimeError("no free port was found in 100 tries")


def eventually(what: str, ask: Callable[[], T | None], within: float = STARTING_TIME) -> T:
    """Ask until there is an answer other than None, which is returned; errors count as none."""
    deadline = time.monotonic() + within
    failure: Exception | None = None
    while True:
        try:
            answer = ask()
        except Ended:
            raise
        except Exception as error:  # noqa: BLE001 (every driver has errors of its own)
            answer, failure = None, error
        if answer is not None:
            return answer
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {within:.0f} s; last error: {failure!r}")
        time.sleep(0.02)


class Workshop:
    """The folders and processes of one test run; whatever happens to the run, they end with it."""

    def __init__(self) -> None:
        self._daemons: list[Daemon] = []
        self._folders: list[Path] = []
        reaper = Path(__file__).with_name("reaper.py")
        # A session of its own: Ctrl-C ends the tests first, and the tests end the servers.
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(reaper)],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def folder(self, name: str, owner: int | None = None) -> Path:
        """Make an empty folder; ``owner`` is the id of the user it belongs to."""
        # Not below pytest's folders, which another user could not enter.
        folder = Path(tempfile.mkdtemp(prefix=f"coatcheck-{name}-"))
        self._folders.append(folder)
        self.tell(f"folder {folder}")
        if owner is not None:
            os.chown(folder, owner, owner)
        return folder

    def daemon(self, command: Sequence[str | Path], folder: Path, user: int | None = None) -> "Daemon":
        """Start a server that runs in the foreground, in ``folder``, where its output goes too."""
        daemon = Daemon(self, [str(word) for word in command], folder, user)
        self._daemons.append(daemon)
        daemon.start()
        return daemon

    def tell(self, line: str) -> None:
        """Let the reaper know what it may have to do."""
        assert self._reaper.stdin
        self._reaper.stdin.write(line + "\n")
        self._reaper.stdin.flush()

    def close(self) -> None:
        """End every process and remove every folder."""
        for daemon in reversed(self._daemons):
            daemon.end()
        assert self._reaper.stdin
        self._reaper.stdin.close()
        self._reaper.wait()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)


class Daemon:
    """One server process with its children; ``goodbye`` is a signal that ends it cleanly, if it needs one."""

    def __init__(self, workshop: Workshop, command: list[str], folder: Path, user: int | None) -> None:
        self._workshop = workshop
        self._command = command
        self._user = user
        self.goodbye: signal.Signals | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = folder

    @property
    def pid(self) -> int | None:
        """The id of the process, or None while it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def log(self) -> str:
        """The end of what the server has printed."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def status(self) -> str:
        """Return what the system says of the process, such as ``running`` or ``stopped``."""
        return str(psutil.Process(self.pid).status()) if self.pid is not None else "gone"

    def start(self) -> None:
        """Start the process, again with the same command after it was killed."""
        if self.pid is not None:
            return
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
            )
        self._workshop.tell(f"started {self._process.pid}")

    def pause(self) -> None:
        """Stop the process and its children where they are: connections stay, nothing answers."""
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
            # A thread that is busy stops a little later, and could still answer.
            eventually("a stop", partial(_has_stopped, process.pid), within=ENDING_TIME)

    def resume(self) -> None:
        """Let what was paused go on."""
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def kill(self) -> None:
        """End the process and its children at once, as a power failure would."""
        family = list(self._family())
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._reap()
        psutil.wait_procs(family, ENDING_TIME)

    def end(self) -> None:
        """End the process: cleanly where it has a ``goodbye``, else at once."""
        if self.goodbye and self._process and self.pid is not None:
            self.resume()
            self._process.send_signal(self.goodbye)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDING_TIME)
        self.kill()

    def _family(self) -> Iterator[psutil.Process]:
        if self.pid is None:
            return
        parent = psutil.Process(self.pid)
        yield parent
        # Looked for after the parent was dealt with: a paused parent has no new children.
        yield from parent.children(recursive=True)

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(ENDING_TIME)
            self._workshop.tell(f"ended {self._process.pid}")


def _has_stopped(pid: int) -> bool | None:
    """Return True when every thread of a process is stopped or has ended, as far as the system tells."""
    states: list[str] = []
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            states.append(stat.read_text().rpartition(")")[2].split()[0])
    return all(state in "TZX" for state in states) or None
