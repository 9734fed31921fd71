"""What each error of the driver becomes."""

import re

import pytest
from redis import exceptions

from coatcheck.errors import StoreError, StoreUnavailable
from coatcheck_redis.failures import answers_elsewhere, raise_translated
from coatcheck_redis.layout import Command

COMMAND = Command(("SET", b"sess:the-id", b"the-payload"))


def translated(error: Exception) -> StoreError:
    with pytest.raises(StoreError) as caught:
        raise_translated(error, 1.5, COMMAND)
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ReadOnlyError("You can't write against a read only replica."),
        exceptions.ResponseError(
            "Error running script (call to f_1): @user_script:5: -READONLY You can't write"
        ),
        exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
        exceptions.ResponseError("Error running script: @user_script:5: -OOM command not allowed"),
        exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
        exceptions.MasterDownError("Link with MASTER is down"),
        exceptions.ClusterDownError("Hash slot not served"),
        exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."),
        exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"),
        exceptions.ResponseError("BUSY Redis is busy running a script."),
        exceptions.ConnectionError("max number of clients reached"),
        exceptions.ConnectionError("Connection closed by server."),
        ConnectionRefusedError("refused"),
        UnicodeError("label too long"),
    ],
)
def test_a_server_that_cannot_serve_now_is_unavailable(error: Exception) -> None:
    unavailable = translated(error)
    assert isinstance(unavailable, StoreUnavailable)
    assert unavailable.__cause__ is error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (exceptions.AuthenticationError("invalid username-password pair"), "see user and password"),
        (exceptions.NoPermissionError("this user has no permissions"), "ACL"),
        (exceptions.ResponseError("WRONGTYPE Operation against a key"), "prefix"),
        (exceptions.MovedError("3999 127.0.0.1:6381"), "RedisCluster client"),
        (exceptions.ResponseError("unknown command 'EVALSHA', with args beginning with: 'the-id'"), "6.2"),
        (exceptions.ResponseError("Protocol error: invalid bulk length"), "11 bytes .* proto-max-bulk-len"),
        (exceptions.ResponseError("something else with the-id"), "refused the command"),
    ],
)
def test_other_failures_say_what_to_do(error: Exception, text: str) -> None:
    failure = translated(error)
    assert type(failure) is StoreError
    assert re.search(text, str(failure))
    assert "the-id" not in str(failure)


@pytest.mark.parametrize("error", [exceptions.TimeoutError("Timeout"), TimeoutError()])
def test_a_passed_deadline_is_named(error: Exception) -> None:
    assert str(translated(error)) == "Redis did not answer within 1.5 s"


def test_an_id_that_the_server_repeats_is_in_no_error_of_the_chain() -> None:
    cause = translated(
        exceptions.ResponseError("unknown command 'X', with args beginning with: 'the-id'")
    ).__cause__
    assert str(cause) == "unknown command 'X'"


def test_connections_to_a_demoted_master_are_of_no_use() -> None:
    assert answers_elsewhere(exceptions.ReadOnlyError("You can't write"))
    assert answers_elsewhere(
        exceptions.ResponseError("Error running script: @user_script:5: -READONLY You can't")
    )
    assert not answers_elsewhere(exceptions.ResponseError("WRONGTYPE"))
    assert not answers_elsewhere(exceptions.OutOfMemoryError("command not allowed"))
