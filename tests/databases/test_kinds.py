"""Every kind of server is what it says, and can be paused, killed, restarted and moved."""

import socket
from typing import Any, cast

import pytest

from databases.bench import KINDS, Databases
from databases.processes import eventually
from databases.server import Server

MOVING = ["redis-sentinel", "mongodb-replica-set"]


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, databases: Databases) -> Server:
    """One of every kind that these tests may stop."""
    return databases.own(request.param)


def answers(server: Server) -> bool:
    """Tell whether a server answers a new client."""
    with socket.create_connection((server.host, server.port), timeout=5) as connection:
        connection.settimeout(0.5)
        connection.sendall(b"PING\r\n" if server.kind.startswith("redis") else b"\x00")
        try:
            return bool(connection.recv(1))
        except TimeoutError:
            return False


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_answers_with_a_version(databases: Databases, kind: str) -> None:
    server = databases.get(kind)
    assert server.version == server.ask()


def test_a_server_that_was_started_reports_the_expected_version(server: Server) -> None:
    assert f"{server.version}.".startswith(f"{KINDS[server.kind].version}.")


def test_a_server_listens_on_the_loopback_interface_only(server: Server) -> None:
    assert server.host == "127.0.0.1"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((elsewhere(), server.port), timeout=2)


def elsewhere() -> str:
    """Return an address of this machine that is not the one servers listen on; nothing leaves the machine."""
    return "127.0.0.2"


@pytest.mark.faults
def test_a_paused_server_does_not_answer_and_goes_on_afterwards(server: Server) -> None:
    with server.paused():
        if server.kind.startswith(("redis", "mariadb")):  # the others wait for more than a byte
            assert not answers(server)
        for daemon in server.daemons:
            assert daemon.status() == "stopped"
    server.wait_until_ready()


@pytest.mark.faults
def test_a_killed_server_is_gone_and_comes_back_in_its_place(server: Server) -> None:
    before = (server.url, server.port, server.version)
    pids = [daemon.pid for daemon in server.daemons]
    server.kill()
    assert [daemon.pid for daemon in server.daemons] == [None] * len(pids)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port), timeout=5)
    server.restart()
    assert (server.url, server.port, server.version) == before
    assert None not in [daemon.pid for daemon in server.daemons]


@pytest.mark.parametrize("kind", ["redis-6.2", "redis-7.0", "redis-8.2"])
def test_redis_keeps_its_data_when_it_is_killed(databases: Databases, kind: str) -> None:
    server = databases.own(kind)
    import redis

    with redis.Redis.from_url(server.url) as client:
        client.set("kept", kind)
    server.kill()
    server.restart()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == kind.encode()


def test_postgresql_keeps_its_data_when_it_is_killed(databases: Databases) -> None:
    server = databases.own("postgresql")
    import psycopg

    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    server.kill()
    server.restart()
    with psycopg.connect(server.url, autocommit=True) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(1,)]
        connection.execute("DROP TABLE kept")


@pytest.mark.parametrize(
    ("kind", "zone"), [("postgresql", "UTC"), ("postgresql-new-york", "America/New_York")]
)
def test_postgresql_is_in_its_time_zone(databases: Databases, kind: str, zone: str) -> None:
    server = databases.own(kind)
    import psycopg

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SHOW timezone").fetchone() == (zone,)


def test_mariadb_keeps_its_data_when_it_is_killed(databases: Databases) -> None:
    server = databases.own("mariadb")
    import pymysql

    def connected() -> Any:
        parts = {"user": "coatcheck", "password": "cloakroom", "database": "coatcheck"}
        return pymysql.connect(host=server.host, port=server.port, autocommit=True, **cast(Any, parts))

    with connected() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 1 AS number")
    server.kill()
    server.restart()
    with connected() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT number FROM kept")
        assert cursor.fetchall() == ((1,),)
        cursor.execute("DROP TABLE kept")


@pytest.mark.faults
@pytest.mark.parametrize("kind", MOVING)
def test_a_failover_moves_the_master_and_can_be_repeated(databases: Databases, kind: str) -> None:
    server: Any = databases.own(kind)

    def master() -> int:
        return int(server.master_port if kind == "redis-sentinel" else server.primary_port)

    for _ in range(2):
        before = master()
        server.failover()
        assert master() != before


@pytest.mark.faults
@pytest.mark.parametrize("kind", MOVING)
def test_the_others_take_over_when_the_master_is_killed(databases: Databases, kind: str) -> None:
    server: Any = databases.own(kind)
    name = "master" if kind == "redis-sentinel" else "primary"
    before = getattr(server, f"{name}_port")
    getattr(server, name).kill()
    eventually("another takes over", lambda: getattr(server, f"{name}_port") != before or None)
    server.restart()


def test_a_cluster_has_three_masters(databases: Databases) -> None:
    server: Any = databases.own("redis-cluster")
    import redis

    with redis.RedisCluster(host="127.0.0.1", port=server.ports[0]) as client:
        assert sorted(node.port for node in client.get_primaries()) == sorted(server.ports)
