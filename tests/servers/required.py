"""What the tests need from the dependency group ``tests``."""

import importlib.util
import os

import pytest

__all__ = ["need"]


def need(*modules: str) -> None:
    """Skip the test where a module is not installed; fail it where COATCHECK_REQUIRE_SERVERS is set."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if not missing:
        return
    reason = f"not installed, of the dependency group 'tests': {', '.join(missing)}"
    if os.environ.get("COATCHECK_REQUIRE_SERVERS"):
        pytest.fail(reason)
    pytest.skip(reason)
