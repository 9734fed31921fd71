"""The signature of session ids: Node's, byte for byte, and impossible to talk round."""

import base64
import hashlib
import hmac
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.signing import Signer

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
SIGNER = Signer(["keyboard cat"])

NODE_VECTORS = {  # of express-session's own tests
    "apple": "s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU",
    "%": "s%3A%25.kzQ6x52kKVdF35Qh62AWk4ZekS28K5XYCXKa%2FOTZ01g",
    "/foo": "s%3A%2Ffoo.paEKBtAHbV5s1IB8B2zPnzAgYmmnRPIqObW4VRYj%2FMQ",
}


@pytest.mark.parametrize("sid", NODE_VECTORS)
def test_an_id_is_signed_as_in_node(sid: str) -> None:
    signed = SIGNER.sign(sid)

    assert quote(signed, safe="-_.!~*'()") == NODE_VECTORS[sid]
    assert SIGNER.unsign(signed) == sid


@given(sid=ANY_TEXT, secret=st.text(min_size=1) | st.binary(min_size=1))
def test_what_was_signed_verifies_and_gives_the_id_back(sid: str, secret: str | bytes) -> None:
    assert Signer([secret]).unsign(Signer([secret]).sign(sid)) == sid


@given(sid=st.text(), secret=st.binary(min_size=1))
def test_the_signature_is_unpadded_base64_of_hmac_sha256(sid: str, secret: bytes) -> None:
    digest = hmac.new(secret, sid.encode(), hashlib.sha256).digest()

    assert Signer([secret]).sign(sid) == f"s:{sid}.{base64.b64encode(digest).decode().rstrip('=')}"


@given(parts=st.lists(st.text(st.sampled_from("ab.:s")), max_size=4))
def test_an_id_with_dots_is_cut_at_the_last_one(parts: list[str]) -> None:
    sid = ".".join(parts)

    assert SIGNER.unsign(SIGNER.sign(sid)) == sid


def test_a_text_secret_is_its_utf_8() -> None:
    assert Signer(["sëcret"]).sign("apple") == Signer(["sëcret".encode()]).sign("apple")


def test_bytes_that_are_no_text_are_a_secret_too() -> None:
    signer = Signer([b"\xff\x00\xfe"])

    assert signer.unsign(signer.sign("apple")) == "apple"


def test_the_first_secret_signs() -> None:
    assert Signer(["new", "old"]).sign("apple") == Signer(["new"]).sign("apple")


@pytest.mark.parametrize("position", range(3))
def test_every_secret_verifies(position: int) -> None:
    secrets = ["new", "old", "oldest"]

    assert Signer(secrets).unsign(Signer([secrets[position]]).sign("apple")) == "apple"


def test_a_secret_that_was_taken_away_verifies_no_more() -> None:
    assert Signer(["new"]).unsign(Signer(["old"]).sign("apple")) is None


@given(sid=st.text(max_size=8), other=st.text(max_size=8))
def test_a_signature_is_worth_nothing_under_another_id(sid: str, other: str) -> None:
    signature = SIGNER.sign(sid).rpartition(".")[2]

    assert (SIGNER.unsign(f"s:{other}.{signature}") == other) is (sid == other)


@given(value=ANY_TEXT)
def test_no_hostile_value_raises_or_verifies(value: str) -> None:
    assert SIGNER.unsign(value) is None
    assert SIGNER.unsign(f"s:{value}") is None


@given(sid=st.text(max_size=8), position=st.integers(0, 42), other=st.characters(exclude_categories=()))
def test_a_signature_with_one_other_character_does_not_verify(sid: str, position: int, other: str) -> None:
    head, _, signature = SIGNER.sign(sid).rpartition(".")
    changed = signature[:position] + other + signature[position + 1 :]

    assert (SIGNER.unsign(f"{head}.{changed}") == sid) is (changed == signature)


SIGNED = SIGNER.sign("apple")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "s:",
        "s:.",
        "apple",
        SIGNED[2:],
        SIGNED.replace("s:", "S:"),
        SIGNED.replace("s:", "s%3A"),
        SIGNED[:-1],
        SIGNED + "=",
        SIGNED + " ",
        SIGNED + "\x00",
        " " + SIGNED,
        SIGNED.replace(".", ""),
        SIGNED.replace("+", "-").replace("/", "_"),
        SIGNED.swapcase(),
        "s:apple." + "\uff21" * 43,
        "s:apple." + "\ud800" * 43,
        "s:" + "." * 64 * 1024,
        "s:" + "a" * 64 * 1024 + SIGNED[-44:],
    ],
    ids=ascii,
)
def test_a_value_that_is_nearly_right_does_not_verify(value: str) -> None:
    assert SIGNER.unsign(value) is None


def test_an_empty_id_is_an_id() -> None:
    assert SIGNER.unsign(SIGNER.sign("")) == ""


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return False

    monkeypatch.setattr("hmac.compare_digest", compare)

    assert Signer(["one", "two"]).unsign(SIGNED) is None
    assert [other for _, other in compared] == [SIGNED.rpartition(".")[2]] * 2


def test_a_signer_does_not_show_its_secrets() -> None:
    assert "keyboard" not in repr(SIGNER)
