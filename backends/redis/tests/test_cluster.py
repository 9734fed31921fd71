"""On a cluster: redirections are followed, slots move, servers go away."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from databases.bench import Databases
from databases.processes import free_port
from databases.redis_servers import RedisCluster
from redis.crc import key_slot

from coatcheck.errors import StoreError, StoreUnavailable
from coatcheck.store import Store
from coatcheck_redis import RedisStore

Open = Callable[..., Store]
PREFIX = "on the cluster:"


@pytest.fixture
def server(databases: Databases) -> RedisCluster:
    server = databases.own("redis-cluster")
    assert isinstance(server, RedisCluster)
    return server


@pytest.fixture
def nodes(server: RedisCluster) -> Iterator[list[Any]]:
    """A client of each master."""
    with redis.Redis.from_url(server.url) as driver:
        client: Any = driver
        ports = [owner[1] for _, _, owner, *_ in client.execute_command("CLUSTER SLOTS")]
    nodes = [redis.Redis(host=server.host, port=port) for port in ports]
    yield nodes
    for node in nodes:
        node.close()


@pytest.fixture
def store(server: RedisCluster, open_for: Open) -> Iterator[Store]:
    store = open_for(server, prefix=PREFIX)
    yield store
    store.clear()


def calls(node: Any, command: str) -> int:
    return int(node.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))


def test_records_are_spread_over_all_masters_and_listed_once(store: Store, nodes: list[Any]) -> None:
    expected = {f"{n}": b"%d" % n for n in range(300)}
    for sid, payload in expected.items():
        store.set(sid, payload, ttl=60)
    assert all(node.dbsize() > 20 for node in nodes)
    assert sorted(store.ids()) == sorted(expected)
    assert dict(store.all()) == expected
    assert store.length() == 300


def test_a_key_is_asked_for_where_it_is(store: Store, nodes: list[Any]) -> None:
    store.set("id", b"1", ttl=60)
    for node in nodes:
        node.config_resetstat()
    for _ in range(10):
        store.get("id")
    assert sorted(calls(node, "get") for node in nodes) == [0, 0, 10]


def test_keys_are_removed_by_slot(store: Store, nodes: list[Any]) -> None:
    for n in range(100):
        store.set(f"{{same slot}}{n}", b"1", ttl=60)
        store.set(f"{n}", b"1", ttl=60)
    slots = {key_slot(f"{PREFIX}{n}".encode()) for n in range(100)} | {
        key_slot(f"{PREFIX}{{same slot}}".encode())
    }
    for node in nodes:
        node.config_resetstat()
    store.clear()
    assert store.length() == 0
    assert sum(calls(node, "unlink") for node in nodes) == len(slots)
    assert [node.info("errorstats") for node in nodes] == [{}, {}, {}]


@pytest.fixture
def moving(nodes: list[Any]) -> Iterator[Callable[[str], "Moving"]]:
    """Moves the slot of an id to another master, and back at the end."""
    begun: list[Moving] = []

    def start(sid: str) -> Moving:
        begun.append(Moving(nodes, f"{PREFIX}{sid}".encode()))
        return begun[-1]

    yield start
    for move in begun:
        move.finish()
        back = Moving(nodes, move.key)
        back.carry_over()
        back.finish()


class Moving:
    """A slot on its way from one master to another."""

    def __init__(self, nodes: list[Any], key: bytes) -> None:
        self.key = key
        self.slot = key_slot(key)
        self.nodes = nodes
        self.source = next(node for node in nodes if self._has(node))
        self.target = next(node for node in nodes if node is not self.source)
        self.names = {id(node): node.execute_command("CLUSTER MYID").decode() for node in nodes}
        self._set(self.target, "IMPORTING", self.names[id(self.source)])
        self._set(self.source, "MIGRATING", self.names[id(self.target)])

    def carry_over(self) -> None:
        port = self.target.connection_pool.connection_kwargs["port"]
        while keys := self.source.execute_command("CLUSTER GETKEYSINSLOT", self.slot, 100):
            self.source.execute_command("MIGRATE", "127.0.0.1", port, "", 0, 5000, "KEYS", *keys)

    def finish(self) -> None:
        for node in (self.target, self.source, *self.nodes):
            self._set(node, "NODE", self.names[id(self.target)])

    def _has(self, node: Any) -> bool:
        mine = node.execute_command("CLUSTER MYID").decode()
        for first, last, owner, *_ in node.execute_command("CLUSTER SLOTS"):
            if first <= self.slot <= last:
                return bool(owner[2].decode() == mine) if isinstance(owner[2], bytes) else owner[2] == mine
        return False

    def _set(self, node: Any, *state: str) -> None:
        node.execute_command("CLUSTER SETSLOT", self.slot, *state)


def test_a_slot_that_moves_is_followed_at_every_stage(store: Store, moving: Callable[[str], Moving]) -> None:
    store.set("id", b"1", ttl=60)
    move = moving("id")
    assert store.get("id") == b"1"
    assert store.replace("id", b"2", ttl=60, expected=b"1").written
    move.carry_over()  # from now on the source says ASK
    assert store.get("id") == b"2"
    assert store.get_and_touch("id", ttl=90) == b"2"
    assert store.replace("id", b"3", ttl=60, expected=b"2").written
    assert list(store.all()) == [("id", b"3")]
    move.finish()  # from now on MOVED
    assert store.get("id") == b"3"
    assert list(store.all()) == [("id", b"3")]
    assert store.destroy("id")
    store.set("id", b"4", ttl=60)
    store.clear()
    assert store.get("id") is None


def test_after_a_redirection_the_way_is_known(store: Store, moving: Callable[[str], Moving]) -> None:
    store.set("id", b"1", ttl=60)
    move = moving("id")
    move.carry_over()
    move.finish()
    assert store.get("id") == b"1"
    store.get("id")
    move.source.config_resetstat()
    for _ in range(10):
        store.get("id")
    assert "errorstat_MOVED" not in move.source.info("errorstats")


def test_without_one_master_the_records_of_the_others_are_served(
    server: RedisCluster, open_for: Open
) -> None:
    store = open_for(server, prefix=PREFIX, timeout=2)
    ids = [f"{n}" for n in range(60)]
    for sid in ids:
        store.set(sid, b"1", ttl=60)
    lost = server.daemons[0]
    lost.kill()
    try:
        outcomes = [outcome(store, sid) for sid in ids]
        assert {"found", "unavailable"} >= set(outcomes)
        assert outcomes.count("unavailable") > 5
    finally:
        lost.start()
        server.wait_until_ready()
    store.set("id", b"1", ttl=60)
    assert store.get("id") == b"1"
    store.clear()


def outcome(store: Store, sid: str) -> str:
    try:
        return "found" if store.get(sid) == b"1" else "lost"
    except StoreUnavailable:
        return "unavailable"


def test_a_cluster_of_which_no_server_answers_is_unavailable(open_on: Open, kind_of_code: str) -> None:
    if kind_of_code == "async":
        store = open_on(redis.asyncio.RedisCluster(host="127.0.0.1", port=free_port()))
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                store.get("id")
        return
    with pytest.raises(redis.RedisClusterException):  # the blocking client connects when it is made
        redis.RedisCluster(host="127.0.0.1", port=free_port())


def test_wrong_credentials_are_named(
    server: RedisCluster, open_on: Open, make_client: Callable[..., Any]
) -> None:
    client = make_client(server)
    manager = client.nodes_manager
    for node in [*manager.startup_nodes.values(), *manager.nodes_cache.values()]:
        pool = getattr(node, "redis_connection", None)
        arguments = pool.connection_pool.connection_kwargs if pool else node.connection_kwargs
        arguments.update(username="somebody", password="wrong")
    with pytest.raises(StoreError, match="user and password") as refused:
        open_on(client).get("id")
    assert not isinstance(refused.value, StoreUnavailable)


def test_what_is_no_string_is_refused_where_it_is(store: Store, server: RedisCluster) -> None:
    with redis.RedisCluster.from_url(server.url) as client:
        client.hset(f"{PREFIX}hash", "field", "value")
        with pytest.raises(StoreError, match="prefix"):
            store.get("hash")
        client.delete(f"{PREFIX}hash")


def test_what_the_application_does_on_connecting_is_done_after_the_login(server: RedisCluster) -> None:
    names: list[object] = []

    def on_connect(connection: Any) -> None:
        connection.send_command("CLIENT", "GETNAME")
        names.append(connection.read_response())

    url = f"{server.url}?client_name=the-application"
    client = redis.RedisCluster.from_url(url, redis_connect_func=on_connect)
    names.clear()
    with RedisStore(client, prefix=PREFIX) as store:
        store.get("id")
    assert names
    assert set(names) == {b"the-application"}
    client.close()
