"""The page of the middleware explains every message of the log, and no other."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "middleware.md"
SOURCES = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("backends/*/src/**/*.py")]


def messages() -> dict[str, str]:
    """Map the log messages in the sources to their levels."""
    found: dict[str, str] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                text = node.args[0] if node.args else None
                if node.func.attr in LEVELS and isinstance(text, ast.Constant) and is_logging(node.func):
                    found[str(text.value)] = LEVELS[node.func.attr]
    return found


LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "warn": "WARNING"} | dict.fromkeys(
    ("error", "exception"), "ERROR"
)


def is_logging(function: ast.Attribute) -> bool:
    return ast.unparse(function.value).endswith(("logger", "warnings"))


def pattern(message: str, level: str) -> str:
    parts = re.split(r"%[srd]", message)
    return f"{level} " + ".+".join(map(re.escape, parts)) + r"( \(\d+ more like it before\))?"


LINES = [
    line
    for block in re.findall(
        r"^```log\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    for line in block.splitlines()
]


def test_every_message_of_the_log_is_explained_to_operators() -> None:
    known = messages()

    assert len(known) > 15
    unexplained = [
        m for m, level in known.items() if not any(re.fullmatch(pattern(m, level), x) for x in LINES)
    ]
    assert unexplained == []


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_the_log_on_the_page_is_one_that_the_code_writes(line: str) -> None:
    assert any(re.fullmatch(pattern(message, level), line) for message, level in messages().items())
