"""MariaDB: one server, with the settings it has out of the box but for the size of a packet."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pymysql

from databases.finding import Missing, candidates, program
from databases.processes import HOST, Workshop, free_port
from databases.server import Server

__all__ = ["MariaServer", "start_mariadb"]

VERSION = "10.11"
ADVICE = "apt-get install mariadb-server"
USER, PASSWORD, DATABASE = "coatcheck", "cloakroom", "coatcheck"


class MariaServer(Server):
    """One MariaDB or MySQL server."""

    @staticmethod
    def version_at(url: str) -> str:
        parts = urlsplit(url)
        connection = pymysql.connect(
            host=parts.hostname,
            port=parts.port or 3306,
            user=parts.username,
            password=parts.password or "",
            database=parts.path.lstrip("/"),
            connect_timeout=5,
            read_timeout=5,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            row = cursor.fetchone()
            assert row is not None
            return str(row[0])


def start_mariadb(workshop: Workshop, kind: str) -> Server:
    """Start one server."""
    server = program("mariadbd", VERSION, ADVICE)
    folder = workshop.folder(kind)
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    _make_tables(folder, as_root)
    port = free_port()
    daemon = workshop.daemon([server, *_settings(folder, port), *as_root], folder)
    return MariaServer(kind, f"mysql://{USER}:{PASSWORD}@{HOST}:{port}/{DATABASE}", [daemon])


def _make_tables(folder: Path, as_root: list[str]) -> None:
    installer = next(candidates("mariadb-install-db"), None)
    if installer is None:
        raise Missing(f"no mariadb-install-db: {ADVICE}")
    made = subprocess.run(
        [installer, "--no-defaults", f"--datadir={folder / 'data'}", "--skip-test-db", *as_root],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"mariadb-install-db failed: {made.stdout}{made.stderr}")
    (folder / "users.sql").write_text(
        f"CREATE DATABASE IF NOT EXISTS {DATABASE};\n"
        f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
        f"GRANT ALL ON *.* TO '{USER}'@'%';\n"
    )


def _settings(folder: Path, port: int) -> list[str]:
    return [
        "--no-defaults",
        f"--datadir={folder / 'data'}",
        f"--port={port}",
        f"--bind-address={HOST}",
        f"--socket={folder / 'socket'}",
        f"--init-file={folder / 'users.sql'}",
        "--skip-name-resolve",
        "--max-connections=300",
        "--innodb-buffer-pool-size=64M",
        # Payloads of 15 MB grow when a driver quotes them; MySQL's own default is as large.
        "--max-allowed-packet=64M",
        # A killed server finds what it answered in the system's cache; only a power failure would lose it.
        "--innodb-flush-log-at-trx-commit=2",
        "--innodb-flush-method=nosync",
    ]
