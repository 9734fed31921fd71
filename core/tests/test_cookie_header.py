"""Reading Cookie headers as the ``cookie`` package 0.7 of Node does, however hostile they are."""

import re
import time
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coatcheck.cookie import cookie_values, path_matches

AWKWARD = st.text(st.sampled_from('ab=; \t"%4C3A9sid,\x00\x7f\xe9\n\\'), max_size=30)
PIECES = st.sampled_from(
    ["sid", "sid=", "=", ";", " ", "\t", '"', "%", "%41", "%C3%A9", "%c3", "%E2%82%AC", "x"]
)
HEADERS = AWKWARD | st.lists(PIECES, max_size=20).map("".join) | st.text(st.characters(max_codepoint=255))


def decoded_as_in_node(text: str) -> str:
    """Follow ``decodeURIComponent``: strict UTF-8, and the text as it is where that fails."""
    if re.search("%(?![0-9a-fA-F]{2})", text):
        return text
    try:
        return re.sub("(?:%[0-9a-fA-F]{2})+", lambda run: unquote_to_bytes(run[0]).decode(), text)
    except UnicodeDecodeError:
        return text


def parsed_as_in_node(header: str) -> list[tuple[str, str]]:
    """Walk over a header by its positions, as ``cookie.parse`` does, but keep duplicates too."""
    pairs: list[tuple[str, str]] = []
    index = 0
    while index < len(header):
        equals = header.find("=", index)
        if equals == -1:
            break
        end = header.find(";", index)
        end = len(header) if end == -1 else end
        if equals > end:
            index = header.rfind(";", 0, equals) + 1
            continue
        key = header[index:equals].strip(" \t")
        value = header[equals + 1 : end].strip(" \t")
        if value.startswith('"') and value.endswith('"') and value != '"':  # Node drops a lone one
            value = value[1:-1]
        pairs.append((key, decoded_as_in_node(value)))
        index = end + 1
    return pairs


@given(header=HEADERS)
@example("sid")
@example("sid;=a; sid=b")
@example('sid="a"; sid=""; sid="')
@example("sid=%E9; sid=%zz; sid=%4; sid=100%")
@example("a\x00=1; sid\x00=2; sid=\x003")
def test_a_header_is_read_as_in_node(header: str) -> None:
    pairs = parsed_as_in_node(header)

    for name in ("sid", "a", "x"):
        assert list(cookie_values(header, name)) == [value for key, value in pairs if key == name]


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("", []),
        ("sid", []),
        ("=sid", []),
        ("sid=a", ["a"]),
        ("sid=", [""]),
        ("other=1; sid=a", ["a"]),
        ("sid=a; sid=b", ["a", "b"]),
        ("sid = a ", ["a"]),
        ("\tsid\t=\ta\t", ["a"]),
        ("\xa0sid=a", []),
        ("SID=a", []),
        ("xsid=a; sidx=b", []),
        ("junk; sid=a; more junk", ["a"]),
        ("sid=a=b=c", ["a=b=c"]),
        ('sid="a b"', ["a b"]),
        ('sid=" a "', [" a "]),
        ('sid="a', ['"a']),
        ('sid=""a""', ['"a"']),
        ('sid="a;b"', ['"a']),
        ("sid=a,b", ["a,b"]),
        ("sid=a+b", ["a+b"]),
        ("sid=s%3Aid.x%2By%2Fz", ["s:id.x+y/z"]),
        ("sid=%C3%A9%E2%82%AC", ["é€"]),
        ("sid=%00%0d%0A", ["\x00\r\n"]),
        ("sid=%41%zz", ["%41%zz"]),
        ("sid=%41%4", ["%41%4"]),
        ("sid=%", ["%"]),
        ("sid=%C3", ["%C3"]),
        ("sid=%C3x%A9", ["%C3x%A9"]),
        ("sid=%ED%A0%80", ["%ED%A0%80"]),
        ("sid=%C0%AF", ["%C0%AF"]),
        ("sid=%F5%80%80%80", ["%F5%80%80%80"]),
        ("sid=\xc3\xa9", ["\xc3\xa9"]),
    ],
    ids=ascii,
)
def test_a_header_gives_these_values(header: str, values: list[str]) -> None:
    assert list(cookie_values(header, "sid")) == values
    assert [value for key, value in parsed_as_in_node(header) if key == "sid"] == values


@pytest.mark.parametrize(
    "header",
    [";" * 65536, "sid=a;" * 11000, "sid=" + "%" * 65536, "sid=" + "%41" * 21845, 'sid="' + " " * 65536],
    ids=["semicolons", "pairs", "malformed escapes", "escapes", "spaces"],
)
def test_a_header_of_64_kib_is_read_in_no_time(header: str) -> None:
    start = time.process_time()
    list(cookie_values(header, "sid"))

    assert time.process_time() - start < 1.0


@pytest.mark.parametrize(
    ("request_path", "cookie_path", "matches"),
    [
        ("/", "/", True),
        ("/foo", "/", True),
        ("/foo", "/foo", True),
        ("/foo/", "/foo", True),
        ("/foo/bar", "/foo", True),
        ("/foo/bar", "/foo/", True),
        ("/foobar", "/foo", False),
        ("/foo", "/foo/", False),
        ("/Foo", "/foo", False),
        ("/", "/foo", False),
        ("/bar/foo", "/foo", False),
        ("*", "/", True),
        ("*", "/foo", False),
        ("/café", "/caf%C3%A9", True),
        ("/café/menu", "/caf%C3%A9", True),
        ("/cafés", "/caf%C3%A9", False),
        ("/a b/c", "/a%20b/", True),
        ("/100%", "/100%", True),
    ],
)
def test_a_cookie_is_sent_to_the_paths_below_its_own(
    request_path: str, cookie_path: str, matches: bool
) -> None:
    assert path_matches(request_path, cookie_path) is matches
