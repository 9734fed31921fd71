"""What a server will not do, and what the store makes of it."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from coatcheck.errors import StoreError, StoreUnavailable
from coatcheck.store import Store
from coatcheck_sql.layout import Layout
from coatcheck_sql.mysql import MysqlLayout
from coatcheck_sql.postgresql import PostgresLayout
from coatcheck_sql.sqlite import SqliteLayout


@pytest.mark.kinds("postgresql")
@pytest.mark.parametrize("payload", [b"", b"not json", b'{"a":}', b'"\x00"', b"{} {}"])
def test_postgresql_takes_nothing_but_json(place: Any, payload: bytes) -> None:
    store: Store = place.open()
    store.set("sid", b"{}", ttl=60)
    operations: list[Callable[[], object]] = [
        lambda: store.set("secret-id", b"secret-" + payload, ttl=60),
        lambda: store.replace("sid", payload, ttl=60, expected=b"{}"),
    ]
    for operation in operations:
        with pytest.raises(ValueError, match="PostgreSQL does not take this payload or id") as caught:
            operation()
        assert caught.value.__cause__ is None, "PostgreSQL quotes the payload"
        assert caught.value.__suppress_context__
    assert dict(store.all()) == {"sid": b"{}"}


@pytest.mark.kinds("postgresql", "mariadb")
def test_what_is_not_utf_8_is_refused(place: Any) -> None:
    with pytest.raises(ValueError, match="this one is not UTF-8"):
        place.open().set("sid", b'"\xff"', ttl=60)


@pytest.mark.kinds("postgresql")
def test_postgresql_keeps_no_id_with_nul(place: Any) -> None:
    with pytest.raises(ValueError, match="an id with a NUL character"):
        place.open().set("a\0b", b"{}", ttl=60)


def test_an_id_with_a_lone_surrogate_is_refused(place: Any) -> None:
    with pytest.raises(ValueError, match="lone surrogates"):
        place.open().set("a\ud800", b"{}", ttl=60)


@pytest.mark.parametrize(("sid", "payload"), [(1, b"{}"), ("sid", "{}"), (b"sid", b"{}"), ("sid", 5)])
def test_what_is_no_id_or_no_payload_is_a_type_error(place: Any, sid: Any, payload: Any) -> None:
    store = place.open()
    with pytest.raises(TypeError):
        store.set(sid, payload, ttl=60)
    assert store.length() == 0


@pytest.mark.kinds("mariadb")
@pytest.mark.parametrize("sid", ["x" * 129, "a ", " "])
def test_mysql_keeps_no_id_that_it_would_cut_or_pad(place: Any, sid: str) -> None:
    store: Store = place.open()
    operations: list[Callable[[], object]] = [
        lambda: store.set(sid, b"{}", ttl=60),
        lambda: store.get(sid),
        lambda: store.touch(sid, ttl=60),
        lambda: store.destroy(sid),
        lambda: store.replace(sid, b"{}", ttl=60),
    ]
    for operation in operations:
        with pytest.raises(ValueError, match="an id"):
            operation()
    store.set("x" * 128, b"{}", ttl=60)
    assert list(store.ids()) == ["x" * 128]


@pytest.mark.kinds("mariadb")
@pytest.mark.parametrize("mode", ["", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT", "TRADITIONAL"])
def test_the_sql_mode_changes_nothing(place: Any, mode: str) -> None:
    payload = b'{"a":"\\\\ \' \\" `"}'
    engine = place.application_engine(connect_args={"init_command": f"SET sql_mode = '{mode}'"})
    store = place.open(engine)
    store.set('it\'s "this" \\', payload, ttl=60)
    assert store.get('it\'s "this" \\') == payload
    assert store.replace('it\'s "this" \\', b"{}", ttl=60, expected=payload).written
    with pytest.raises(ValueError, match="too long"):
        store.set("x" * 129, b"{}", ttl=60)


@pytest.mark.kinds("mariadb")
def test_a_payload_beyond_the_column_or_the_packet_is_refused_with_the_sizes(place: Any) -> None:
    store = place.open()
    with pytest.raises(
        StoreError, match=r"a payload of 16777300 bytes is too large: the column takes 16777215"
    ):
        store.set("sid", b'"' + b"x" * 16777298 + b'"', ttl=60)
    place.sql("SET GLOBAL max_allowed_packet = 2097152")
    try:
        small = place.open()
        with pytest.raises(
            StoreError, match=r"has \d+ bytes, and the server's max_allowed_packet is 2097152"
        ):
            small.set("sid", b'"' + b"x" * 2097152 + b'"', ttl=60)
        fits = b'"' + b"x" * 1000000 + b'"'
        small.set("sid", fits, ttl=60)
        assert small.get("sid") == fits
    finally:
        place.sql("SET GLOBAL max_allowed_packet = 67108864")


@pytest.mark.kinds("mariadb")
def test_a_lifetime_ends_in_2106_at_the_latest(place: Any) -> None:
    store = place.open()
    store.set("sid", b"{}", ttl=1e12)
    assert place.sql("SELECT expires FROM {table}") == [(4294967295,)]
    assert store.touch("sid", ttl=1e300)
    assert store.get("sid") == b"{}"


@pytest.mark.kinds("postgresql")
def test_a_server_that_only_reads_is_unavailable_for_writing(place: Any) -> None:
    place.open().set("sid", b"{}", ttl=60)
    options = {"options": "-c default_transaction_read_only=on"}
    if place.kind.scheme.endswith("asyncpg"):
        options = {"server_settings": {"default_transaction_read_only": "on"}}  # type: ignore[dict-item]
    store = place.open(place.application_engine(connect_args=options))
    assert store.get("sid") == b"{}"
    with pytest.raises(StoreUnavailable, match="code 25006"):
        store.set("sid", b"[]", ttl=60)
    with pytest.raises(StoreUnavailable, match="code 25006"):
        store.destroy("sid")


@pytest.mark.kinds("sqlite")
def test_a_file_that_cannot_be_opened_is_unavailable(place: Any) -> None:
    store = place.open(place.url().replace("sessions.db", "missing/sessions.db"))
    with pytest.raises(StoreUnavailable, match=r"SQLite is unavailable .*code 14"):
        store.get("sid")
    if place.kind.asynchronous:
        place.run(asyncio.sleep(0.2))  # the thread of aiosqlite tells the loop that it ends


@pytest.mark.kinds("sqlite")
def test_a_file_that_is_no_database_is_an_error(place: Any) -> None:
    (place.folder / "sessions.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match=r"SQLite refused an operation .*code 26") as caught:
        place.open().get("sid")
    assert not isinstance(caught.value, StoreUnavailable)


@pytest.mark.kinds("postgresql")
def test_a_wrong_password_says_so(place: Any) -> None:
    store = place.open(place.url().replace("cloakroom", "wrong"))
    with pytest.raises(StoreError) as caught:
        store.get("sid")
    assert "wrong" not in str(caught.value)


@pytest.mark.kinds("mariadb")
def test_a_wrong_password_is_named_as_the_reason(place: Any) -> None:
    with pytest.raises(StoreError, match="code 1045\\); check user and password"):
        place.open(place.url().replace("cloakroom", "wrong")).get("sid")


class CodedError(Exception):
    """A driver's error with a code, for codes that no test can have a server say."""

    def __init__(self, code: Any) -> None:
        super().__init__(code, "text with secret-payload")
        self.sqlstate = self.sqlite_errorcode = code


@pytest.mark.parametrize(
    ("layout", "codes"),
    [
        (
            PostgresLayout,
            ["53100", "53200", "53300", "57P01", "57P03", "57014", "08006", "58030", "25006", "55P03"],
        ),
        (MysqlLayout, [1021, 1114, 1040, 1203, 1290, 1836, 1053, 1205, 1969, 2006, 2013, 4031]),
        (SqliteLayout, [5, 6, 8, 10, 13, 14, 517, 266]),
    ],
)
def test_full_loading_busy_and_ending_servers_are_unavailable(layout: type[Layout], codes: list[Any]) -> None:
    for code in codes:
        fault = layout.faults.judge(CodedError(code))
        assert isinstance(fault.error, StoreUnavailable), code
        assert fault.lost
        assert "secret" not in str(fault.error)


@pytest.mark.parametrize(
    ("layout", "code"), [(PostgresLayout, "42P01"), (MysqlLayout, 1146), (SqliteLayout, 1)]
)
def test_other_codes_are_plain_errors_on_a_connection_that_is_kept(layout: type[Layout], code: Any) -> None:
    fault = layout.faults.judge(CodedError(code))
    assert type(fault.error) is StoreError
    assert not fault.lost
    assert str(code) in str(fault.error)


@pytest.mark.kinds("postgresql", asynchronous=False)
def test_a_transaction_that_was_taken_back_is_tried_again(place: Any) -> None:
    """Where the database's default is to serialize, rivals are told to try again."""
    options = {"options": "-c default_transaction_isolation=serializable"}
    store = place.open(place.application_engine(connect_args=options, pool_size=8))
    store.set("sid", b'{"n":0}', ttl=60)
    errors: list[BaseException] = []

    def write() -> None:
        try:
            for number in range(50):
                store.set("sid", b'{"n":%d}' % number, ttl=60)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


@pytest.mark.kinds("postgresql", asynchronous=False)
def test_a_refusal_under_contention_tells_what_is_there(place: Any) -> None:
    """Thousands of refusals: none brings back what the caller expected, none is stale."""
    store = place.open(pool_size=8)
    store.set("sid", b'{"n":0}', ttl=600)
    stale: list[bytes | None] = []
    refused: list[int] = []

    def count() -> None:
        held = store.get("sid")
        for _ in range(300):
            assert held is not None
            number = int(held[5:-1])
            answer = store.replace("sid", b'{"n":%d}' % (number + 1), ttl=600, expected=held)
            if answer.written:
                held = b'{"n":%d}' % (number + 1)
                continue
            refused.append(1)
            if answer.current is None or answer.current == held or int(answer.current[5:-1]) < number:
                stale.append(answer.current)
            held = answer.current

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert stale == []
    assert len(refused) > 500
    with place.engine().connect() as connection:
        value = connection.execute(text(f"SELECT CAST(sess AS text) FROM {place.table}")).scalar_one()
    assert int(value[5:-1]) == 8 * 300 - len(refused)
