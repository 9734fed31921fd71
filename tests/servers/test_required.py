"""What is not installed is skipped, or fails where the tests must be complete."""

import pytest
from servers.required import need


def test_a_missing_package_skips_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COATCHECK_REQUIRE_SERVERS", raising=False)

    with pytest.raises(pytest.skip.Exception, match=r": no_such_server$"):
        need("pytest", "no_such_server")


def test_a_missing_package_fails_the_test_where_servers_are_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COATCHECK_REQUIRE_SERVERS", "all")

    with pytest.raises(pytest.fail.Exception, match=r": no_such_server$"):
        need("pytest", "no_such_server")


def test_nothing_is_skipped_where_everything_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COATCHECK_REQUIRE_SERVERS", "all")

    need("pytest")
