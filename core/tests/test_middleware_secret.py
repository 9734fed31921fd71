"""The secret signs the cookie; the id is random unless the application says otherwise."""

import logging
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from harness import SECRET, SITES, Site

pytestmark = pytest.mark.parametrize("open_site", SITES)

NEW_SECRET = "the next secret of the application"


def store_value(session: Any) -> None:
    session["a"] = 1


def read_value(session: Any) -> Any:
    return session.get("a")


def test_the_first_secret_signs_and_every_one_verifies(open_site: type[Site]) -> None:
    old = open_site(secret=SECRET)
    old.visit(store_value)
    rotated = open_site(secret=[NEW_SECRET, SECRET], store=old.store)
    rotated.browser.cookies = old.browser.cookies
    assert rotated.visit(read_value).value == 1

    rotated.another_browser()
    rotated.visit(store_value)
    renewed = open_site(secret=NEW_SECRET, store=old.store)
    renewed.browser.cookies = rotated.browser.cookies
    assert renewed.visit(read_value).value == 1


def test_a_secret_that_was_taken_out_of_the_list_verifies_no_more(open_site: type[Site]) -> None:
    old = open_site(secret=SECRET)
    old.visit(store_value)
    retired = open_site(secret=NEW_SECRET, store=old.store)
    retired.browser.cookies = old.browser.cookies

    assert retired.visit(read_value).value is None


def test_bytes_and_a_str_of_the_same_bytes_are_one_secret(open_site: type[Site]) -> None:
    as_text = open_site(secret=SECRET)
    as_text.visit(store_value)
    as_bytes = open_site(secret=SECRET.encode(), store=as_text.store)
    as_bytes.browser.cookies = as_text.browser.cookies

    assert as_bytes.visit(read_value).value == 1


def test_any_bytes_can_be_a_secret(open_site: type[Site]) -> None:
    site = open_site(secret=bytes(range(128, 160)))
    site.visit(store_value)

    assert site.visit(read_value).value == 1


def test_a_list_of_secrets_that_changes_later_changes_nothing(open_site: type[Site]) -> None:
    secrets = [SECRET]
    site = open_site(secret=secrets)
    site.visit(store_value)

    secrets.insert(0, NEW_SECRET)
    secrets.remove(SECRET)

    assert site.visit(read_value).value == 1


@pytest.mark.parametrize("secret", ["fifteen letters", [SECRET, b"short"], "é" * 7])
def test_a_short_secret_is_warned_about_in_the_log(
    open_site: type[Site], secret: Any, caplog: pytest.LogCaptureFixture
) -> None:
    open_site(secret=secret)

    (record,) = caplog.records
    assert (record.name, record.levelno) == ("coatcheck", logging.WARNING)
    assert "shorter than 16 bytes" in record.getMessage()


def test_a_secret_of_sixteen_bytes_is_long_enough(
    open_site: type[Site], caplog: pytest.LogCaptureFixture
) -> None:
    open_site(secret="é" * 8)

    assert caplog.records == []


def test_an_id_has_24_random_bytes_in_base64url(open_site: type[Site]) -> None:
    site = open_site()
    ids = {site.visit(lambda session: session.id).value for _ in range(20)}

    assert len(ids) == 20
    assert {len(urlsafe_b64decode(sid)) for sid in ids} == {24}


@pytest.mark.parametrize(
    ("sid", "value"),
    [
        ("apple", "s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU"),
        ("%", "s%3A%25.kzQ6x52kKVdF35Qh62AWk4ZekS28K5XYCXKa%2FOTZ01g"),
        ("/foo", "s%3A%2Ffoo.paEKBtAHbV5s1IB8B2zPnzAgYmmnRPIqObW4VRYj%2FMQ"),
    ],
)
def test_an_id_of_the_application_is_signed_and_encoded_as_express_does(
    open_site: type[Site], sid: str, value: str
) -> None:
    site = open_site(secret="keyboard cat", generate_id=lambda _: sid)

    response = site.visit(store_value)

    assert response.set_cookies[0].startswith(f"sid={value};")
    assert site.visit(read_value).value == 1


def test_generate_id_gets_the_request(open_site: type[Site]) -> None:
    paths = {"wsgi": "PATH_INFO", "asgi": "path"}
    path = paths[open_site.Middleware.__module__.rpartition(".")[2]]
    site = open_site(generate_id=lambda request: f"id-of-{request[path]}")

    assert site.visit(lambda session: session.id, "/shop").value == "id-of-/shop"


@pytest.mark.parametrize("sid", ["", None, b"bytes", 7])
def test_an_id_that_is_no_str_with_letters_is_a_type_error(open_site: type[Site], sid: Any) -> None:
    site = open_site(generate_id=lambda _: sid)

    with pytest.raises(TypeError, match="generate_id"):
        site.visit(store_value)
    assert site.table.length() == 0


def test_generate_id_is_not_called_for_a_session_that_is_not_used(open_site: type[Site]) -> None:
    site = open_site(generate_id=lambda _: pytest.fail("an id was made for nothing"))

    assert site.visit().status == 200
