"""Every option of the middlewares is checked when they are made; both shells check the same."""

from datetime import timedelta
from typing import Any

import pytest
from harness import SECRET, SITES, Site

from coatcheck import ConfigurationError, CookieOptions
from coatcheck.codec import JSONCodec
from coatcheck.options import Options

pytestmark = pytest.mark.parametrize("open_site", SITES)

WRONG_TYPES: list[tuple[str, Any]] = [
    ("secret", None),
    ("secret", 12345678901234567890),
    ("secret", {"a long secret of the application"}),
    ("secret", [SECRET, None]),
    ("name", b"sid"),
    ("key", None),
    ("cookie", {"path": "/"}),
    ("cookie", None),
    ("generate_id", "id"),
    ("trust_proxy", 1),
    ("exclude", "/health"),
    ("resave", "yes"),
    ("rolling", None),
    ("save_uninitialized", 0),
    ("unset", None),
    ("ttl", "86400"),
    ("ttl", None),
    ("ttl", True),
    ("touch_after", "1h"),
    ("touch_after", None),
    ("max_lifetime", "1d"),
    ("max_lifetime", False),
    ("on_conflict", True),
    ("on_gone", None),
    ("on_unavailable", 503),
    ("max_size", 1024.0),
    ("max_size", True),
    ("max_size", None),
    ("codec", None),
    ("codec", object()),
    ("clock", 1_000_000.0),
]

WRONG_VALUES: list[tuple[str, Any]] = [
    ("secret", ""),
    ("secret", b""),
    ("secret", []),
    ("secret", [SECRET, ""]),
    ("name", ""),
    ("name", "a b"),
    ("name", "sid;"),
    ("name", "sid="),
    ("name", "naïve"),
    ("key", ""),
    ("unset", "drop"),
    ("ttl", 0),
    ("ttl", -1),
    ("ttl", float("nan")),
    ("ttl", float("inf")),
    ("ttl", timedelta(0)),
    ("touch_after", -1),
    ("touch_after", float("inf")),
    ("max_lifetime", 0),
    ("max_lifetime", timedelta(seconds=-5)),
    ("on_conflict", "marge"),
    ("on_gone", "ignore"),
    ("on_unavailable", "500"),
    ("max_size", 0),
    ("max_size", -1),
]


@pytest.mark.parametrize(("option", "value"), WRONG_TYPES)
def test_an_option_of_the_wrong_type_is_a_type_error_that_names_it(
    open_site: type[Site], option: str, value: Any
) -> None:
    with pytest.raises(TypeError, match=option):
        open_site(**{option: value})


@pytest.mark.parametrize(("option", "value"), WRONG_VALUES)
def test_an_option_with_a_wrong_value_is_a_configuration_error_that_names_it(
    open_site: type[Site], option: str, value: Any
) -> None:
    with pytest.raises(ConfigurationError, match=option):
        open_site(**{option: value})


@pytest.mark.parametrize(("choice", "meant"), [("marge", "merge"), ("overwite", "overwrite")])
def test_a_misspelt_choice_is_answered_with_the_nearest_one(
    open_site: type[Site], choice: str, meant: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"did you mean '{meant}'"):
        open_site(on_conflict=choice)


def test_an_unknown_option_is_a_type_error_with_the_nearest_name(open_site: type[Site]) -> None:
    with pytest.raises(TypeError, match=r"'roling'.*did you mean 'rolling'"):
        open_site(roling=True)


def test_the_secret_is_required(open_site: type[Site]) -> None:
    with pytest.raises(TypeError, match="secret"):
        open_site.Middleware(lambda *_: None)


def test_options_are_given_by_name_only(open_site: type[Site]) -> None:
    with pytest.raises(TypeError, match="positional"):
        open_site.Middleware(lambda *_: None, SECRET)


@pytest.mark.parametrize(
    "values",
    [
        {"path": 1},
        {"path": None},
        {"domain": 1},
        {"max_age": "60"},
        {"max_age": True},
        {"secure": "yes"},
        {"secure": 1},
        {"httponly": None},
        {"samesite": False},
        {"partitioned": "no"},
        {"priority": 3},
    ],
)
def test_a_cookie_attribute_of_the_wrong_type_is_a_type_error(
    open_site: type[Site], values: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match=next(iter(values))):
        open_site(cookie=CookieOptions(**values))


@pytest.mark.parametrize(
    "values",
    [
        {"path": "relative"},
        {"path": "/a;b"},
        {"path": "/\r\n"},
        {"domain": "a b"},
        {"domain": "exa;mple.com"},
        {"max_age": 0},
        {"max_age": -1},
        {"max_age": float("nan")},
        {"max_age": timedelta(0)},
        {"samesite": "Lax"},
        {"samesite": "none"},
        {"samesite": "none", "secure": False},
        {"partitioned": True},
        {"partitioned": True, "secure": False},
        {"priority": "urgent"},
    ],
)
def test_a_cookie_attribute_or_combination_that_browsers_refuse_is_a_configuration_error(
    open_site: type[Site], values: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(values))):
        open_site(cookie=CookieOptions(**values))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("__Host-sid", {}),
        ("__Host-sid", {"secure": "auto"}),
        ("__Host-sid", {"secure": True, "path": "/app"}),
        ("__Host-sid", {"secure": True, "domain": "example.com"}),
        ("__HOST-sid", {}),
        ("__Secure-sid", {}),
        ("__Secure-sid", {"secure": "auto"}),
    ],
)
def test_a_prefixed_name_needs_the_attributes_without_which_browsers_drop_the_cookie(
    open_site: type[Site], name: str, values: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        open_site(name=name, cookie=CookieOptions(**values))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("__Host-sid", {"secure": True}),
        ("__Secure-sid", {"secure": True, "path": "/app", "domain": "example.com"}),
    ],
)
def test_a_prefixed_name_with_its_attributes_is_sent(
    open_site: type[Site], name: str, values: dict[str, Any]
) -> None:
    site = open_site(name=name, cookie=CookieOptions(**values))

    response = site.visit(lambda session: session.update(a=1), "/app", https=True)

    assert response.set_cookies[0].startswith(f"{name}=")


@pytest.mark.parametrize("half", ["seal", "open"])
def test_a_codec_that_seals_without_opening_is_a_type_error(open_site: type[Site], half: str) -> None:
    codec = type("HalfSealing", (JSONCodec,), {half: lambda self, sid, payload: payload})()

    with pytest.raises(TypeError, match="both or neither"):
        open_site(codec=codec)


def test_durations_are_seconds_or_timedeltas(open_site: type[Site]) -> None:
    site = open_site(ttl=timedelta(minutes=2), touch_after=timedelta(seconds=30))
    site.visit(lambda session: session.update(a=1))
    site.trace.take()

    site.visit()

    assert site.trace.calls[0][2] == {"ttl": 120.0, "slack": 30.0}


def test_the_defaults_are_the_documented_ones(open_site: type[Site]) -> None:
    options = Options(secret=SECRET)

    assert (options.name, options.cookie, options.trust_proxy) == ("sid", CookieOptions(), False)
    assert (options.exclude, options.resave, options.rolling) == (None, False, False)
    assert (options.save_uninitialized, options.unset, options.ttl) == (False, "keep", 86400.0)
    assert (options.touch_after, options.max_lifetime) == (0.0, None)
    assert (options.on_conflict, options.on_gone, options.on_unavailable) == ("merge", "drop", "503")
    assert (options.max_size, type(options.codec)) == (1024 * 1024, JSONCodec)
    assert open_site.key == ("session" if "asgi" in open_site.Middleware.__module__ else "coatcheck.session")


def test_no_option_shows_the_secret(open_site: type[Site]) -> None:
    assert SECRET not in repr(Options(secret=SECRET))
    with pytest.raises(ConfigurationError) as raised:
        open_site(secret=[SECRET, b""])
    assert SECRET not in str(raised.value)
