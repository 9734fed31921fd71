"""What every package's tests may use: real servers, and marks to choose tests by."""

import pytest

pytest_plugins = ["databases.plugin"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks."""
    config.addinivalue_line("markers", "faults: freezes, kills or cuts off a server, which takes its time")
    config.addinivalue_line(
        "markers", "subjects(fits): runs over the subjects that fit, of all in tests/contract"
    )
