"""repr, errors and logs show no payload, id or password."""

import logging
import traceback
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import pytest
from databases.processes import free_port

from coatcheck import Store, StoreError, StoreUnavailable, open_async_store, open_store
from contract.homes import Home
from contract.payloads import numbered
from contract.subjects import Subject

SECRET_ID = "TICKETxyzzy1234567890"
SECRET_TEXT = "COATplughxyzzy"
PASSWORD = "PASSWORDxyzzy"
SECRETS = (SECRET_ID, SECRET_TEXT, PASSWORD)

with_a_url = pytest.mark.subjects(fits=lambda subject: subject.served and not subject.client)


def with_password(url: str) -> str:
    """Return the URL with a name and a password in it."""
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"somebody:{PASSWORD}@{address}"))


def opened(home: Home, url: str, **options: object) -> Store:
    """Open a store at another URL than the home's."""
    opener = open_async_store if home.subject.asynchronous else open_store
    return home.faced(opener(url, **home.options(**options)))


def operations(store: Store) -> dict[str, Callable[[], object]]:
    """Return every operation, with secrets for arguments."""
    payload = numbered(1, text=SECRET_TEXT)
    found: dict[str, Callable[[], object]] = {
        "get": lambda: store.get(SECRET_ID),
        "set": lambda: store.set(SECRET_ID, payload, ttl=60),
        "destroy": lambda: store.destroy(SECRET_ID),
        "touch": lambda: store.touch(SECRET_ID, ttl=60),
        "get_and_touch": lambda: store.get_and_touch(SECRET_ID, ttl=60),
        "replace": lambda: store.replace(SECRET_ID, payload, ttl=60),
        "replace expected": lambda: store.replace(SECRET_ID, payload, ttl=60, expected=payload),
        "ids": lambda: list(store.ids()),
        "all": lambda: list(store.all()),
        "length": store.length,
        "clear": store.clear,
        "prune": store.prune,
        "ping": store.ping,
    }
    return {name: run for name, run in found.items() if getattr(store.supports, name.partition(" ")[0], True)}


def shown(error: BaseException) -> str:
    """Return everything that a log would show of an error, with what caused it."""
    return "".join(traceback.format_exception(error)) + repr(error)


def test_repr_shows_no_payload_and_no_id(store: Store) -> None:
    store.set(SECRET_ID, numbered(1, text=SECRET_TEXT), ttl=60)
    assert not [secret for secret in SECRETS if secret in repr(store)]


@with_a_url
def test_repr_shows_no_password(home: Home) -> None:
    store = opened(home, with_password(home.url()))
    assert PASSWORD not in repr(store) + str(store)


@with_a_url
def test_the_error_of_an_unreachable_server_shows_no_secret(home: Home) -> None:
    store = opened(home, with_password(home.url(free_port())), timeout=0.3)
    for run in operations(store).values():
        with pytest.raises(StoreUnavailable) as raised:
            run()
        assert not [secret for secret in SECRETS if secret in shown(raised.value)]


@pytest.mark.subjects(fits=lambda subject: subject.kind in ("mongodb", "mariadb"))
def test_the_error_of_a_wrong_password_shows_no_secret(home: Home) -> None:
    store = opened(home, with_password(home.url()))
    for run in operations(store).values():
        with pytest.raises(StoreError) as raised:
            run()
        assert not [secret for secret in SECRETS if secret in shown(raised.value)]


@pytest.mark.subjects(fits=lambda subject: subject.kind is not None)
def test_the_error_of_a_wrong_option_shows_no_password(home: Home) -> None:
    with pytest.raises((ValueError, TypeError)) as raised:
        opened(home, with_password(home.url()), no_such_option=1)
    assert PASSWORD not in shown(raised.value)


REFUSABLE = {
    "no JSON": (SECRET_ID, f'{{"cookie":{{}},"text":"{SECRET_TEXT}"'),
    "a long id": (SECRET_ID * 1000, f'{{"cookie":{{}},"text":"{SECRET_TEXT}"}}'),
    "a zero byte": (f"{SECRET_ID}\x00", f'{{"cookie":{{}},"text":"{SECRET_TEXT}"}}'),
    "a lone surrogate": (f"{SECRET_ID}\ud800", f'{{"cookie":{{}},"text":"{SECRET_TEXT}"}}'),
}


@pytest.mark.parametrize("name", REFUSABLE)
def test_the_error_of_what_cannot_be_kept_shows_no_secret(store: Store, name: str) -> None:
    sid, text = REFUSABLE[name]
    said = ""
    try:
        store.set(sid, text.encode(), ttl=60)
    except (StoreError, ValueError) as error:
        said = shown(error)
    assert not [secret for secret in SECRETS if secret in said]


@pytest.mark.subjects(fits=lambda subject: subject.too_large is not None)
def test_the_error_of_what_is_too_large_shows_no_secret(store: Store, subject: Subject) -> None:
    assert subject.too_large
    payload = numbered(1, text=SECRET_TEXT, filling="x" * subject.too_large)
    with pytest.raises(StoreError) as raised:
        store.set(SECRET_ID, payload, ttl=60)
    assert not [secret for secret in SECRETS if secret in shown(raised.value)]


def test_the_log_shows_no_secret(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="coatcheck")
    store = home.open()
    for run in operations(store).values():
        run()
    said = "".join(record.getMessage() for record in caplog.records if record.name.startswith("coatcheck"))
    assert not [secret for secret in SECRETS if secret in said]
