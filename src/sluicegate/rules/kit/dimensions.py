"""Vector dimensions in a revision's source that are no numbers."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.findings import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = frozenset({"vector", "halfvec", "sparsevec"})


@dataclass(frozen=True, slots=True)
class ComputedDimension:
    """A dimension that is not written as a number, and where it stands."""

    expression: str
    location: Location


def computed_dimensions(file: str, source: str) -> Iterator[ComputedDimension]:
    """Yield the dimensions of vector types that are neither numbers nor names which the file gives a number."""
    if source.isascii() and not any(name in source.lower() for name in _TYPES):
        return  # names in other scripts may be one of these to Python
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    literals = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args or _called(node).lower() not in _TYPES:
            continue
        given = node.args[0]
        if isinstance(given, ast.Constant) or (isinstance(given, ast.Name) and given.id in literals):
            continue
        end_line, end_column = given.end_lineno or given.lineno, given.end_col_offset or given.col_offset
        place = Location(file, given.lineno, given.col_offset + 1, end_line, end_column + 1)
        yield ComputedDimension(ast.unparse(given), place)


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
