"""What the base classes promise for every store, blocking and async."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from harness.noting import AsyncFull, AsyncMinimal, Full, Minimal, call

from coatcheck import AsyncStore, Replaced, Store, Supports, UnsupportedOperation
from coatcheck.store import OPTIONAL_OPERATIONS

CALLS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "touch": (("sid",), {"ttl": 60}),
    "get_and_touch": (("sid",), {"ttl": 60}),
    "replace": (("sid", b"{}"), {"ttl": 60}),
    "ids": ((), {}),
    "all": ((), {}),
    "length": ((), {}),
    "clear": ((), {}),
    "prune": ((), {}),
}


FULL = pytest.mark.parametrize("make", [Full, AsyncFull])
MINIMAL = pytest.mark.parametrize("make", [Minimal, AsyncMinimal])
OPERATIONS = pytest.mark.parametrize("operation", OPTIONAL_OPERATIONS)


# -- declarations


@OPERATIONS
@MINIMAL
def test_what_is_declared_must_be_overridden(make: type[Store | AsyncStore], operation: str) -> None:
    with pytest.raises(
        TypeError, match=rf"^Liar declares '{operation}' in supports but does not override it"
    ):
        type("Liar", (make,), {"supports": Supports(**{operation: True})})


@OPERATIONS
@FULL
def test_what_a_parent_overrides_may_be_declared(make: type[Store | AsyncStore], operation: str) -> None:
    child: Any = type("Child", (make,), {"supports": Supports(**{operation: True})})

    assert getattr(child.supports, operation)


@OPERATIONS
@MINIMAL
def test_what_is_not_declared_is_unsupported(make: Callable[[], Store | AsyncStore], operation: str) -> None:
    arguments, options = CALLS[operation]

    with pytest.raises(UnsupportedOperation, match=rf"Minimal does not support '{operation}'"):
        call(make(), operation, *arguments, **options)


@OPERATIONS
@FULL
def test_what_is_overridden_but_not_declared_is_unsupported(
    make: type[Full | AsyncFull], operation: str
) -> None:
    silent: Any = type("Silent", (make,), {"supports": Supports(), operation: vars(make)[operation]})()
    arguments, options = CALLS[operation]

    with pytest.raises(UnsupportedOperation, match="Silent"):
        call(silent, operation, *arguments, **options)
    assert silent.reached == []


@OPERATIONS
@FULL
def test_an_instance_may_narrow_what_its_class_declares(
    make: Callable[[], Full | AsyncFull], operation: str
) -> None:
    narrowed, other = make(), make()
    narrowed.supports = Supports()
    arguments, options = CALLS[operation]

    with pytest.raises(UnsupportedOperation):
        call(narrowed, operation, *arguments, **options)
    call(other, operation, *arguments, **options)
    assert (narrowed.reached, other.reached) == ([], [operation])


@pytest.mark.parametrize("base", [Store, AsyncStore])
@pytest.mark.parametrize("missing", ["get", "set", "destroy"])
def test_get_set_and_destroy_must_be_written(base: type[Store | AsyncStore], missing: str) -> None:
    methods = {name: None for name in ("get", "set", "destroy") if name != missing}

    with pytest.raises(TypeError, match=missing):
        type("Partial", (base,), {name: lambda self: None for name in methods})()


def test_both_kinds_have_the_same_operations_with_the_same_signatures() -> None:
    names = {name for name, value in vars(Store).items() if callable(value) and name[0] != "_"}

    assert {name for name, value in vars(AsyncStore).items() if callable(value) and name[0] != "_"} == (
        names - {"close"} | {"aclose"}
    )
    for name in names - {"close"}:
        blocking, awaited = (inspect.signature(getattr(kind, name)) for kind in (Store, AsyncStore))
        assert list(blocking.parameters.values()) == list(awaited.parameters.values())


@FULL
@pytest.mark.parametrize("operation", ["set", *OPTIONAL_OPERATIONS])
def test_an_operation_keeps_its_name_and_signature(make: type[Store | AsyncStore], operation: str) -> None:
    method = getattr(make, operation)

    assert method.__name__ == operation
    assert inspect.signature(method) == inspect.signature(getattr(Full, operation)).replace(
        return_annotation=inspect.signature(method).return_annotation
    )


# -- a first own store


@MINIMAL
def test_three_methods_are_a_store(make: Callable[[], Minimal | AsyncMinimal]) -> None:
    store = make()
    call(store, "set", "sid", b"{}", ttl=60)

    assert call(store, "get", "sid") == b"{}"
    assert call(store, "destroy", "sid") is True
    assert call(store, "destroy", "sid") is False
    assert store.supports == Supports()
    assert not store.process_local


@MINIMAL
def test_a_ping_asks_for_a_record_and_leaves_nothing_behind(
    make: Callable[[], Minimal | AsyncMinimal],
) -> None:
    store = make()

    assert call(store, "ping") is None
    assert store.records == {}


@pytest.mark.parametrize("kind", [Minimal, AsyncMinimal])
def test_a_ping_fails_as_reading_does(kind: type[Minimal | AsyncMinimal]) -> None:
    def fail(self: object, sid: str, /) -> None:
        raise ConnectionError(sid)

    broken: Any = type("Broken", (kind,), {"get": fail})()
    with pytest.raises(ConnectionError):
        call(broken, "ping")


def test_a_context_closes_a_blocking_store_also_after_an_error() -> None:
    with Minimal() as store:
        assert store.closed == 0
    assert store.closed == 1

    with pytest.raises(LookupError), store:
        raise LookupError
    assert store.closed == 2


def test_a_context_closes_an_async_store_also_after_an_error() -> None:
    async def use(store: AsyncMinimal) -> None:
        async with store as entered:
            assert entered is store
            raise LookupError

    store = AsyncMinimal()
    with pytest.raises(LookupError):
        asyncio.run(use(store))
    assert store.closed == 1


def test_closing_is_no_duty_of_a_store() -> None:
    class Bare(Store):
        get = Minimal.get
        set = Minimal.set
        destroy = Minimal.destroy

    class AsyncBare(AsyncStore):
        get = AsyncMinimal.get
        set = AsyncMinimal.set
        destroy = AsyncMinimal.destroy

    Bare().close()
    call(AsyncBare(), "aclose")


# -- values


def test_supports_and_replaced_are_plain_values() -> None:
    assert Supports() == Supports(resolution=0.001)
    assert Supports(touch=True) != Supports()
    assert Replaced(True) == Replaced(written=True, current=None)
    with pytest.raises(AttributeError):
        Supports().touch = True  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        Supports(fly=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


class Touching:
    """A part that several stores could share."""

    def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return True


class Composed(Touching, Minimal):
    supports = Supports(touch=True)


def test_the_checks_hold_for_operations_that_come_from_a_mixin() -> None:
    with pytest.raises(ValueError, match="ttl"):
        Composed().touch("sid", ttl=float("nan"))


def test_an_instance_may_narrow_what_comes_from_a_mixin() -> None:
    store = Composed()
    store.supports = Supports()

    with pytest.raises(UnsupportedOperation):
        store.touch("sid", ttl=60)


def test_the_checks_leave_a_mixin_itself_and_its_signature_alone() -> None:
    assert Touching().touch("sid", ttl=float("nan"))
    assert inspect.signature(Composed.touch) == inspect.signature(Touching.touch)


def test_a_mixin_that_a_subclass_adds_still_overrides_the_one_before() -> None:
    class Never(Touching):
        def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
            return not super().touch(sid, ttl=ttl, slack=slack)

    class More(Composed, Never):
        pass

    assert Composed().touch("sid", ttl=60)
    assert not More().touch("sid", ttl=60)
    with pytest.raises(ValueError, match="ttl"):
        More().touch("sid", ttl=float("nan"))


class AsyncTouching:
    """The same for async code."""

    async def touch(self, sid: str, /, *, ttl: float, slack: float = 0) -> bool:
        return True


class AsyncComposed(AsyncTouching, AsyncMinimal):
    supports = Supports(touch=True)


def test_the_checks_hold_for_async_operations_that_come_from_a_mixin() -> None:
    assert call(AsyncComposed(), "touch", "sid", ttl=60) is True
    with pytest.raises(ValueError, match="ttl"):
        call(AsyncComposed(), "touch", "sid", ttl=float("nan"))
