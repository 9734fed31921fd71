"""Compare the blocking and the async class of a backend: they may differ by async, await and names only."""

import ast
from collections.abc import Mapping
from difflib import unified_diff
from typing import Any

__all__ = ["twins"]


def twins(module_source: str, blocking_class: str, async_class: str, names: Mapping[str, str]) -> list[str]:
    """Return the lines in which the two classes of a module differ: none if they are twins.

    ``names`` says how the names of the async class are called in the blocking
    one. Docstrings are not compared.
    """
    classes = {node.name: node for node in ast.parse(module_source).body if isinstance(node, ast.ClassDef)}
    renaming = {**names, async_class: blocking_class}
    blocking, awaiting = (
        ast.unparse(_Plain(renaming).visit(classes[name])).splitlines()
        for name in (blocking_class, async_class)
    )
    return list(unified_diff(blocking, awaiting, blocking_class, async_class, n=1, lineterm=""))


class _Plain(ast.NodeTransformer):
    """Take async, await and docstrings out of a tree, and rename."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._names.get(node.name, node.name)
        _drop_docstring(node)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._names.get(node.name, node.name)
        _drop_docstring(node)
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return self.visit(ast.FunctionDef(**_parts(node)))

    def visit_AsyncFor(self, node: ast.AsyncFor) -> Any:
        return self.visit(ast.For(**_parts(node)))

    def visit_AsyncWith(self, node: ast.AsyncWith) -> Any:
        return self.visit(ast.With(**_parts(node)))

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.is_async = 0
        return self.generic_visit(node)

    def visit_Await(self, node: ast.Await) -> Any:
        return self.visit(node.value)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        node.attr = self._names.get(node.attr, node.attr)
        return self.generic_visit(node)


def _parts(node: ast.AST) -> dict[str, Any]:
    return {**dict(ast.iter_fields(node)), "lineno": 0, "col_offset": 0}


def _drop_docstring(node: ast.ClassDef | ast.FunctionDef) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]
