"""TLS and sockets in the file system."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis
from databases.bench import not_available
from databases.finding import Missing, program
from databases.processes import HOST, Daemon, Workshop, eventually, free_port

from coatcheck.errors import StoreUnavailable
from coatcheck.store import Store

Open = Callable[..., Store]


class Reachable(NamedTuple):
    """A server that is reached by TLS and by a socket in the file system, and by nothing else."""

    daemon: Daemon
    tls_url: str
    unix_url: str


@pytest.fixture(scope="module")
def server() -> Iterator[Reachable]:
    workshop = Workshop()
    try:
        yield start(workshop)
    except Missing as missing:
        not_available("redis-7.0", str(missing))
    finally:
        workshop.close()


def start(workshop: Workshop) -> Reachable:
    redis_server = program("redis-server", "7.0", "apt-get install redis-server", strict=True)
    folder = workshop.folder("redis-tls")
    certificate, key = certify(folder)
    port, path = free_port(), folder / "redis.sock"
    command: list[str | Path] = [
        redis_server,
        "--port",
        "0",
        "--bind",
        HOST,
        "--unixsocket",
        path,
        "--save",
        "",
    ]
    command += ["--tls-port", str(port), "--tls-auth-clients", "no"]
    command += ["--tls-cert-file", certificate, "--tls-key-file", key]
    daemon = workshop.daemon(command, folder)
    with redis.Redis(unix_socket_path=str(path)) as client:
        eventually("redis with TLS answers", lambda: client.ping() or None)
    return Reachable(daemon, f"rediss://{HOST}:{port}/0?ssl_ca_certs={certificate}", f"unix://{path}?db=1")


def certify(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for the loopback address that signs itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise Missing("no openssl to make a certificate with: apt-get install openssl")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=IP:{HOST}"),
            *("-out", certificate, "-keyout", key),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture(params=["tls", "unix"])
def url(request: pytest.FixtureRequest, server: Reachable) -> str:
    return server.tls_url if request.param == "tls" else server.unix_url


def test_records_are_kept_and_listed(url: str, open_on: Open) -> None:
    store = open_on(url, timeout=10)
    payload = b'"' + b"x" * 15_000_000 + b'"'
    store.set("id", payload, ttl=60)
    assert store.get_and_touch("id", ttl=90) == payload
    assert store.replace("id", b"1", ttl=60, expected=payload).written
    assert list(store.all()) == [("id", b"1")]
    store.clear()


def test_a_frozen_server_is_given_up(url: str, server: Reachable, open_on: Open) -> None:
    store = open_on(url, timeout=0.5)
    new = open_on(url, timeout=0.5)
    payload = b'"' + b"x" * 15_000_000 + b'"'
    writes: list[Callable[[], Any]] = [
        lambda: store.get("id"),
        lambda: store.set("id", payload, ttl=60),
        lambda: new.get("id"),
    ]
    store.get("id")
    server.daemon.pause()
    try:
        for write in writes:
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable):
                write()
            assert time.monotonic() - begun < 2.5
    finally:
        server.daemon.resume()

    def works() -> bool:
        store.set("id", b"1", ttl=60)
        return True

    assert eventually("the store works again", works)


def test_a_write_on_a_connection_that_the_server_closed_does_not_fail(
    url: str, server: Reachable, open_on: Open
) -> None:
    store = open_on(url, timeout=10)
    store.set("id", b"1", ttl=60)
    with redis.Redis(unix_socket_path=server.unix_url.removeprefix("unix://").partition("?")[0]) as client:
        client.client_kill_filter(_type="normal", skipme=True)
    store.set("id", b"2", ttl=60)
    assert store.get("id") == b"2"


def test_a_certificate_that_nobody_vouches_for_is_refused(server: Reachable, open_on: Open) -> None:
    with pytest.raises(StoreUnavailable):
        open_on(server.tls_url.partition("?")[0], timeout=10).get("id")
