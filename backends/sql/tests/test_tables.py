"""The tables: as the Node stores make them, found as they are, described for migrations."""

from typing import Any

import pytest
from sqlalchemy import MetaData, inspect

from coatcheck.errors import StoreError
from coatcheck_sql import SQLStore, create_table, session_table

PAYLOAD = '{"cookie":{"originalMaxAge":null,  "expires":null},"ä":"\\u0000 \\ud800 %s :x \'\\"\\\\"}'.encode()

NODE_POSTGRESQL = """
CREATE TABLE {table} (
  "sid" varchar NOT NULL COLLATE "default", "sess" json NOT NULL, "expire" timestamp(6) NOT NULL
);
ALTER TABLE {table} ADD PRIMARY KEY ("sid") NOT DEFERRABLE INITIALLY IMMEDIATE;
"""
NODE_MYSQL = """
CREATE TABLE IF NOT EXISTS {table} (`session_id` VARCHAR(128) COLLATE utf8mb4_bin NOT NULL,
`expires` INT(11) UNSIGNED NOT NULL, `data` MEDIUMTEXT COLLATE utf8mb4_bin,
PRIMARY KEY (`session_id`)) ENGINE=InnoDB
"""


@pytest.mark.kinds("postgresql")
def test_postgresql_has_the_table_of_connect_pg_simple(place: Any) -> None:
    place.open().set("sid", PAYLOAD, ttl=60)
    columns = place.sql(
        "SELECT column_name, data_type, character_maximum_length, datetime_precision, is_nullable "
        "FROM information_schema.columns WHERE table_name = :name ORDER BY ordinal_position",
        name=place.table,
    )
    assert [tuple(column) for column in columns] == [
        ("sid", "character varying", None, None, "NO"),
        ("sess", "json", None, None, "NO"),
        ("expire", "timestamp without time zone", None, 6, "NO"),
    ]
    indexes = place.sql(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :name", name=place.table
    )
    assert {name for name, _ in indexes} == {f"{place.table}_pkey", f"IDX_{place.table}_expire"}
    assert place.sql("SELECT sid, CAST(sess AS text) FROM {table}") == [("sid", PAYLOAD.decode())]


@pytest.mark.kinds("mariadb")
def test_mysql_has_the_table_of_express_mysql_session_and_an_index(place: Any) -> None:
    place.open().set("sid", PAYLOAD, ttl=60)
    columns = place.sql(
        "SELECT column_name, column_type, collation_name, is_nullable FROM information_schema.columns "
        "WHERE table_name = :name ORDER BY ordinal_position",
        name=place.table,
    )
    assert [tuple(column) for column in columns] == [
        ("session_id", "varchar(128)", "utf8mb4_bin", "NO"),
        ("expires", "int(11) unsigned", None, "NO"),
        ("data", "mediumtext", "utf8mb4_bin", "YES"),
    ]
    keys = place.sql(
        "SELECT index_name FROM information_schema.statistics WHERE table_name = :name", name=place.table
    )
    assert sorted(name for (name,) in keys) == [f"IDX_{place.table}_expires", "PRIMARY"]
    assert place.sql("SELECT session_id, data FROM {table}") == [("sid", PAYLOAD.decode())]
    ((left,),) = place.sql("SELECT expires - UNIX_TIMESTAMP() FROM {table}")
    assert 50 < left <= 61


@pytest.mark.kinds("sqlite")
def test_sqlite_has_a_plain_table_in_wal_mode(place: Any) -> None:
    place.open().set("sid", PAYLOAD, ttl=60)
    assert place.sql(
        "SELECT sid, payload, expires - strftime('%s', 'now') BETWEEN 40 AND 62 FROM {table}"
    ) == [("sid", PAYLOAD, 1)]
    assert place.sql("PRAGMA journal_mode") == [("wal",)]


@pytest.mark.kinds("postgresql", "mariadb")
def test_a_table_that_a_node_store_made_is_used_as_it_is(place: Any) -> None:
    definition = NODE_POSTGRESQL if place.kind.server == "postgresql" else NODE_MYSQL
    for statement in definition.strip().removesuffix(";").split(";"):
        place.sql(statement)
    before = inspect(place.engine()).get_indexes(place.table)
    store = place.open(create=False)
    store.set("sid", PAYLOAD, ttl=60)
    assert store.get("sid") == PAYLOAD
    assert store.prune() == 0
    assert inspect(place.engine()).get_indexes(place.table) == before


def test_a_missing_table_is_named_where_it_may_not_be_made(place: Any) -> None:
    store = place.open(create=False)
    with pytest.raises(StoreError, match=rf"there is no table .*{place.table}.*create_table"):
        store.get("sid")
    create_table(place.engine(), table=place.table)
    assert store.get("sid") is None


def test_create_table_may_be_called_again(place: Any) -> None:
    engine = place.engine()
    for _ in range(2):
        with engine.begin() as connection:
            assert create_table(connection, table=place.table).name == place.table
    store = place.open(create=False)
    store.set("sid", PAYLOAD, ttl=60)
    assert store.get("sid") == PAYLOAD


def test_columns_and_tables_have_any_names(place: Any) -> None:
    names = {"id": "the key", "payload": "a:b", "expires": "50%"}
    place.table = f'{place.table} of 100% "quotes" :x'
    store = place.open(columns=names)
    store.set("sid", PAYLOAD, ttl=60)
    assert store.replace("sid", b"{}", ttl=60, expected=PAYLOAD).written
    assert store.touch("sid", ttl=60)
    assert list(store.all()) == [("sid", b"{}")]
    assert {column["name"] for column in inspect(place.engine()).get_columns(place.table)} == set(
        names.values()
    )
    assert store.prune() == 0
    store.clear()
    assert store.length() == 0


def test_a_missing_column_is_named(place: Any) -> None:
    place.open().ping()
    store = place.open(columns={"id": "number"})
    with pytest.raises(StoreError, match="has no column number: name the columns"):
        store.get("sid")


def test_several_tables_stand_side_by_side_in_one_metadata(place: Any) -> None:
    metadata = MetaData()
    stores = [place.open(table=place.table + end, metadata=metadata) for end in ("a", "b", "a")]
    for number, store in enumerate(stores[:2]):
        store.set("sid", b'{"n":%d}' % number, ttl=60)
    assert [store.get("sid") for store in stores] == [b'{"n":0}', b'{"n":1}', b'{"n":0}']
    assert sorted(metadata.tables) == [place.table + "a", place.table + "b"]


def test_an_application_may_create_what_is_in_its_metadata(place: Any) -> None:
    metadata = MetaData()
    store = place.open(metadata=metadata, create=False)
    engine = place.engine()
    metadata.create_all(engine)
    metadata.create_all(engine)
    store.set("sid", PAYLOAD, ttl=60)
    assert store.get("sid") == PAYLOAD


def test_describing_a_table_twice_returns_it() -> None:
    metadata = MetaData(schema="shop")
    first = session_table(metadata, "postgresql")
    assert session_table(metadata, "postgresql") is first
    assert SQLStore("postgresql://host/db", metadata=metadata).supports.replace


@pytest.mark.kinds("postgresql")
def test_a_schema_of_its_own(place: Any) -> None:
    place.sql(f"CREATE SCHEMA s{place.table}")
    elsewhere, here = place.open(schema=f"s{place.table}"), place.open()
    elsewhere.set("sid", PAYLOAD, ttl=60)
    assert elsewhere.get("sid") == PAYLOAD
    assert here.get("sid") is None
    place.sql(f"DROP SCHEMA s{place.table} CASCADE")


@pytest.mark.kinds("postgresql")
def test_a_jsonb_column_is_refused_with_the_statement_that_mends_it(place: Any) -> None:
    place.sql(
        "CREATE TABLE {table} (sid varchar PRIMARY KEY, sess jsonb NOT NULL, expire timestamp(6) NOT NULL)"
    )
    store = place.open()
    with pytest.raises(StoreError, match=f"is jsonb, .*: ALTER TABLE {place.table} ALTER") as caught:
        store.get("sid")
    place.sql(str(caught.value).partition(": ")[2])
    store.set("sid", PAYLOAD, ttl=60)
    assert store.get("sid") == PAYLOAD


@pytest.mark.kinds("mariadb")
def test_a_column_that_folds_ids_is_refused_with_the_statement_that_mends_it(place: Any) -> None:
    place.sql(
        "CREATE TABLE {table} (session_id varchar(64) COLLATE utf8mb4_general_ci PRIMARY KEY, "
        "expires int unsigned NOT NULL, data text CHARACTER SET latin1)"
    )
    store = place.open()
    for column in ("session_id", "data"):
        with pytest.raises(StoreError, match=f"the column {column} .*: ALTER TABLE .* MODIFY") as caught:
            store.get("sid")
        place.sql(str(caught.value).partition(": ")[2])
    store.set("sid", PAYLOAD, ttl=60)
    assert store.get("sid") == PAYLOAD


@pytest.mark.kinds("mariadb")
def test_a_narrower_column_of_ids_is_heeded(place: Any) -> None:
    place.sql(NODE_MYSQL.replace("128", "20"))
    store = place.open()
    store.set("x" * 20, PAYLOAD, ttl=60)
    with pytest.raises(ValueError, match="an id of 21 characters is too long: the column takes 20"):
        store.set("x" * 21, PAYLOAD, ttl=60)


@pytest.mark.kinds("postgresql")
def test_no_rights_to_create_are_needed_where_the_table_is_there(place: Any) -> None:
    create_table(place.engine(), table=place.table)
    role = f"r{place.table}"
    place.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'narrow'")
    place.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO " + role)
    place.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    url = place.url().replace("coatcheck:cloakroom", f"{role}:narrow")
    store = place.open(url)
    store.set("sid", PAYLOAD, ttl=60)
    assert store.get("sid") == PAYLOAD
    with pytest.raises(StoreError, match="code 42501\\); grant the user what it needs"):
        place.open(url, table="other").get("sid")
