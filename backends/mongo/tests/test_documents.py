"""Sessions as BSON documents: JSON as Node prints it, and back in the document's own form."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import bson
import pytest
from bson import BSON, Binary, Code, Decimal128, Int64, MaxKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck_mongo.documents import DOCUMENTS, own_form, to_json, to_session

MOMENT = datetime(2026, 11, 23, 21, 15, 17, 440000, tzinfo=UTC)


def stored(session: dict[str, Any]) -> Any:
    """Return a session as it is read from the server."""
    return bson.decode(BSON.encode({"session": session}), DOCUMENTS)["session"]


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (Int64(1), "1"),
        (Int64(2**53), "9007199254740992"),
        (1.5, "1.5"),
        (1.0, "1.0"),
        (3e9, "3000000000"),
        (-3e9, "-3000000000"),
        (1e21, "1e+21"),
        (float("nan"), "null"),
        (float("inf"), "null"),
        ("é\u2028\n", '"é\u2028\\n"'),
        (MOMENT, '"2026-11-23T21:15:17.440Z"'),
        (DatetimeMS(0), '"1970-01-01T00:00:00.000Z"'),
        (DatetimeMS(-1), '"1969-12-31T23:59:59.999Z"'),
        (DatetimeMS(253_402_300_799_999), '"9999-12-31T23:59:59.999Z"'),
        (DatetimeMS(253_402_300_800_000), '"+010000-01-01T00:00:00.000Z"'),
        (DatetimeMS(8_640_000_000_000_000), '"+275760-09-13T00:00:00.000Z"'),
        (DatetimeMS(-8_640_000_000_000_000), '"-271821-04-20T00:00:00.000Z"'),
        (DatetimeMS(-62_198_755_200_000), '"-000001-01-01T00:00:00.000Z"'),
        (DatetimeMS(8_640_000_000_000_001), "null"),
        (ObjectId("0123456789ab0123456789ab"), '"0123456789ab0123456789ab"'),
        (b"\0\1\2", '"AAEC"'),
        (Binary(b"\0\1\2", 128), '"AAEC"'),
        (
            Binary.from_uuid(UUID("12345678-1234-5678-1234-567812345678")),
            '"12345678-1234-5678-1234-567812345678"',
        ),
        (Decimal128("1.50"), '{"$numberDecimal":"1.50"}'),
        (Timestamp(1, 2), '{"$timestamp":{"t":1,"i":2}}'),
        ([1, {"a": [MOMENT]}], '[1,{"a":["2026-11-23T21:15:17.440Z"]}]'),
        ({"$ref": "x", "$id": 1, "a.b": {"": 0}}, '{"$ref":"x","$id":1,"a.b":{"":0}}'),
    ],
)
def test_a_value_is_read_as_node_prints_it(value: object, spelled: str) -> None:
    session = stored({"cookie": {}, "value": value})
    assert to_json(session).decode() == f'{{"cookie":{{}},"value":{spelled}}}'


KEPT = {
    "date": MOMENT,
    "int32": 1,
    "int64": Int64(1),
    "double": 1.0,
    "large double": 3e9,
    "nan": float("nan"),
    "decimal": Decimal128("1.50"),
    "id": ObjectId("0123456789ab0123456789ab"),
    "binary": Binary(b"\0\1\2", 128),
    "uuid": Binary.from_uuid(UUID("12345678-1234-5678-1234-567812345678")),
    "regex": Regex("a+", "i"),
    "code": Code("x"),
    "timestamp": Timestamp(1, 2),
    "last": MaxKey(),
    "deep": {"dates": [MOMENT, {"date": MOMENT}]},
}


@pytest.mark.parametrize("name", KEPT)
def test_a_value_whose_json_did_not_change_keeps_its_bson(name: str) -> None:
    before = stored({"cookie": {}, "kept": KEPT[name], "changed": MOMENT, "gone": MOMENT})
    new = json.loads(to_json(before))
    new["changed"] = "another"
    del new["gone"]
    after = own_form(to_session(json.dumps(new).encode()), before)
    assert BSON.encode(after) == BSON.encode({"cookie": {}, "kept": KEPT[name], "changed": "another"})


def test_a_double_stays_one_where_the_writer_has_no_other_spelling() -> None:
    before = stored({"n": 1.0, "m": 2.0, "b": 1})
    after = own_form(to_session(b'{"n":1,"m":3,"b":true}'), before)
    assert BSON.encode(after) == BSON.encode({"n": 1.0, "m": 3, "b": True})


def test_items_of_a_list_keep_their_bson_where_they_are_moved() -> None:
    other = datetime(2027, 1, 1, tzinfo=UTC)
    before = stored({"list": [MOMENT, other, {"at": MOMENT, "n": 1}]})
    payload = json.dumps(
        {
            "list": [
                "new",
                "2027-01-01T00:00:00.000Z",
                {"at": "2026-11-23T21:15:17.440Z", "n": 2},
                "2026-11-23T21:15:17.440Z",
            ]
        }
    )
    after = own_form(to_session(payload.encode()), before)
    assert BSON.encode(after) == BSON.encode({"list": ["new", other, {"at": MOMENT, "n": 2}, MOMENT]})


def test_the_order_of_the_keys_is_that_of_the_payload() -> None:
    before = stored({"a": 1, "b": {"c": MOMENT, "d": 2}})
    payload = b'{"b":{"d":2,"c":"2026-11-23T21:15:17.440Z"},"a":1}'
    assert to_json(stored(own_form(to_session(payload), before))) == payload


@pytest.mark.parametrize(
    ("spelled", "moment"),
    [
        ('"2026-11-23T21:15:17.440Z"', MOMENT),
        ('"2026-11-23T22:15:17.44+01:00"', MOMENT),
        ("null", None),
        ("false", False),
        ('"2026-11-23T21:15:17"', "2026-11-23T21:15:17"),
        ('"2026-99-23T21:15:17Z"', "2026-99-23T21:15:17Z"),
        ('"tomorrow"', "tomorrow"),
    ],
)
def test_the_end_of_a_cookie_is_a_date(spelled: str, moment: object) -> None:
    session = to_session(f'{{"cookie":{{"expires":{spelled},"path":"/"}}}}'.encode())
    assert BSON.encode(session) == BSON.encode({"cookie": {"expires": moment, "path": "/"}})


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"secret",
        b'{"secret":NaN}',
        b'{"secret":-Infinity}',
        b'{"secret":1e400}',
        b'{"secret":18446744073709551616}',
        rb'{"secret":"\ud800"}',
        rb'{"\udc00secret":1}',
        b'{"secret":"\xff"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    ],
)
def test_what_bson_cannot_carry_is_refused_without_being_shown(payload: bytes) -> None:
    with pytest.raises(ValueError) as refusal:
        to_session(payload)
    assert "secret" not in repr(refusal.value)
    assert refusal.value.__suppress_context__


def test_a_string_is_the_json_text_of_a_session() -> None:
    assert to_json('{"a": 1}') == b'{"a": 1}'
    assert to_session(b' "text" ') == ' "text" '


keys = st.text(max_size=8).filter(lambda key: "\0" not in key)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-(2**31) + 1, 2**31 - 1, allow_nan=False)
    | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
sessions = st.dictionaries(keys, values, max_size=6)


@settings(deadline=None, max_examples=200)
@given(sessions)
def test_what_the_core_writes_comes_back_byte_for_byte(session: dict[str, Any]) -> None:
    from coatcheck.codec import JSONCodec

    payload = JSONCodec().encode(session)
    before = stored(to_session(payload))
    assert to_json(before) == payload


dated: st.SearchStrategy[Any] = st.recursive(
    scalars
    | st.datetimes(timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    )
    | st.integers(-(2**63), 2**63 - 1).map(Int64)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(keys, dated, max_size=6))
def test_writing_back_what_was_read_changes_nothing(session: dict[str, Any]) -> None:
    before = stored(session)
    after = own_form(to_session(to_json(before)), before)
    assert stored(after).raw == before.raw
