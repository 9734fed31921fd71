"""What an error of a driver means: the one place where drivers' errors are translated."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import exc

from coatcheck.errors import CoatcheckError, StoreError, StoreUnavailable

__all__ = ["Fault", "Faults", "original"]

Code = str | int | None


@dataclass(frozen=True, slots=True)
class Fault:
    """What happened: the error for the caller, and what that says of the connection and the operation."""

    error: Exception
    lost: bool = False
    """The connection is gone, so that nobody knows whether the operation was carried out."""
    undone: bool = False
    """The server has said that it took the operation back: it may be sent again."""
    shows_data: bool = False
    """The driver's error quotes what was stored, and is not to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How one kind of server says what went wrong.

    ``code`` finds its code in an error. Codes are listed by what they mean, whole
    or, as ``classes``, by how they begin.
    """

    server: str
    code: Callable[[BaseException], Code]
    unavailable: frozenset[Code]
    unavailable_classes: tuple[str, ...] = ()
    invalid: frozenset[Code] = frozenset()
    too_large: frozenset[Code] = frozenset()
    undone: frozenset[Code] = frozenset()
    existing: frozenset[Code] = frozenset()
    advice: dict[Code, str] = field(default_factory=dict[Code, str])

    def exists_already(self, error: BaseException) -> bool:
        """Tell whether what should be made is there."""
        return self.code(original(error)) in self.existing

    def judge(self, error: Exception) -> Fault:
        """Return what an error means."""
        if isinstance(error, CoatcheckError | ValueError | TypeError):
            return Fault(error)
        cause = original(error)
        code = self.code(cause)
        if code in self.invalid or (code is None and "DataError" in _names(cause)):
            return Fault(
                ValueError(f"{self.server} does not take this payload or id ({_shown(cause, code)})"),
                shows_data=True,
            )
        if code in self.too_large:
            return Fault(
                StoreError(f"{self.server} says that the payload is too large ({_shown(cause, code)})")
            )
        if code in self.undone:
            return Fault(StoreUnavailable(self._says("is too busy", cause, code)), undone=True)
        if self._is_unavailable(cause, code):
            return Fault(StoreUnavailable(self._says("is unavailable", cause, code)), lost=True)
        advice = self.advice.get(code, "see the cause")
        says = self._says("refused an operation", cause, code)
        # What has no code is nothing that we know, and the connection may be in any state.
        return Fault(StoreError(f"{says}; {advice}"), lost=code is None)

    def _is_unavailable(self, cause: BaseException, code: Code) -> bool:
        if code is not None:
            return code in self.unavailable or str(code).startswith(self.unavailable_classes or ("\0",))
        # Without a code it was not the server that spoke: the connection failed, or none could be had.
        return (
            isinstance(cause, OSError | EOFError | TimeoutError | exc.TimeoutError)
            or _names(cause)
            & {
                "InterfaceError",
                "OperationalError",
                "InternalClientError",
            }
            != set()
        )

    def _says(self, what: str, cause: BaseException, code: Code) -> str:
        return f"{self.server} {what} ({_shown(cause, code)})"


def original(error: BaseException) -> BaseException:
    """Return the driver's error, out of the one in which SQLAlchemy wraps it."""
    if isinstance(error, exc.DBAPIError) and error.orig is not None:
        return error.orig
    return error


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _shown(cause: BaseException, code: Any) -> str:
    """Name an error without its text, which may quote what is stored."""
    name = type(cause).__name__
    return name if code is None else f"{name}, code {code}"
