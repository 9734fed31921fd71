"""Strict JSON: carried faithfully or refused with the path to what cannot be, and read as Node reads it."""

import enum
import json
import math
import shutil
import subprocess
from collections import OrderedDict, UserDict, defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck import NotSerializable
from coatcheck.codec import MAX_SAFE_INTEGER, JSONCodec, SealingCodec

CODEC = JSONCodec()
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(ANY_TEXT, inner, max_size=5),
    max_leaves=20,
)
DOCUMENTS = st.dictionaries(ANY_TEXT, VALUES, max_size=5)


def paired(value: Any) -> Any:
    """Join surrogates that stand beside each other: for JSON they are one character."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(value, list):
        return [paired(item) for item in value]
    if isinstance(value, dict):
        return {paired(key): paired(item) for key, item in value.items()}
    return value


def exactly(value: object) -> str:
    """Show a value so that 1, 1.0 and True, 0.0 and -0.0 and the order of keys differ."""
    return repr(value)


# -- round trip


@given(document=DOCUMENTS)
def test_every_document_comes_back_exactly(document: dict[str, Any]) -> None:
    assert exactly(CODEC.decode(CODEC.encode(document))) == exactly(paired(document))


@given(document=DOCUMENTS)
def test_what_is_written_is_what_any_json_reader_reads(document: dict[str, Any]) -> None:
    text = CODEC.encode(document).decode("utf-8")

    assert exactly(json.loads(text)) == exactly(paired(document))


@given(document=st.dictionaries(st.text(), st.recursive(SCALARS, st.lists, max_leaves=5)))
def test_what_others_write_with_spaces_and_escapes_is_read(document: dict[str, Any]) -> None:
    payload = json.dumps(document, indent=2, ensure_ascii=True).encode()

    assert exactly(CODEC.decode(payload)) == exactly(paired(document))


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_is_kept_to_the_last_bit(number: float) -> None:
    (back,) = CODEC.decode(CODEC.encode({"": number})).values()

    assert (back, math.copysign(1, back)) == (number, math.copysign(1, number))


def test_keys_keep_their_order_and_there_are_no_spaces() -> None:
    assert (
        CODEC.encode({"b": 1, "a": [True, None, 1.5], "é": {}})
        == '{"b":1,"a":[true,null,1.5],"é":{}}'.encode()
    )


# -- strings, as JSON.stringify writes them

AS_IN_NODE = {
    "".join(map(chr, range(0x20))): (
        r"\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"
        r"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f"
    ),
    "\"\\/'<>&": r"\"\\/'<>&",
    "\x7f\x80\x9f\xa0": "\x7f\x80\x9f\xa0",
    "\u2028\u2029\ufeff\uffff": "\u2028\u2029\ufeff\uffff",
    "é€😀\U0010ffff": "é€😀\U0010ffff",
    "a\ud800b": r"a\ud800b",
    "\udfff😀\x1f": r"\udfff😀\u001f",
    "\udc00\ud800": r"\udc00\ud800",
}


@pytest.mark.parametrize("text", AS_IN_NODE, ids=ascii)
def test_a_string_is_written_as_in_node(text: str) -> None:
    assert CODEC.encode({text: text}) == f'{{"{AS_IN_NODE[text]}":"{AS_IN_NODE[text]}"}}'.encode()
    assert CODEC.decode(CODEC.encode({text: text})) == {text: text}


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_node_itself_writes_every_character_of_the_basic_plane_alike() -> None:
    program = """
        const document = {}
        for (let i = 0; i < 0x10000; i += 64)
          document['k' + i] = Array.from({length: 64}, (_, j) => String.fromCharCode(i + j) + 'x')
        process.stdout.write(JSON.stringify(document))
    """
    written = subprocess.run(["node", "-e", program], check=True, capture_output=True).stdout
    document = {f"k{i}": [chr(i + j) + "x" for j in range(64)] for i in range(0, 0x10000, 64)}

    assert CODEC.encode(document) == written
    assert CODEC.decode(written) == document


# -- refusals


class Colour(enum.StrEnum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    __slots__ = ()


class Point(NamedTuple):
    x: int


REFUSED: list[tuple[Any, str]] = [
    (math.nan, "nan"),
    (math.inf, "inf"),
    (-math.inf, "-inf"),
    ((1, 2), "a tuple.*use a list"),
    (Point(1), "a Point.*use a list"),
    ({1}, "a set.*use a list"),
    (frozenset(), "a frozenset.*use a list"),
    (b"bytes", "a bytes"),
    (bytearray(), "a bytearray"),
    (datetime(2026, 1, 1, tzinfo=UTC), "a datetime"),
    (date(2026, 1, 1), "a date"),
    (Decimal(1), "a Decimal"),
    (UUID(int=1), "a UUID"),
    (object(), "an object"),
    (len, "a builtin_function_or_method"),
    (1j, "a complex"),
    (range(2), "a range"),
    (Text("x"), "a Text.*plain builtin type"),
    (Colour.RED, "a Colour.*plain builtin type"),
    (Number.ONE, "a Number.*plain builtin type"),
    (OrderedDict(a=1), "an? OrderedDict.*plain builtin type"),
    (defaultdict(int), "a defaultdict.*plain builtin type"),
    (UserDict[str, int](), "a UserDict"),
    (MAX_SAFE_INTEGER + 1, r"integer beyond 2\*\*53 - 1.*use str"),
    (-MAX_SAFE_INTEGER - 1, r"integer beyond 2\*\*53 - 1"),
    (10**5000, r"integer beyond 2\*\*53 - 1"),
]


@pytest.mark.parametrize(("value", "reason"), REFUSED, ids=lambda given: type(given).__name__)
def test_what_json_would_change_is_refused_with_its_path(value: object, reason: str) -> None:
    with pytest.raises(NotSerializable, match=rf"^'value' (is|has) .*{reason}"):
        CODEC.encode({"fine": [1], "value": value})
    with pytest.raises(NotSerializable, match=r"^'cart\.items\[2\]\.price' is "):
        CODEC.encode({"cart": {"id": 1, "items": [1, {}, {"price": value}]}})
    with pytest.raises(NotSerializable, match=r"^'rows\[1\]\[0\]' is "):
        CODEC.encode({"rows": [[1], [value, 2]]})


@pytest.mark.parametrize(
    ("key", "shown"),
    [(1, "int"), (None, "NoneType"), (True, "bool"), (1.5, "float"), ((1,), "tuple"), (b"k", "bytes")],
)
def test_a_key_that_is_no_string_is_refused_with_its_path(key: Any, shown: str) -> None:
    with pytest.raises(NotSerializable, match=rf"^'a\[0\]\.<{shown}>' has an? {shown} as a key.*use str"):
        CODEC.encode({"a": [{"fine": 1, key: 2}]})


def test_a_key_of_a_subclass_of_str_is_refused() -> None:
    with pytest.raises(NotSerializable, match=r"^'<Text>' has a Text as a key"):
        CODEC.encode({Text("a"): 1})


def test_a_refusal_shows_no_contents() -> None:
    with pytest.raises(NotSerializable) as refusal:
        CODEC.encode({"password": b"hunter2"})

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("key", ["\ud800", "\n", "k" * 100_000], ids=["surrogate", "newline", "long"])
def test_a_refusal_is_a_short_line_whatever_the_key(key: str) -> None:
    with pytest.raises(NotSerializable) as refusal:
        CODEC.encode({key: {1}})

    assert len(str(refusal.value).encode()) < 500
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("edge", [MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER, 0])
def test_the_largest_safe_integers_are_kept(edge: int) -> None:
    assert exactly(CODEC.decode(CODEC.encode({"n": edge}))) == exactly({"n": edge})


def test_a_list_that_contains_itself_is_refused() -> None:
    items: list[Any] = []
    items.append(items)

    with pytest.raises(NotSerializable, match="contains itself"):
        CODEC.encode({"items": items})


def test_a_mapping_that_contains_itself_is_refused() -> None:
    document: dict[str, Any] = {}
    document["self"] = [document]

    with pytest.raises(NotSerializable, match="contains itself"):
        CODEC.encode(document)


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"k": value}
    return value


def test_deep_nesting_is_refused_and_not_a_recursion_error() -> None:
    assert CODEC.decode(CODEC.encode({"deep": nested(200)})) == {"deep": nested(200)}
    with pytest.raises(NotSerializable, match="nested deeper than 200 levels"):
        CODEC.encode({"deep": nested(201)})
    with pytest.raises(NotSerializable, match="nested deeper"):
        CODEC.encode({"deep": nested(100_000)})


def test_a_value_that_occurs_twice_is_written_twice() -> None:
    shared = [1]

    assert CODEC.encode({"a": shared, "b": [shared, shared]}) == b'{"a":[1],"b":[[1],[1]]}'


def test_the_codec_seals_nothing() -> None:
    assert not isinstance(CODEC, SealingCodec)


def test_surrogates_that_make_a_pair_are_written_as_their_character() -> None:
    assert CODEC.encode({"a": "\ud83d\ude00\ud83d"}) == b'{"a":"\xf0\x9f\x98\x80\\ud83d"}'
