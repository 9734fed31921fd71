"""What holds for the repository as a whole: layers, sizes, names, licences and the commands of the README."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import coatcheck
from coatcheck import errors

ROOT = Path(__file__).parent.parent
CORE = ROOT / "core" / "src" / "coatcheck"
BACKENDS = sorted(ROOT.glob("backends/*/src/coatcheck_*"))
SOURCES = sorted([*ROOT.glob("core/src/**/*.py"), *ROOT.glob("backends/*/src/**/*.py")])

LAYERS = [
    "errors",
    "_log",
    "store",
    "bridge",
    "registry",
    "_cookie_attributes",
    "_cookie_header",
    "cookie",
    "signing",
    "codec",
    "options",
    "engine",
    "_run",
    "session",
    "_setup",
    "wsgi",
    "asgi",
    "__init__",
]
PUBLIC_BESIDE_ERRORS = {
    "AsyncSession",
    "AsyncStore",
    "Cookie",
    "CookieOptions",
    "Replaced",
    "Session",
    "Store",
    "Supports",
    "ThreadedStore",
    "load_session",
    "load_session_async",
    "open_async_store",
    "open_store",
    "register",
}
LONGEST_FILE = 400
LONGEST_FUNCTION = 40


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path, package: str) -> Iterator[str]:
    """Yield the dotted names that a file imports from ``package``, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == package)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}:{node.lineno}: imports are absolute here"
            module = node.module or ""
            if module == package:
                yield from (f"{module}.{alias.name}" for alias in node.names)
            elif module.startswith(f"{package}."):
                yield module


def layer(path: Path) -> str:
    """Return the module, or the package, directly under ``coatcheck`` that the file belongs to."""
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def imported_layer(name: str) -> str:
    """Return the layer of a dotted name; what is no module of its own comes from the package itself."""
    module = name.removeprefix("coatcheck").lstrip(".").partition(".")[0]
    return module if module in LAYERS else "__init__"


def test_every_module_of_the_core_has_its_layer() -> None:
    present = {layer(path) for path in CORE.rglob("*.py")}

    assert present == set(LAYERS)


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=relative)
def test_a_lower_layer_never_imports_a_higher_one(path: Path) -> None:
    imported = [imported_layer(name) for name in imports(path, "coatcheck")]

    assert [name for name in imported if LAYERS.index(name) > LAYERS.index(layer(path))] == []


@pytest.mark.parametrize("backend", BACKENDS, ids=relative)
def test_a_backend_imports_only_the_store_and_the_errors_of_the_core(backend: Path) -> None:
    imported = {name for path in backend.rglob("*.py") for name in imports(path, "coatcheck")}

    assert imported <= {"coatcheck.store", "coatcheck.errors"}
    assert imported


def test_the_core_names_no_backend_in_an_import() -> None:
    packages = [backend.name for backend in BACKENDS]

    assert packages
    assert [
        name for path in CORE.rglob("*.py") for package in packages for name in imports(path, package)
    ] == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_file_fits_on_a_few_screens(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = [(node.name, (node.end_lineno or 0) - node.lineno + 1) for node in functions]

    assert [(name, length) for name, length in lengths if length > LONGEST_FUNCTION] == []


def test_coatcheck_exports_the_agreed_names_and_all_errors() -> None:
    error_names = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.CoatcheckError)
    }

    assert set(coatcheck.__all__) == PUBLIC_BESIDE_ERRORS | error_names
    assert [name for name in coatcheck.__all__ if not hasattr(coatcheck, name)] == []


@pytest.mark.parametrize("module", ["coatcheck", "coatcheck.wsgi", "coatcheck.asgi"])
def test_importing_the_core_brings_in_orjson_and_no_other_package(module: str) -> None:
    program = f"import sys; before = set(sys.modules); import {module}; print(*set(sys.modules) - before)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}

    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )

    # multiprocessing, of the standard library, enters the main module a second time.
    known = sys.stdlib_module_names | {"__mp_main__"}
    assert {name.partition(".")[0] for name in answer.stdout.split()} - known == {"coatcheck", "orjson"}


def test_the_readme_and_ci_run_the_same_test_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^(?:\$ )?(python -m pip install .*nox -s tests)$", readme, re.MULTILINE)

    answer = subprocess.run(
        ["bash", ROOT / ".ci" / "run", "--test-command"], check=True, capture_output=True, text=True
    )

    assert commands == [answer.stdout.strip()]


@pytest.mark.parametrize("project", ["core", *(relative(backend.parents[1]) for backend in BACKENDS)])
def test_every_package_ships_the_licence_and_its_types(project: str) -> None:
    licence = (ROOT / "LICENSE").read_bytes()

    assert (ROOT / project / "LICENSE").read_bytes() == licence
    assert len(list((ROOT / project).glob("src/*/py.typed"))) == 1
