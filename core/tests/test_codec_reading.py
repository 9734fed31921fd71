"""JSON as others wrote it: read as Node reads it, or refused as unreadable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.codec import MAX_SAFE_INTEGER, JSONCodec

CODEC = JSONCodec()


def exactly(value: object) -> str:
    """Show a value so that 1, 1.0 and True, 0.0 and -0.0 and the order of keys differ."""
    return repr(value)


@pytest.mark.parametrize(
    ("digits", "number"),
    [
        ("9007199254740991", 9007199254740991),
        ("9007199254740992", 9007199254740992.0),
        ("-9007199254740991", -9007199254740991),
        ("-9007199254740993", -9007199254740992.0),
        ("12345678901234567890", 12345678901234567890.0),
        ("1" + "0" * 300, 1e300),
        ("1234567890123456.5", 1234567890123456.5),
        ("0.12345678901234567890", 0.12345678901234568),
        ("1e20", 1e20),
        ("-0", 0),
    ],
)
def test_an_integer_beyond_the_safe_ones_is_read_as_the_float_that_node_has(
    digits: str, number: float
) -> None:
    assert exactly(CODEC.decode(f'{{"n":[{digits}]}}'.encode())) == exactly({"n": [number]})


@given(number=st.integers(-(10**40), 10**40))
def test_any_integer_is_read_as_node_reads_it(number: int) -> None:
    (back,) = CODEC.decode(f'{{"n":{number}}}'.encode()).values()

    expected = number if abs(number) <= MAX_SAFE_INTEGER else float(number)
    assert exactly(back) == exactly(expected)


def test_long_digits_in_a_string_stay_a_string() -> None:
    assert CODEC.decode(b'{"card":"4111111111111111","n":5}') == {"card": "4111111111111111", "n": 5}


def test_of_duplicate_keys_the_last_counts_as_in_node() -> None:
    assert CODEC.decode(b'{"a":1,"b":2,"a":3}') == {"a": 3, "b": 2}
    assert CODEC.decode(b'{"a":1,"a":12345678901234567890,"s":"\\ud800","a":3}')["a"] == 3


def test_lone_surrogates_are_read() -> None:
    assert CODEC.decode(rb'{"\udc00":"a\ud800\n"}') == {"\udc00": "a\ud800\n"}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b" ",
        b"null",
        b"1",
        b'"text"',
        b"[]",
        b'[{"a":1}]',
        b"{",
        b'{"a":1}{"b":2}',
        b'{"a":1} x',
        b'{"a":1,}',
        b"{'a':1}",
        b"{a:1}",
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":NaN,"long":12345678901234567890}',
        b'{"a":undefined}',
        b'{"a":"\n"}',
        b'{"a":"\\x41"}',
        b'{"a":"\xff"}',
        b'{"a":"\xc3"}',
        b"\x80\x04\x95",
        b"\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda payload: ascii(payload[:30].decode("latin-1")),
)
def test_what_is_no_json_object_is_unreadable(payload: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        CODEC.decode(payload)


@given(payload=st.binary())
def test_no_payload_does_worse_than_a_value_error(payload: bytes) -> None:
    try:
        document = CODEC.decode(payload)
    except ValueError:
        return
    assert isinstance(document, dict)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 400])
def test_a_number_that_no_float_holds_is_unreadable(number: str) -> None:
    with pytest.raises(ValueError):
        CODEC.decode(f'{{"n":{number}}}'.encode())
