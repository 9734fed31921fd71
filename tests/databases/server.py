"""A server that answers, whoever started it."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from databases.processes import Daemon, Ended, eventually

__all__ = ["Server"]


class Server:
    """A database server: where it is, which version it says it has, and what may be done to it."""

    def __init__(self, kind: str, url: str, daemons: Sequence[Daemon] = ()) -> None:
        self.kind = kind
        self.url = url
        self.daemons = tuple(daemons)
        self.version = ""
        self.version = eventually(f"{kind} answers", self.ask)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.version} on {self.host}:{self.port}>"

    @staticmethod
    def version_at(url: str) -> str:
        """Return the version that the server behind a URL reports; raise if it does not answer."""
        raise NotImplementedError

    @property
    def ours(self) -> bool:
        """Whether these tests started it, so that they may pause and kill it."""
        return bool(self.daemons)

    @property
    def host(self) -> str:
        """The host of the first address in the URL."""
        return self._first_address.rpartition(":")[0]

    @property
    def port(self) -> int:
        """The port of the first address in the URL."""
        return int(self._first_address.rpartition(":")[2])

    def url_at(self, port: int) -> str:
        """Return the URL with another port of the loopback interface, such as a proxy's."""
        parts = urlsplit(self.url)
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))

    def ask(self) -> str:
        """Return the version; raise if the server does not answer."""
        for daemon in self.daemons:
            if daemon.pid is None:
                raise Ended(f"{self.kind} has ended; its log:\n{daemon.log}")
        return self.version_at(self.url)

    def pause(self) -> None:
        """Freeze all its processes: connections are accepted by the system, nothing answers."""
        self._must_be_ours()
        for daemon in self.daemons:
            daemon.pause()

    def resume(self) -> None:
        """Let a paused server go on."""
        for daemon in self.daemons:
            daemon.resume()

    @contextmanager
    def paused(self) -> Generator[None]:
        """Freeze it for the block."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def kill(self) -> None:
        """End all its processes at once, as a power failure would."""
        self._must_be_ours()
        for daemon in self.daemons:
            daemon.kill()

    def restart(self) -> None:
        """Start what was killed, on the same ports and with the same data, and wait until it answers."""
        self._must_be_ours()
        for daemon in self.daemons:
            daemon.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when the server answers, after whatever was done to it."""
        eventually(f"{self.kind} answers again", self.ask)

    @property
    def _first_address(self) -> str:
        return urlsplit(self.url).netloc.rpartition("@")[2].split(",")[0]

    def _must_be_ours(self) -> None:
        if not self.ours:
            raise RuntimeError(f"{self.kind} was started by somebody else: take databases.own({self.kind!r})")
