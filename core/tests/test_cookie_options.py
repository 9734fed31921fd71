"""The cookie's options: what browsers would refuse is refused when they are made."""

import math
from datetime import timedelta
from typing import Any

import pytest

from coatcheck import ConfigurationError, CookieOptions


def test_the_defaults_are_those_of_express() -> None:
    options = CookieOptions()

    assert (options.path, options.httponly, options.lifetime) == ("/", True, None)
    assert [options.domain, options.secure, options.samesite, options.partitioned, options.priority] == [
        None
    ] * 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": ""},
        {"path": "foo"},
        {"path": "/a;b"},
        {"path": "/a\r\nX: y"},
        {"path": "/é"},
        {"domain": ""},
        {"domain": "a b"},
        {"domain": "a;b"},
        {"domain": "a\nb"},
        {"domain": "bücher.example"},
        {"max_age": 0},
        {"max_age": -1},
        {"max_age": timedelta(0)},
        {"max_age": math.nan},
        {"max_age": math.inf},
        {"samesite": "Lax"},
        {"samesite": ""},
        {"priority": "urgent"},
        {"samesite": "none"},
        {"samesite": "none", "secure": False},
        {"partitioned": True},
    ],
    ids=str,
)
def test_values_and_combinations_that_browsers_refuse_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"^cookie: "):
        CookieOptions(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": None},
        {"path": b"/"},
        {"domain": 5},
        {"max_age": "3600"},
        {"max_age": True},
        {"secure": 1},
        {"secure": "yes"},
        {"httponly": None},
        {"samesite": True},
        {"partitioned": "yes"},
        {"priority": 1},
    ],
    ids=str,
)
def test_wrong_types_are_type_errors(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(TypeError, match=name):
        CookieOptions(**wrong)


@pytest.mark.parametrize(
    "right",
    [
        {"samesite": "none", "secure": "auto"},
        {"samesite": "none", "secure": True},
        {"partitioned": True, "secure": "auto"},
        {"samesite": "auto"},
        {"domain": ".example.com"},
        {"path": "/a b/c,d=e"},
        {"max_age": 0.001},
    ],
    ids=str,
)
def test_what_browsers_take_is_taken(right: dict[str, Any]) -> None:
    for name, value in right.items():
        assert getattr(CookieOptions(**right), name) == value


@pytest.mark.parametrize("max_age", [90, 90.0, timedelta(minutes=1.5)])
def test_a_lifetime_is_in_seconds_or_a_timedelta(max_age: float | timedelta) -> None:
    assert CookieOptions(max_age=max_age).lifetime == 90


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("__Host-sid", {}),
        ("__Host-sid", {"secure": "auto"}),
        ("__host-sid", {"secure": True, "path": "/app"}),
        ("__HOST-sid", {"secure": True, "domain": "example.com"}),
        ("__Secure-sid", {}),
        ("__secure-sid", {"secure": "auto"}),
    ],
)
def test_a_prefixed_name_demands_what_browsers_demand(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=name):
        CookieOptions(**wrong).check_name(name)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("sid", {}),
        ("__Host-sid", {"secure": True}),
        ("__Secure-sid", {"secure": True, "path": "/app", "domain": "example.com"}),
        ("x__Host-sid", {}),
    ],
)
def test_a_name_whose_rules_are_kept_is_accepted(name: str, right: dict[str, Any]) -> None:
    CookieOptions(**right).check_name(name)
