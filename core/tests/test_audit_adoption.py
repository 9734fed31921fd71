"""No cookie makes a session take an id that this middleware did not give: sessions cannot be fixed."""

from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
from harness import SECRET, SITES, Site
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.signing import Signer

GIVEN = "given-by-us-"
VICTIM = "victim"
"""The id of a session that lives."""

IDS = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    st.text(max_size=20),
    st.sampled_from(["", ".", "s:", "a.b", GIVEN, GIVEN + "x"]),
    st.just(VICTIM),
)
SECRETS = st.sampled_from(["another secret, long enough", SECRET + " ", SECRET.upper()])


def signed(sid: str, secret: str) -> str:
    return Signer([secret]).sign(sid)


RAW = st.one_of(
    IDS,
    st.builds("s:{}".format, IDS),
    st.builds("s:{}.{}".format, IDS, IDS),
    st.builds(signed, IDS, SECRETS),
    # Ours, of an id that no store knows: a session that ended long ago.
    st.builds(signed, IDS.filter(lambda sid: sid != VICTIM), st.just(SECRET)),
)
VALUES = st.one_of(RAW, RAW.map(lambda value: quote(value, safe="", errors="surrogatepass")))
HEADERS = st.lists(VALUES, min_size=1, max_size=5).map(
    lambda values: "; ".join(f"sid={value}" for value in values).encode("utf-8", "replace").decode("latin-1")
)


@cache
def opened(open_site: type[Site]) -> tuple[Site, list[str]]:
    """Return a site whose ids tell that they are ours, and those that were given."""
    ours: list[str] = []

    def generate_id(_request: object) -> str:
        ours.append(f"{GIVEN}{len(ours)}-{'x' * 20}")
        return ours[-1]

    return open_site(generate_id=generate_id), ours


@pytest.mark.parametrize("open_site", SITES)
@given(header=HEADERS)
def test_no_cookie_makes_a_session_take_its_id(open_site: type[Site], header: str) -> None:
    site, ours = opened(open_site)
    site.table.clear()
    site.plant(b'{"cookie":{"path":"/"},"n":0}', sid=VICTIM)

    def start(session: Any) -> Any:
        session["n"] = 1
        return session.id

    sid = site.visit(start, headers=[("Cookie", header)]).value

    assert sid == ours[-1]
    assert (site.sid, sorted(site.table.snapshot())) == (sid, [sid, VICTIM])
    assert site.data(VICTIM) == {"n": 0}
