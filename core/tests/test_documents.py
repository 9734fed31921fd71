"""Between sessions and payloads: what Express stores, and what counts as no session."""

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck import NotSerializable, SessionTooLarge
from coatcheck._log import RateLimit
from coatcheck.codec import JSONCodec
from coatcheck.engine.documents import Document, Unreadable, decode, encode, read, seal
from coatcheck.options import Options

COOKIE = {"originalMaxAge": None, "expires": None, "httpOnly": True, "path": "/"}


def options(**given: Any) -> Options:
    return Options(secret="a secret of the tests", **given)


OPTIONS = options()


class Reversing(JSONCodec):
    """Seals by an id in front and the payload backwards."""

    def seal(self, sid: str, payload: bytes, /) -> bytes:
        return sid.encode() + payload[::-1]

    def open(self, sid: str, sealed: bytes, /) -> bytes:
        if not sealed.startswith(sid.encode()):
            raise KeyError("sealed for another id")
        return sealed[len(sid) :][::-1]


# -- encoding


def test_the_cookie_comes_first_then_the_start_then_the_data() -> None:
    document = Document(COOKIE, 1795468517.5, {"b": 1, "a": [True]})

    assert encode(OPTIONS, document).decode() == (
        '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},'
        '"__started":1795468517.5,"b":1,"a":[true]}'
    )


def test_without_a_limited_lifetime_no_start_is_stored() -> None:
    assert b"__started" not in encode(OPTIONS, Document(COOKIE, None, {}))


@pytest.mark.parametrize("key", ["cookie", "__started"])
def test_a_reserved_key_in_the_data_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"__started and cookie are reserved"):
        encode(OPTIONS, Document(COOKIE, None, {key: 1}))


def test_what_json_cannot_carry_is_refused_by_its_path() -> None:
    with pytest.raises(NotSerializable, match=r"^'cart\[0\]'"):
        encode(OPTIONS, Document(COOKIE, None, {"cart": [{1}]}))


@given(
    cookie=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers(0, 9) | st.text()),
    started=st.none() | st.integers(0, 2**40) | st.floats(0, 1e12),
    data=st.dictionaries(st.text().filter(lambda key: key not in ("cookie", "__started")), st.integers(0, 9)),
)
def test_a_document_comes_back_as_it_was(
    cookie: dict[str, Any], started: float | None, data: dict[str, Any]
) -> None:
    back = decode(OPTIONS, encode(OPTIONS, Document(cookie, started, data)))

    assert back == Document(cookie, started, data)
    assert list(back.data) == list(data)


# -- reading


def test_a_record_is_read_with_its_exact_bytes() -> None:
    stored = b'{ "n" : 1, "cookie" : {"path":"/"} }'
    record, document = read(OPTIONS, "sid", stored)

    assert (record.sid, record.stored, record.plain) == ("sid", stored, stored)
    assert document == Document({"path": "/"}, None, {"n": 1})


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"5",
        b"{}",
        b'{"n":1}',
        b'{"cookie":null}',
        b'{"cookie":[]}',
        b'{"cookie":"/"}',
        b'{"cookie":true,"n":1}',
        b'{"Cookie":{}}',
        b'{"cookie":{}',
        b'{"cookie":{},"n":NaN}',
        b'{"cookie":{},"n":"\xff"}',
        b"\x80\x04\x95\x00pickle",
        b"[" * 100_000,
        b'{"cookie":' * 100_000,
    ],
    ids=lambda payload: ascii(payload[:24].decode("latin-1")),
)
def test_a_payload_without_a_cookie_object_is_unreadable(payload: bytes) -> None:
    with pytest.raises(Unreadable):
        read(OPTIONS, "sid", payload)


@given(payload=st.binary())
def test_no_payload_raises_anything_but_unreadable(payload: bytes) -> None:
    with pytest.raises(Unreadable):
        read(OPTIONS, "sid", payload)


def test_what_cannot_be_read_is_named_by_its_error_and_not_by_its_content() -> None:
    with pytest.raises(Unreadable) as unreadable:
        read(OPTIONS, "sid", b'{"password":"hunter2"}')

    assert str(unreadable.value) == "KeyError"


class Failing(JSONCodec):
    """Raises what it was given at every reading."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def decode(self, payload: bytes, /) -> dict[str, Any]:
        raise self._error


@pytest.mark.parametrize(
    "error", [KeyError("k"), RecursionError(), MemoryError(), RuntimeError(), StopIteration()]
)
def test_whatever_a_codec_raises_means_unreadable(error: Exception) -> None:
    with pytest.raises(Unreadable, match=type(error).__name__):
        read(options(codec=Failing(error)), "sid", b'{"cookie":{}}')


def test_a_codec_that_returns_no_mapping_means_unreadable() -> None:
    class Listing(JSONCodec):
        def decode(self, payload: bytes, /) -> Any:
            return [payload]

    with pytest.raises(Unreadable):
        read(options(codec=Listing()), "sid", b'{"cookie":{}}')


@pytest.mark.parametrize(
    ("raw", "started"),
    [
        ("5", 5),
        ("1795468517.25", 1795468517.25),
        ("-1", -1),
        ("null", None),
        ("true", None),
        ('"5"', None),
        ("[]", None),
    ],
)
def test_a_start_that_is_no_number_counts_as_absent_and_is_never_data(
    raw: str, started: float | None
) -> None:
    document = decode(OPTIONS, f'{{"cookie":{{}},"__started":{raw},"n":1}}'.encode())

    assert document == Document({}, started, {"n": 1})


# -- sealing and size


def test_a_sealed_record_keeps_both_forms() -> None:
    sealing = options(codec=Reversing())
    plain = encode(sealing, Document(COOKIE, None, {"n": 1}))
    record = seal(sealing, RateLimit(), "sid", plain)

    assert (record.plain, record.stored) == (plain, b"sid" + plain[::-1])
    assert read(sealing, "sid", record.stored) == (record, Document(COOKIE, None, {"n": 1}))


def test_a_record_sealed_for_another_id_is_unreadable() -> None:
    sealing = options(codec=Reversing())
    record = seal(sealing, RateLimit(), "sid", encode(sealing, Document(COOKIE, None, {})))

    with pytest.raises(Unreadable, match="KeyError"):
        read(sealing, "other", record.stored)


def test_without_sealing_what_is_stored_is_what_was_encoded() -> None:
    record = seal(OPTIONS, RateLimit(), "sid", b"{}")

    assert (record.stored, record.plain) == (b"{}", b"{}")


def test_the_size_that_counts_is_that_of_what_is_stored() -> None:
    plain = json.dumps({"cookie": {}}).encode()
    sealing = options(codec=Reversing(), max_size=len(plain) + 3)

    assert len(seal(sealing, RateLimit(), "sid", plain).stored) == len(plain) + 3
    with pytest.raises(
        SessionTooLarge, match=rf"has {len(plain) + 4} bytes, more than max_size={len(plain) + 3}"
    ):
        seal(sealing, RateLimit(), "four", plain)


@pytest.mark.parametrize(("size", "warned"), [(65535, False), (65536, True)])
def test_a_large_session_is_warned_about(size: int, warned: bool, caplog: pytest.LogCaptureFixture) -> None:
    seal(OPTIONS, RateLimit(), "a-secret-id", b" " * size)

    assert [record.levelno for record in caplog.records] == [logging.WARNING] * warned
    assert "a-secret-id" not in caplog.text
