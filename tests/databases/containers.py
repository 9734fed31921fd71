"""The servers of docker-compose.yml, where an engine answers."""

import os
import shutil
import subprocess

import pytest

__all__ = ["PORTS", "Containers"]

PASSWORDED = "coatcheck:cloakroom@"
URLS = {
    "redis": "redis://{address}/0",
    "mongo": "mongodb://{address}/coatcheck",
    "postgres": f"postgresql://{PASSWORDED}{{address}}/coatcheck",
    "mariadb": f"mysql://{PASSWORDED}{{address}}/coatcheck",
}
"""The URL of each service, which has the users that the file says."""

PORTS = {"redis": 6379, "mongo": 27017, "postgres": 5432, "mariadb": 3306}


class Containers:
    """The services of one project, brought up when the first is asked for and taken down with the run."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._answers: bool | None = None

    def url(self, service: str) -> str | None:
        """Return the URL of a service; None where there is no engine."""
        if not self._engine_answers():
            return None
        services = self._request.getfixturevalue("docker_services")
        host = self._request.getfixturevalue("docker_ip")
        return URLS[service].format(address=f"{host}:{services.port_for(service, PORTS[service])}")

    def _engine_answers(self) -> bool:
        if self._answers is None:
            plugin = self._request.config.pluginmanager.hasplugin("docker")
            self._answers = plugin and bool(shutil.which("docker")) and _answers()
            if self._answers:
                # Any free port: two runs at once do not meet.
                os.environ.update({f"COATCHECK_{service.upper()}_PORT": "0" for service in PORTS})
        return self._answers


def _answers() -> bool:
    try:
        asked = subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0
