"""Distributions with a store backend, written into a folder and installed for one test."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BACKEND = """
from coatcheck_memory import MemoryStore, AsyncMemoryStore

def note(store, url, options):
    store.url, store.options = url, options
    return store

def open(url, *, prefix: str = "", pool_size: int = 5, timeout: float = 1.0, fast: bool = False,
         table: "str | None" = "session", limit: int | None = None, bare="x"):
    return note(MemoryStore(), url, {"prefix": prefix, "pool_size": pool_size, "timeout": timeout,
                                     "fast": fast, "table": table, "limit": limit, "bare": bare})
"""
ASYNC = """
def open_async(url, **options):
    return note(AsyncMemoryStore(), url, options)
"""

Install = Callable[..., str]


def installer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that puts a distribution with one backend where the interpreter finds it."""

    def install(scheme: str, source: str = BACKEND, *, distribution: str = "fake-backend") -> str:
        name = distribution.replace("-", "_")
        module = f"{name}_for_{scheme}"
        information = folder / distribution / f"{name}-1.0.dist-info"
        information.mkdir(parents=True, exist_ok=True)
        (information.parent / f"{module}.py").write_text(source)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[coatcheck.backends]\n{scheme} = {module}\n")
        monkeypatch.syspath_prepend(information.parent)
        monkeypatch.delitem(sys.modules, module, raising=False)
        return module

    return install
