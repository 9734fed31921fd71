"""MongoDB stores by URL, and what may be in it."""

from collections.abc import Callable
from typing import Any

import pytest

import coatcheck_mongo
from coatcheck import open_async_store, open_store
from coatcheck.errors import ConfigurationError
from coatcheck_mongo import AsyncMongoStore, MongoStore

Open = Callable[..., Any]
BOTH = pytest.mark.parametrize("opener", [coatcheck_mongo.open, coatcheck_mongo.open_async])
SECRET = "hunter2"


def test_the_registry_finds_both_stores_by_the_scheme() -> None:
    assert isinstance(open_store("mongodb://localhost/app"), MongoStore)
    assert isinstance(open_async_store("mongodb://localhost/app"), AsyncMongoStore)
    assert isinstance(open_store("mongodb+srv://db.example.com/app"), MongoStore)
    assert isinstance(open_async_store("mongodb+srv://db.example.com/app"), AsyncMongoStore)


@BOTH
def test_the_database_is_that_of_the_url_and_the_collection_connect_mongos(opener: Open) -> None:
    kind = "MongoStore" if opener is coatcheck_mongo.open else "AsyncMongoStore"
    assert repr(opener("mongodb://localhost/app")) == f"<{kind} app.sessions>"
    assert repr(opener("mongodb://localhost/app", collection="web.sessions")) == f"<{kind} app.web.sessions>"
    assert repr(opener("mongodb://localhost/admin", database="app")) == f"<{kind} app.sessions>"


def test_options_in_the_query_are_the_stores_and_the_rest_is_the_drivers() -> None:
    url = (
        "mongodb://localhost/app?collection=web&timeout=0.25&pool_size=7&stringify=no&create_index=false"
        "&retryWrites=false&w=2&readPreference=secondary"
    )
    store = open_store(url)
    assert isinstance(store, MongoStore)
    link = store._link
    assert repr(store) == "<MongoStore app.web>"
    assert (link._settings.timeout, link._settings.prepare, store._stringify) == (0.25, False, False)
    assert link._own is not None
    assert link._own.options.pool_options.max_pool_size == 7
    assert link._own.options.retry_writes is False
    assert link._records.write_concern.document == {"w": 2}
    assert link._records.read_preference.mongos_mode == "secondary"


@BOTH
@pytest.mark.parametrize("url", ["mongodb://localhost", "mongodb://localhost/", "mongodb+srv://a.b.c/?w=1"])
def test_a_url_without_a_database_is_refused_with_what_to_write(opener: Open, url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"mongodb://HOST/DATABASE"):
        opener(url)


@BOTH
@pytest.mark.parametrize(
    ("url", "options", "match"),
    [
        ("redis://localhost/app", {}, "looks like mongodb://"),
        ("mongodb:", {}, "looks like mongodb://"),
        ("mongodb://", {}, "the driver refuses"),
        ("mongodb://localhost:port/app", {}, "the driver refuses.*[Pp]ort"),
        ("mongodb://localhost/app?timeoutMS=5", {}, "the store's timeout"),
        ("mongodb://localhost/app?w=0", {}, "w=1"),
        ("mongodb://localhost/app?tls=true&ssl=false", {}, "the driver refuses"),
        ("mongodb://localhost/app?maxPoolSize=3", {"pool_size": 4}, "either pool_size or maxPoolSize"),
        ("mongodb://localhost/app", {"pool_size": 0}, "1 or more"),
        ("mongodb://localhost/app", {"timeout": 0}, "greater than 0"),
        ("mongodb://localhost/app", {"timeout": -1.5}, "greater than 0"),
        ("mongodb://localhost/app", {"timeout": float("inf")}, "greater than 0"),
        ("mongodb://localhost/app", {"timeout": float("nan")}, "greater than 0"),
        ("mongodb://localhost/app", {"database": "a b"}, "no database called 'a b'"),
        ("mongodb://localhost/app", {"database": ""}, "no database called ''"),
        *(
            ("mongodb://localhost/app", {"collection": name}, "a name that MongoDB allows")
            for name in ("", "a$b", "system.sessions", ".a", "a.", "a..b", "nul\0")
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_cannot_be_is_refused_at_construction(
    opener: Open, url: str, options: dict[str, Any], match: str
) -> None:
    with pytest.raises(ConfigurationError, match=match):
        opener(url, **options)


@BOTH
@pytest.mark.parametrize(
    "url",
    [
        f"mongodb://user:{SECRET}@localhost",
        f"mongodb://user:{SECRET}@x@localhost/app",
        f"mongodb://user:{SECRET}/@localhost/app",
        f"mongodb://user:@{SECRET}:port/app@localhost/app",
        f"mongodb://user:{SECRET}@localhost:port/app",
        f"mongodb://user:{SECRET}@localhost/app?w=0",
        f"mongodb://user:{SECRET}@localhost/app?tls=true&ssl=false",
        f"mongodb://user:{SECRET}@localhost/a b",
        f"redis://user:{SECRET}@localhost/0",
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_error_about_a_url_shows_its_password(opener: Open, url: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        opener(url)
    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@BOTH
def test_the_repr_shows_no_password(opener: Open) -> None:
    assert SECRET not in repr(opener(f"mongodb://user:{SECRET}@localhost/app"))
