"""The page of the middleware explains every message of the log, and no other."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from coatcheck import _setup

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "middleware.md"
SOURCES = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("backends/*/src/**/*.py")]
ENGINE = ROOT / "core" / "src" / "coatcheck" / "engine"

LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "warn": "WARNING"} | dict.fromkeys(
    ("error", "exception"), "ERROR"
)
MORE = r"( \(\d+ more like it before\))?"


def constants(tree: ast.AST) -> set[str]:
    """Return the texts in a piece of source, also the parts of f-strings."""
    return {
        node.value.strip(": ")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def function(name: str) -> ast.AST:
    """Find a function of the engine."""
    (found,) = [
        node
        for path in ENGINE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    return found


def assigned(path: Path, name: str) -> list[str]:
    """Return the texts that are assigned to a name somewhere in a file."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    found = [
        node.value for node in nodes if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    ]
    return [node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def any_of(texts: set[str]) -> str:
    return f"({'|'.join(map(re.escape, sorted(texts)))})"


OBSTACLES = constants(function("cookie_obstacle"))
REASONS = OBSTACLES.union(
    *(
        constants(ast.parse((ENGINE / name).read_text(encoding="utf-8")))
        for name in ("committing.py", "decisions.py")
    )
)
REASON = f"{any_of(REASONS)}(: {any_of(REASONS)})?"

VALUES = {
    "label(sid)": "([0-9a-f]{8}|-)",
    "label(old.sid)": "[0-9a-f]{8}",
    "label(state.known_sid)": "([0-9a-f]{8}|-)",
    "write": REASON,
    "sent": "(sent|not sent)",
    "cookie": REASON,
    "obstacle": any_of(OBSTACLES),
    "_name(self.store)": r"[A-Z]\w*Store",
    "_name(store)": r"[A-Z]\w*Store",
    "type(store).__name__": r"[A-Z]\w*Store",
    "f'{size:,}'": r"\d{1,3}(,\d{3})*",
    "self.options.key": "'[^']+'",
    "self.max_sessions": r"\d+",
    "collection": r"\w+",
    "_SHORT_SECRET": "16",
}
"""What may stand for an argument of a message, by its source."""

WARNED_OF = assigned(ROOT / "core/src/coatcheck/_setup.py", "reason")
"""Why a store that lives in one process is warned of."""

ERRORS = {
    "the record of session %s cannot be read (%s); it is treated as no session": r"[A-Z]\w*(Error|Exception)"
}
"""What may stand for an error; where nothing is said here it is the store's own text."""


@functools.cache
def patterns() -> list[str]:
    return list(find_patterns())


def find_patterns() -> Iterator[str]:
    """Yield a pattern for each message in the sources, or one for each text that its values can be."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_logging(node.func):
                text = node.args[0] if node.args else None
                if node.func.attr in LEVELS and isinstance(text, ast.Constant):
                    level, message = LEVELS[node.func.attr], str(text.value)
                    yield from (f"{level} {found}{MORE}" for found in variants(message, node.args[1:]))


def variants(message: str, arguments: list[ast.expr]) -> Iterator[str]:
    sources = [ast.unparse(argument) for argument in arguments]
    if sources[1:] == ["operation", "consequence"]:
        for pair in _setup._WITHOUT.items():
            yield filled(message, [VALUES[sources[0]], *map(re.escape, pair)])
        return
    values = VALUES | {"error": ERRORS.get(message, ".+")}
    for reason in WARNED_OF if "reason" in sources else [""]:
        yield filled(
            message, [re.escape(reason) if source == "reason" else values[source] for source in sources]
        )


def filled(message: str, values: list[str]) -> str:
    texts = [re.escape(part) for part in re.split(r"%[srd]", message)]
    assert len(texts) == len(values) + 1, message
    return "".join(part for pair in zip(texts, [*values, ""], strict=True) for part in pair)


def is_logging(function: ast.Attribute) -> bool:
    return ast.unparse(function.value).endswith(("logger", "warnings"))


LINES = [
    line
    for block in re.findall(
        r"^```log\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    for line in block.splitlines()
]


def test_every_message_of_the_log_is_explained_to_operators() -> None:
    known = patterns()

    assert len(known) > 15
    assert [pattern for pattern in known if not any(re.fullmatch(pattern, line) for line in LINES)] == []


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_the_log_on_the_page_is_one_that_the_code_writes(line: str) -> None:
    assert any(re.fullmatch(pattern, line) for pattern in patterns())
