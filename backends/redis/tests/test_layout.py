"""Keys, commands and what answers mean, without a server."""

from typing import Any

import pytest

from coatcheck.errors import StoreError
from coatcheck.store import Replaced
from coatcheck_redis import layout as module
from coatcheck_redis.layout import LONGEST, Layout, milliseconds, replaced

LAYOUT = Layout("sess:")


@pytest.mark.parametrize(
    ("ttl", "expected"),
    [
        (1, 1000),
        (0.07, 70),
        (0.0701, 71),
        (1.001, 1001),
        (1e-9, 1),
        (100 * 365.25 * 86400, 3_155_760_000_000),
        (1e300, LONGEST),
    ],
)
def test_a_lifetime_is_rounded_up_to_milliseconds(ttl: float, expected: int) -> None:
    assert milliseconds(ttl) == expected


def test_the_key_is_the_prefix_and_the_id() -> None:
    assert LAYOUT.get("id").parts == ("GET", b"sess:id")
    assert Layout("").get("ünï").parts == ("GET", "ünï".encode())


def test_set_gives_value_and_lifetime_in_one_command() -> None:
    assert LAYOUT.set("id", b"{}", 1.5).parts == ("SET", b"sess:id", b"{}", "PX", 1500)


@pytest.mark.parametrize("ttl", [0, -1])
def test_without_a_lifetime_records_are_removed(ttl: float) -> None:
    for command in (
        LAYOUT.set("id", b"{}", ttl),
        LAYOUT.touch("id", ttl),
        LAYOUT.replace("id", b"{}", ttl, None),
    ):
        assert command.parts == ("UNLINK", b"sess:id")
        assert not command.repeatable


def test_renewing_without_a_lifetime_only_reads() -> None:
    assert LAYOUT.get_and_touch("id", 0, 0) == LAYOUT.get("id")


def test_the_slack_is_taken_off_the_lifetime_from_which_on_nothing_is_renewed() -> None:
    assert LAYOUT.get_and_touch("id", 60, 10).parts[2:] == (1, b"sess:id", 60000, 50000)
    assert LAYOUT.get_and_touch("id", 60, 0).parts[-1] == 60000
    assert LAYOUT.get_and_touch("id", 60, 1e300).parts[-1] == 0


def test_only_reading_and_renewing_may_be_repeated() -> None:
    assert LAYOUT.get("id").repeatable
    assert LAYOUT.touch("id", 60).repeatable
    assert LAYOUT.get_and_touch("id", 60, 0).repeatable
    assert LAYOUT.scan(b"0").repeatable
    for command in (
        LAYOUT.set("id", b"{}", 60),
        LAYOUT.destroy("id"),
        LAYOUT.replace("id", b"{}", 60, None),
        LAYOUT.replace("id", b"{}", 60, b"[]"),
        LAYOUT.replace("id", b"{}", 0, b"[]"),
        module.remove_keys([b"sess:id"]),
    ):
        assert not command.repeatable


def test_a_script_is_called_by_its_digest_or_given_in_full() -> None:
    command = LAYOUT.replace("id", b"{}", 60, b"[]")
    digest = module.REPLACE_EXPECTED.sha
    assert command.parts == ("EVALSHA", digest, 1, b"sess:id", b"[]", b"{}", 60000)
    assert command.in_full == ("EVAL", module.REPLACE_EXPECTED.text, 1, b"sess:id", b"[]", b"{}", 60000)
    assert LAYOUT.get("id").in_full == LAYOUT.get("id").parts


@pytest.mark.parametrize(
    ("prefix", "pattern"),
    [
        ("sess:", b"sess:*"),
        ("", b"*"),
        ("a*b?c[d]e\\f^g-", b"a\\*b\\?c\\[d\\]e\\\\f^g-*"),
        ("ü", b"\xc3\xbc*"),
    ],
)
def test_the_prefix_is_literal_in_listings(prefix: str, pattern: bytes) -> None:
    assert Layout(prefix).scan(b"7").parts[:4] == ("SCAN", b"7", "MATCH", pattern)


def test_the_id_comes_back_out_of_the_key() -> None:
    assert LAYOUT.sid(b"sess:a:b*\xc3\xbc") == "a:b*ü"
    assert LAYOUT.sid(b"sess:\xff") is None


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (b"OK", Replaced(written=True)),
        (1, Replaced(written=True)),
        (0, Replaced(written=False)),
        (None, Replaced(written=False)),
        ([b"OK"], Replaced(written=False, current=b"OK")),
        ([None], Replaced(written=False)),
    ],
)
def test_the_answer_to_a_replacement_says_whether_it_was_written(answer: object, meaning: Replaced) -> None:
    assert replaced(answer) == meaning


def test_what_cannot_be_kept_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="surrogate") as refused:
        LAYOUT.get("secret\ud800")
    assert "secret" not in str(refused.value)
    with pytest.raises(TypeError, match="an id is a str, not int"):
        LAYOUT.get(5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        LAYOUT.set("id", "text", 60)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    given: Any = bytearray(b"{}")
    assert LAYOUT.set("id", given, 60).parts[2] == b"{}"


def test_a_payload_beyond_the_limit_of_redis_is_refused_with_the_sizes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LARGEST", 4)
    with pytest.raises(StoreError, match=r"5 bytes .* keeps 4"):
        LAYOUT.set("id", b"12345", 60)
