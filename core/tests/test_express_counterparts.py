"""Every test of express-session has its counterpart here, or a reason why not."""

import ast
from collections.abc import Iterator
from pathlib import Path

from express.counterparts import COOKIE_JS, COOKIE_JS_NOT_APPLICABLE, SESSION_JS, SESSION_JS_NOT_APPLICABLE


def numbers_under(decorator: str) -> Iterator[int]:
    """Yield the numbers that the tests beside this one carry in a decorator."""
    for path in sorted(Path(__file__).parent.glob("test_express_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield from (n for call in node.decorator_list for n in arguments(call, decorator))


def arguments(call: ast.expr, decorator: str) -> Iterator[int]:
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == decorator:
        yield from (ast.literal_eval(argument) for argument in call.args)


def test_each_test_of_session_js_has_one_counterpart_or_a_reason() -> None:
    assert sorted([*numbers_under("session_js"), *SESSION_JS_NOT_APPLICABLE]) == list(SESSION_JS)


def test_each_test_of_cookie_js_has_one_counterpart_or_a_reason() -> None:
    assert sorted([*numbers_under("cookie_js"), *COOKIE_JS_NOT_APPLICABLE]) == list(COOKIE_JS)
