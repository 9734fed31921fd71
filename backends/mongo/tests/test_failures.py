"""The driver's errors become ours, without ids, payloads or passwords."""

import traceback
from collections.abc import Callable
from typing import Any

import pytest
from databases.bench import Databases
from databases.server import Server
from pymongo import MongoClient, errors

from coatcheck.errors import ConfigurationError, StoreError, StoreUnavailable
from coatcheck.store import Store
from coatcheck_mongo.failures import translated

Open = Callable[..., Store]
SECRET = "hunter2"


def failure(error: Exception) -> Exception:
    try:
        with translated(1.0, 123):
            raise error
    except Exception as raised:  # noqa: BLE001 (what it is is what is asked)
        return raised


def refused(code: int, kind: type[errors.OperationFailure] = errors.OperationFailure) -> Exception:
    return kind(f"text with {SECRET}", code, {"errmsg": SECRET, "errInfo": {"document": SECRET}})


def in_bulk(code: int) -> Exception:
    return errors.BulkWriteError(
        {"writeErrors": [{"code": code, "errmsg": SECRET}], "writeConcernErrors": []}
    )


@pytest.mark.parametrize(
    "error",
    [
        errors.ServerSelectionTimeoutError("none"),
        errors.AutoReconnect("lost"),
        errors.NetworkTimeout("late"),
        errors.NotPrimaryError("moved"),
        errors.WaitQueueTimeoutError("full"),
        errors.ExecutionTimeout("late", 50),
        errors.WTimeoutError("late", 64),
        errors.WriteConcernError("few", 100),
        errors.ConfigurationError("The DNS query name does not exist"),
        errors.OperationFailure("stepped down", 189),
        errors.OperationFailure("no space left", 14031),
        errors.OperationFailure("shutting down", 91),
        errors.OperationFailure("again", 1, {"errorLabels": ["RetryableWriteError"]}),
        in_bulk(10107),
        ConnectionResetError("reset"),
        TimeoutError("late"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_outage_is_unavailability_with_its_cause(error: Exception) -> None:
    ours = failure(error)
    assert isinstance(ours, StoreUnavailable)
    assert ours.__cause__ is error
    assert "within 1 s" in str(ours)


@pytest.mark.parametrize(
    ("error", "match"),
    [
        (refused(13), "may not do this: grant readWrite"),
        (refused(18), "refused the user or the password"),
        (refused(121, errors.WriteError), r"WriteError, code 121\): its log"),
        (refused(11000, errors.DuplicateKeyError), "DuplicateKeyError, code 11000"),
        (refused(17419, errors.WriteError), r"a session of 123 bytes .* hold 16,777,216 bytes"),
        (refused(10334), r"a session of 123 bytes .* hold 16,777,216 bytes"),
        (errors.DocumentTooLarge(SECRET), r"a session of 123 bytes .* hold 16,777,216 bytes"),
        (in_bulk(17420), r"a session of 123 bytes .* hold 16,777,216 bytes"),
        (in_bulk(2), "BulkWriteError, code 2"),
        (errors.InvalidOperation("Cannot use MongoClient after close"), "client is closed"),
        (errors.PyMongoError(SECRET), "PyMongoError"),
    ],
)
def test_a_refusal_is_an_error_that_repeats_nothing(error: Exception, match: str) -> None:
    ours = failure(error)
    assert type(ours) is StoreError
    with pytest.raises(StoreError, match=match):
        raise ours
    if getattr(error, "code", None) != 18:
        assert SECRET not in "".join(traceback.format_exception(ours))


def test_what_is_ours_passes_unchanged() -> None:
    for error in (StoreUnavailable("x"), StoreError("x"), ValueError("x"), KeyError("x")):
        assert failure(error) is error


# -- on a server


@pytest.fixture
def server(databases: Databases) -> Server:
    return databases.get("mongodb")


def everything(store: Store) -> None:
    store.set(f"{SECRET}-sid", f'{{"p":"{SECRET}"}}'.encode(), ttl=60)


def test_a_wrong_password_is_an_error_and_never_shown(server: Server, opened: Open) -> None:
    url = f"mongodb://somebody:{SECRET}@{server.host}:{server.port}/coatcheck"
    for _ in range(2):
        with pytest.raises(StoreError, match="refused the user or the password") as refusal:
            everything(opened(url))
        assert not isinstance(refusal.value, StoreUnavailable)
        assert SECRET not in "".join(traceback.format_exception(refusal.value))


def test_a_document_that_a_validator_refuses_is_not_shown(
    server: Server, opened: Open, collection: str
) -> None:
    with MongoClient[dict[str, Any]](server.url) as client:
        database = client.get_default_database()
        database.create_collection(collection, validator={"$jsonSchema": {"required": ["tenant"]}})
        store = opened(server.url, collection=collection)
        with pytest.raises(StoreError, match="code 121") as refusal:
            everything(store)
        assert SECRET not in "".join(traceback.format_exception(refusal.value))
        database.drop_collection(collection)


def test_a_collection_that_folds_ids_is_refused(server: Server, opened: Open, collection: str) -> None:
    with MongoClient[dict[str, Any]](server.url) as client:
        database = client.get_default_database()
        database.create_collection(collection, collation={"locale": "en", "strength": 1})
        store = opened(server.url, collection=collection)
        with pytest.raises(ConfigurationError, match="has a collation") as refusal:
            everything(store)
        assert SECRET not in "".join(traceback.format_exception(refusal.value))
        database.drop_collection(collection)
