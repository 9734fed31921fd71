"""max_size and codec: what is stored, what is refused, what cannot be read."""

import base64
import json
import logging
import secrets
from datetime import date
from typing import Any

import pytest
from harness import SITES, Site, settle

from coatcheck import NotSerializable, SessionTooLarge
from coatcheck.codec import JSONCodec

pytestmark = pytest.mark.parametrize("open_site", SITES)


def change(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def read(session: Any) -> Any:
    return dict(session)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def of_size(site: Site, size: int) -> Any:
    """Return a handler whose session will be stored in exactly ``size`` bytes."""
    site.visit(lambda session: session.update(text=""))
    empty = len(site.table.peek(site.sid) or b"")
    return lambda session: session.update(text="x" * (size - empty))


def test_a_session_as_large_as_max_size_is_stored(open_site: type[Site]) -> None:
    site = open_site(max_size=1000)
    site.visit(of_size(site, 1000))

    assert len(site.table.peek(site.sid) or b"") == 1000


def test_a_larger_session_raises_before_the_store_is_asked(open_site: type[Site]) -> None:
    site = open_site(max_size=1000)
    handler = of_size(site, 1001)
    site.trace.take()

    with pytest.raises(SessionTooLarge, match=r"1,001 bytes.*max_size=1,000"):
        site.visit(handler)
    assert site.trace.letters == "G"


def test_a_new_session_that_is_too_large_raises_before_the_store_is_asked(open_site: type[Site]) -> None:
    site = open_site(max_size=100)

    with pytest.raises(SessionTooLarge):
        site.visit(lambda session: session.update(text="x" * 100))
    assert site.trace.letters == ""


def test_bytes_count_not_letters(open_site: type[Site]) -> None:
    with pytest.raises(SessionTooLarge):
        open_site(max_size=300).visit(lambda session: session.update(text="é" * 150))


def test_the_application_can_catch_the_error_of_save(open_site: type[Site]) -> None:
    site = open_site(max_size=1000)

    async def save_too_much(session: Any) -> None:
        session["text"] = "x" * 1000
        with pytest.raises(SessionTooLarge):
            await settle(session.save())
        session["text"] = "x"

    site.visit(save_too_much)
    assert site.data() == {"text": "x"}


def test_max_size_is_one_mebibyte_by_default(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(of_size(site, 1024 * 1024))

    with pytest.raises(SessionTooLarge):
        site.visit(of_size(site, 1024 * 1024 + 1))


@pytest.mark.parametrize(("size", "warned"), [(64 * 1024 - 1, False), (64 * 1024, True)])
def test_a_session_of_64_kibibytes_is_warned_about(
    open_site: type[Site], size: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site()
    site.visit(of_size(site, size))

    assert [message.startswith("a session has 65,536 bytes") for message in warnings(caplog)] == [
        True
    ] * warned


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (float("nan"), "value"),
        ([1, {"deep": float("inf")}], r"value\[1\].deep"),
        ((1, 2), "value"),
        ({"day": date(2026, 1, 1)}, "value.day"),
        (b"bytes", "value"),
        ({1, 2}, "value"),
        ({1: 2}, "value.<int>"),
        (2**53, "value"),
        (object(), "value"),
    ],
)
def test_what_json_cannot_carry_is_refused_by_its_path_and_nothing_is_written(
    open_site: type[Site], value: Any, path: str
) -> None:
    site = open_site()
    site.visit(lambda session: session.update(value="before"))
    site.trace.take()

    with pytest.raises(NotSerializable, match=f"'{path}'"):
        site.visit(lambda session: session.update(value=value))
    assert site.trace.letters == "G"
    assert site.data() == {"value": "before"}


@pytest.mark.parametrize("before", ["2026-01-01", [1, 2], None])
def test_what_json_cannot_carry_is_refused_also_where_it_reads_like_what_is_stored(
    open_site: type[Site], before: Any
) -> None:
    values = {"2026-01-01": date(2026, 1, 1), "[1, 2]": (1, 2), "None": float("nan")}
    site = open_site()
    site.visit(lambda session: session.update(value=before))

    with pytest.raises(NotSerializable):
        site.visit(lambda session: session.update(value=values[str(before)]))


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), (0, False), (0.0, -0.0), (1, "1")])
def test_values_that_python_finds_equal_but_json_does_not_are_a_change(
    open_site: type[Site], before: Any, after: Any
) -> None:
    site = open_site()
    site.visit(lambda session: session.update(value=before))
    site.visit(lambda session: session.update(value=after))

    assert json.dumps(site.data()["value"]) == json.dumps(after)


def test_lone_surrogates_are_stored_as_node_does_and_come_back(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(lambda session: session.update(text="a\ud83db"))

    assert b'"text":"a\\ud83db"' in (site.table.peek(site.sid) or b"")
    assert site.visit(read).value == {"text": "a\ud83db"}


def test_numbers_too_large_for_json_come_back_as_floats(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(change)
    site.plant(b'{"cookie":{},"big":9007199254740993,"huge":' + b"9" * 300 + b"}")

    assert site.visit(lambda session: type(session["big"])).value is float


UNREADABLE = [
    b"",
    b"not json",
    b"[]",
    b"null",
    b"{}",
    b'{"n":1}',
    b'{"cookie":null,"n":1}',
    b'{"cookie":"text","n":1}',
    b'{"cookie":[],"n":1}',
    b'{"cookie":{},"n":NaN}',
    b'{"cookie":{},"n":1e999}',
    b'{"cookie":{},"n":' + b"9" * 400 + b"}",
    b"\xff\xfe",
    b'{"cookie":{},"n":1',
]


@pytest.mark.parametrize("payload", UNREADABLE)
def test_difference_12_and_23_a_record_that_cannot_be_read_is_no_session(
    open_site: type[Site], payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site()
    site.visit(change)
    old = site.sid
    site.plant(payload)

    assert site.visit(lambda session: (dict(session), session.is_new)).value == ({}, True)
    (message,) = warnings(caplog)
    assert "cannot be read" in message
    assert old not in message
    site.visit(change)
    assert site.sid != old
    assert site.visit(read).value == {"n": 1}


class EncryptingCodec(JSONCodec):
    """A toy: hides the payload, bound to its id, in a JSON text that differs each time."""

    def seal(self, sid: str, payload: bytes) -> bytes:
        """Return one JSON text that shows nothing of the payload."""
        nonce = secrets.token_bytes(8)
        hidden = base64.b64encode(self._mix(sid, nonce, payload)).decode()
        return json.dumps({"nonce": nonce.hex(), "hidden": hidden}).encode()

    def open(self, sid: str, sealed: bytes) -> bytes:
        """Undo ``seal``."""
        parts = json.loads(sealed)
        return self._mix(sid, bytes.fromhex(parts["nonce"]), base64.b64decode(parts["hidden"]))

    def _mix(self, sid: str, nonce: bytes, data: bytes) -> bytes:
        key = nonce + sid.encode()
        return bytes(byte ^ key[index % len(key)] for index, byte in enumerate(data))


def test_what_a_codec_sealed_shows_nothing_and_comes_back(open_site: type[Site]) -> None:
    site = open_site(codec=EncryptingCodec())
    site.visit(lambda session: session.update(secret="of the visitor"))

    assert set(site.document()) == {"nonce", "hidden"}
    assert site.visit(read).value == {"secret": "of the visitor"}


def test_changes_are_found_before_sealing(open_site: type[Site]) -> None:
    site = open_site(codec=EncryptingCodec())
    site.visit(change)

    assert site.letters(read) == "G"
    assert site.letters(lambda session: session.update(n=1)) == "G"
    assert site.letters(change) == "GS"


def test_the_expected_bytes_are_the_stored_ones(open_site: type[Site]) -> None:
    site = open_site(codec=EncryptingCodec(), on_conflict="raise")
    site.visit(change)
    stored = site.table.peek(site.sid)
    site.trace.take()
    site.visit(change)

    assert site.trace.calls[-1][2]["expected"] == stored


def test_sealed_sessions_are_merged_key_by_key(open_site: type[Site]) -> None:
    codec = EncryptingCodec()
    site = open_site(codec=codec)
    site.visit(lambda session: session.update(mine=0, theirs=0))

    def handler(session: Any) -> None:
        session["mine"] = 1
        document = codec.decode(codec.open(site.sid, site.table.peek(site.sid) or b""))
        site.plant(codec.seal(site.sid, codec.encode(document | {"theirs": 2})))

    site.visit(handler)
    assert site.visit(read).value == {"mine": 1, "theirs": 2}


def test_a_record_sealed_for_another_id_cannot_be_read(open_site: type[Site]) -> None:
    site = open_site(codec=EncryptingCodec())
    site.visit(change)
    stolen = site.table.peek(site.sid) or b""
    site.another_browser()
    site.visit(change)
    site.plant(stolen)

    assert site.visit(read).value == {}


def test_the_size_that_counts_is_that_of_the_sealed_payload(open_site: type[Site]) -> None:
    site = open_site(codec=EncryptingCodec(), max_size=400)

    with pytest.raises(SessionTooLarge):
        site.visit(lambda session: session.update(text="x" * 300))


class DateCodec:
    """Another format, which keeps dates."""

    def encode(self, document: dict[str, Any]) -> bytes:
        """Write a date as an object."""
        return json.dumps(document, default=lambda value: {"date": value.isoformat()}).encode()

    def decode(self, payload: bytes) -> dict[str, Any]:
        """Make dates of such objects."""

        def revive(value: dict[str, Any]) -> Any:
            return date.fromisoformat(value["date"]) if set(value) == {"date"} else value

        document: dict[str, Any] = json.loads(payload, object_hook=revive)
        return document


def test_a_codec_may_carry_more_types_than_json(open_site: type[Site]) -> None:
    site = open_site(codec=DateCodec())
    site.visit(lambda session: session.update(days=[date(2026, 1, 1)]))
    site.visit(lambda session: session["days"].append(date(2026, 1, 2)))

    assert site.visit(read).value == {"days": [date(2026, 1, 1), date(2026, 1, 2)]}
    assert site.letters(read) == "G"


def test_a_nested_value_that_json_would_write_as_the_null_before_it_is_refused(open_site: type[Site]) -> None:
    site = open_site()
    site.visit(lambda session: session.update(a={"b": None}))

    async def refuse(session: Any) -> None:
        session["a"]["b"] = float("nan")
        with pytest.raises(NotSerializable, match=r"a\.b"):
            await settle(session.save())
        session["a"]["b"] = None

    site.visit(refuse)
