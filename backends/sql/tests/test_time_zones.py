"""PostgreSQL's column without a zone, on a server in New York: read as Node reads it."""

from typing import Any

import pytest
from databases.bench import Databases
from sqlalchemy import event, text

from coatcheck.errors import StoreError

pytestmark = pytest.mark.kinds("postgresql")

HOURS = 3600.0

# What Node's driver and connect-pg-simple send, on a connection that takes the server's zone.
NODE_SET = "INSERT INTO {table} (sess, expire, sid) SELECT CAST(:sess AS json), to_timestamp(:ends), :sid"
NODE_GET = "SELECT CAST(sess AS text) FROM {table} WHERE sid = :sid AND expire >= to_timestamp(:now)"
NOW = "SELECT CAST(extract(epoch FROM now()) AS double precision)"


@pytest.fixture(autouse=True)
def new_york(place: Any, databases: Databases) -> None:
    """Move the test to the server in New York."""
    place.server = databases.get("postgresql-new-york")


def engine_with(place: Any, zone: str) -> Any:
    """Return an application's engine whose connections are set to another zone."""
    engine = place.application_engine()

    def set_zone(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET TimeZone = '{zone}'")
        cursor.close()
        connection.commit()

    event.listen(engine.sync_engine if place.kind.asynchronous else engine, "connect", set_zone)
    return engine


def node_time(place: Any) -> float:
    ((now,),) = place.sql(NOW)
    return float(now)


def test_what_node_stores_is_found_and_ends_when_node_says(place: Any) -> None:
    store = place.open()
    store.ping()
    now = node_time(place)
    place.sql(NODE_SET, sess="{}", ends=now + 1000, sid="alive")
    place.sql(NODE_SET, sess="{}", ends=now - 1, sid="over")
    assert store.get("alive") == b"{}"
    assert store.get("over") is None
    assert store.length() == 1
    assert store.prune() == 1


def test_what_is_stored_here_is_found_by_node_and_ends_for_it(place: Any) -> None:
    store = place.open()
    store.set("sid", b"{}", ttl=1000)
    now = node_time(place)
    assert place.sql(NODE_GET, sid="sid", now=now + 980) == [("{}",)]
    assert place.sql(NODE_GET, sid="sid", now=now + 1020) == []
    store.touch("sid", ttl=5000)
    assert place.sql(NODE_GET, sid="sid", now=now + 4980) == [("{}",)]
    assert place.sql(NODE_GET, sid="sid", now=now + 5020) == []


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Pacific/Honolulu"])
def test_the_zone_of_a_connection_changes_nothing(place: Any, zone: str) -> None:
    engine = engine_with(place, zone)
    given, own = place.open(engine), place.open()
    given.set("given", b"{}", ttl=1 * HOURS)
    own.set("own", b"{}", ttl=1 * HOURS)
    for store in (given, own):
        assert sorted(store.ids()) == ["given", "own"]
        assert store.get_and_touch("given", ttl=2 * HOURS) == b"{}"
        assert store.replace("own", b'{"n":1}', ttl=1 * HOURS, expected=own.get("own")).written
        assert store.prune() == 0
    assert place.sql(NODE_GET, sid="given", now=node_time(place) + 1.9 * HOURS) == [("{}",)]


def test_a_zone_that_is_named_is_the_one_that_is_written(place: Any) -> None:
    place.open(time_zone="Asia/Tokyo").set("sid", b"{}", ttl=1 * HOURS)
    ((ahead,),) = place.sql(
        "SELECT expire - (now() AT TIME ZONE 'Asia/Tokyo') < interval '1 hour 1 s' FROM {table}"
    )
    assert ahead
    assert place.open(time_zone="Asia/Tokyo").get("sid") == b"{}"
    assert place.open(time_zone="Pacific/Honolulu").get("sid") == b"{}", "later there, so it lives longer"


def test_a_zone_that_does_not_exist_is_an_error_that_names_the_option(place: Any) -> None:
    with pytest.raises(StoreError, match="code 22023\\); check the option 'time_zone'"):
        place.open(time_zone="Mars/Olympus").get("sid")


def test_a_column_with_a_zone_is_used_as_well(place: Any) -> None:
    place.sql(
        "CREATE TABLE {table} (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamptz NOT NULL)"
    )
    store = place.open(engine_with(place, "Asia/Tokyo"))
    store.set("sid", b"{}", ttl=1 * HOURS)
    assert store.get("sid") == b"{}"
    ((left,),) = place.sql("SELECT CAST(extract(epoch FROM expire - now()) AS double precision) FROM {table}")
    assert 3590 < left <= 3600
    assert store.touch("sid", ttl=10)
    assert store.prune() == 0


def test_the_hour_that_comes_twice_is_the_later_one_as_for_node(place: Any) -> None:
    """In New York 01:30 on 1 November 2026 came twice; PostgreSQL takes the second."""
    place.open().ping()
    place.sql("INSERT INTO {table} (sid, sess, expire) VALUES ('sid', '{}', '2026-11-01 01:30:00')")
    query = (
        "SELECT expire >= to_timestamp(:at), "
        "(expire AT TIME ZONE 'America/New_York') >= to_timestamp(:at) FROM {table}"
    )
    first, second = 1793511000.0, 1793514600.0  # 01:30 EDT, 01:30 EST
    with place.engine().connect() as connection:
        quoted = query.replace("{table}", f'"{place.table}"')
        for moment, alive in ((first + 60, True), (second - 60, True), (second + 60, False)):
            assert connection.execute(text(quoted), {"at": moment}).one() == (alive, alive)
