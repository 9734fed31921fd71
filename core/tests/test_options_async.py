"""Callables of options are plain: a coroutine is always true and is no id, so that async ones are refused."""

import functools
from typing import Any

import pytest
from harness import SITES, Site


async def coroutine_function(*_: Any) -> Any:
    raise AssertionError("never called")


class AsyncCallable:
    """Its objects are called as coroutine functions are."""

    async def __call__(self, *_: Any) -> Any:
        raise AssertionError("never called")

    async def method(self, _: Any) -> Any:
        raise AssertionError("never called")


ASYNC = [
    coroutine_function,
    AsyncCallable(),
    AsyncCallable().method,
    functools.partial(coroutine_function, 1),
    functools.partial(AsyncCallable(), 1),
    functools.partial(functools.partial(AsyncCallable(), 1), 2),
]


@pytest.mark.parametrize("function", ASYNC)
@pytest.mark.parametrize("option", ["exclude", "generate_id", "cookie"])
@pytest.mark.parametrize("open_site", SITES)
def test_an_async_callable_is_refused_when_the_middleware_is_made(
    open_site: type[Site], option: str, function: Any
) -> None:
    with pytest.raises(TypeError, match=f"{option} must be a plain callable"):
        open_site(**{option: function})


@pytest.mark.parametrize("function", [lambda _: False, functools.partial(lambda _, __: False, 1)])
@pytest.mark.parametrize("open_site", SITES)
def test_a_plain_callable_is_taken(open_site: type[Site], function: Any) -> None:
    assert open_site(exclude=function).visit(lambda session: session is not None).value
