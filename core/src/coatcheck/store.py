"""The store contract: what every store offers, and what the core may rely on.

A store keeps a payload under an id for a time; it knows nothing of cookies or
requests. ``get``, ``set`` and ``destroy`` are enough. The other operations are
optional: a store declares the ones it overrides in :attr:`Store.supports`.

The base classes guarantee three sentences of the contract for every store: what
is declared is overridden, what is not declared raises
:class:`UnsupportedOperation`, and a ``ttl`` or ``slack`` that is no usable
number raises ``ValueError`` before the store sees it.
"""

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Any, ClassVar, Self

from coatcheck.errors import UnsupportedOperation

__all__ = ["AsyncStore", "Replaced", "Store", "Supports"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supports:
    """Which optional operations a store offers, and how finely it keeps time.

    ``resolution`` is the smallest difference of lifetimes that the store keeps,
    in seconds; lifetimes are rounded up to it.
    """

    touch: bool = False
    get_and_touch: bool = False
    replace: bool = False
    ids: bool = False
    all: bool = False
    length: bool = False
    clear: bool = False
    prune: bool = False
    resolution: float = 0.001


OPTIONAL_OPERATIONS = tuple(field.name for field in fields(Supports) if field.name != "resolution")


@dataclass(frozen=True, slots=True)
class Replaced:
    """The outcome of ``replace``.

    ``written`` is True when the payload was written. Otherwise ``current`` is
    what the record holds now, or None when there is no living record.
    """

    written: bool
    current: bytes | None = None


class _Contract(ABC):
    """What :class:`Store` and :class:`AsyncStore` share."""

    supports: Supports = Supports()
    """What the class overrides; an instance may narrow it."""

    process_local: bool = False
    """True where records live in this process only, so that several workers do not share them."""

    _operations: ClassVar[type["_Contract"]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if _Contract in cls.__bases__:
            cls._operations = cls
            return
        for name in OPTIONAL_OPERATIONS:
            if getattr(cls.supports, name) and getattr(cls, name) is getattr(cls._operations, name):
                raise TypeError(
                    f"{cls.__name__} declares {name!r} in supports but does not override it: "
                    f"write the method, or leave {name!r} out of Supports(...)"
                )
        for name in ("set", *OPTIONAL_OPERATIONS):
            owner = next(base for base in cls.__mro__ if name in vars(base))
            if owner is cls:
                setattr(cls, name, _guarded(name, vars(cls)[name]))
            elif not issubclass(owner, _Contract):
                setattr(cls, name, _guarded(name, _passed_on(cls, name)))


def _passed_on(cls: type[_Contract], name: str) -> Callable[..., Any]:
    """Pass an operation on to the mixin after ``cls``, which a subclass may have put there later."""

    @functools.wraps(getattr(cls, name))
    def passed_on(store: _Contract, /, *args: Any, **options: Any) -> Any:
        return getattr(super(cls, store), name)(*args, **options)

    return passed_on


def _guarded(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Check the arguments of an operation, and that it is declared, before it runs."""
    optional = name in OPTIONAL_OPERATIONS

    @functools.wraps(method)
    def guarded(store: _Contract, /, *args: Any, **options: Any) -> Any:
        if optional and not getattr(store.supports, name):
            raise _unsupported(store, name)
        if options:
            _check_times(options.get("ttl", 0.0), options.get("slack", 0.0))
        return method(store, *args, **options)

    return guarded


def _check_times(ttl: float, slack: float) -> None:
    if not math.isfinite(ttl):
        raise ValueError(f"ttl must be a finite number of seconds, not {ttl}")
    if not (math.isfinite(slack) and slack >= 0):
        raise ValueError(f"slack must be a finite number of seconds, zero or more, not {slack}")


def _unsupported(store: _Contract, operation: str) -> UnsupportedOperation:
    return UnsupportedOperation(
        f"{type(store).__name__} does not support {operation!r}; see its 'supports' for what it offers"
    )


class Store(_Contract):
    """A store for blocking code. Safe for threads; its constructor does no I/O.

    Every method may raise :class:`StoreUnavailable` when the backend cannot be
    reached in time and :class:`StoreError` for other failures of it. The
    operations from ``touch`` to ``prune`` raise :class:`UnsupportedOperation`
    unless the store declares them.
    """

    @abstractmethod
    def get(self, sid: str, /) -> bytes | None:
        """Return the payload, or None where nothing lives under the id."""

    @abstractmethod
    def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        """Create or overwrite the record, to live for ``ttl`` seconds; zero or less leaves nothing behind."""

    @abstractmethod
    def destroy(self, sid: str, /) -> bool:
        """End the record; True if it was alive, False (no error) if there was none."""

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        """Set the time left to ``ttl`` seconds; False where nothing lives.

        A record that has between ``ttl - slack`` and ``ttl`` left may be left alone.
        """
        raise _unsupported(self, "touch")

    def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        """Return the payload and prolong its life to ``ttl`` seconds, in one step.

        It never brings the end nearer, and heeds ``slack`` as ``touch`` does.
        """
        raise _unsupported(self, "get_and_touch")

    def replace(self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None) -> Replaced:
        """Overwrite a living record only and, with ``expected``, only one that holds exactly those bytes."""
        raise _unsupported(self, "replace")

    def ids(self) -> Iterator[str]:
        """Iterate over the ids of living records, each once, in any order."""
        raise _unsupported(self, "ids")

    def all(self) -> Iterator[tuple[str, bytes]]:
        """Iterate over ``(id, payload)`` of living records, each once, in any order."""
        raise _unsupported(self, "all")

    def length(self) -> int:
        """Count the living records."""
        raise _unsupported(self, "length")

    def clear(self) -> None:
        """Remove every record of this store's namespace, and no other."""
        raise _unsupported(self, "clear")

    def prune(self) -> int:
        """Remove the expired records and return how many there were."""
        raise _unsupported(self, "prune")

    def ping(self) -> None:
        """Return if the backend answers; raise :class:`StoreUnavailable` if it does not."""
        self.get("coatcheck-ping")

    def close(self) -> None:
        """Release what the store opened itself; closing again is no error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStore(_Contract):
    """A store for async code: :class:`Store` with ``async``/``await``, and ``aclose``."""

    @abstractmethod
    async def get(self, sid: str, /) -> bytes | None:
        """See :meth:`Store.get`."""

    @abstractmethod
    async def set(self, sid: str, payload: bytes, /, *, ttl: float) -> None:
        """See :meth:`Store.set`."""

    @abstractmethod
    async def destroy(self, sid: str, /) -> bool:
        """See :meth:`Store.destroy`."""

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        """See :meth:`Store.touch`."""
        raise _unsupported(self, "touch")

    async def get_and_touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bytes | None:
        """See :meth:`Store.get_and_touch`."""
        raise _unsupported(self, "get_and_touch")

    async def replace(
        self, sid: str, payload: bytes, /, *, ttl: float, expected: bytes | None = None
    ) -> Replaced:
        """See :meth:`Store.replace`."""
        raise _unsupported(self, "replace")

    def ids(self) -> AsyncIterator[str]:
        """See :meth:`Store.ids`."""
        raise _unsupported(self, "ids")

    def all(self) -> AsyncIterator[tuple[str, bytes]]:
        """See :meth:`Store.all`."""
        raise _unsupported(self, "all")

    async def length(self) -> int:
        """See :meth:`Store.length`."""
        raise _unsupported(self, "length")

    async def clear(self) -> None:
        """See :meth:`Store.clear`."""
        raise _unsupported(self, "clear")

    async def prune(self) -> int:
        """See :meth:`Store.prune`."""
        raise _unsupported(self, "prune")

    async def ping(self) -> None:
        """See :meth:`Store.ping`."""
        await self.get("coatcheck-ping")

    async def aclose(self) -> None:
        """See :meth:`Store.close`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
