"""The tree of errors, and the hint that names what was probably meant."""

import pytest

from coatcheck import errors

BUILTINS: dict[type[Exception], tuple[type[Exception], ...]] = {
    errors.CoatcheckError: (Exception,),
    errors.ConfigurationError: (errors.CoatcheckError, ValueError),
    errors.BackendNotFound: (errors.ConfigurationError, LookupError),
    errors.UnsupportedOperation: (errors.CoatcheckError, NotImplementedError),
    errors.StoreError: (errors.CoatcheckError, RuntimeError),
    errors.StoreUnavailable: (errors.StoreError, ConnectionError),
    errors.SessionError: (errors.CoatcheckError,),
    errors.NotSerializable: (errors.SessionError, TypeError, ValueError),
    errors.SessionTooLarge: (errors.SessionError, ValueError),
    errors.SessionConflict: (errors.SessionError, RuntimeError),
    errors.SessionDestroyed: (errors.SessionError, LookupError),
    errors.SessionClosed: (errors.SessionError, RuntimeError),
}


@pytest.mark.parametrize("error", BUILTINS, ids=lambda error: error.__name__)
def test_an_error_is_also_the_builtin_that_one_would_guess(error: type[Exception]) -> None:
    assert error.__bases__ == BUILTINS[error]


def test_the_tree_has_no_other_errors() -> None:
    public = {value for name, value in vars(errors).items() if isinstance(value, type) and name[0] != "_"}

    assert {error for error in public if issubclass(error, Exception)} == set(BUILTINS)


def test_the_drawing_in_the_documentation_shows_every_error_under_its_parent() -> None:
    drawing = errors.__doc__ or ""
    lines = [line for line in drawing.splitlines() if "──" in line]
    drawn: list[tuple[int, str]] = [(line.index("──"), line.split("── ")[1].split()[0]) for line in lines]

    for index, (indent, name) in enumerate(drawn):
        above = [parent for depth, parent in drawn[:index] if depth < indent]
        parent = above[-1] if above else "CoatcheckError"
        assert getattr(errors, name).__bases__[0].__name__ == parent
    assert len(drawn) == len(BUILTINS) - 1


@pytest.mark.parametrize("error", BUILTINS, ids=lambda error: error.__name__)
def test_the_message_of_an_error_is_what_it_was_given(error: type[Exception]) -> None:
    assert str(error("the reason")) == "the reason"


def test_a_hint_names_the_nearest_name() -> None:
    assert errors.nearest("prefxi", ["table", "prefix", "timeout"]) == "did you mean 'prefix'?"


def test_a_hint_lists_every_name_in_order_when_none_is_near() -> None:
    assert errors.nearest("colour", {"table", "prefix"}) == "known: prefix, table"


def test_a_hint_says_so_when_there_are_no_names() -> None:
    assert errors.nearest("prefix", []) == "there are none"
