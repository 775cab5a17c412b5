"""Whether a revision's source has a way back."""

from __future__ import annotations

import ast


def lacks_downgrade(source: str) -> bool:
    """Tell whether there is no ``downgrade()``, or one whose body does nothing; unreadable source is not accused."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "downgrade":
            return all(_does_nothing(statement) for statement in node.body)
    return True


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )
