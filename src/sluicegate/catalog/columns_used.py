"""Which columns of a table an expression over that table alone uses (checks, defaults, index keys, policies)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.statements.nodes import string, unwrap, walk_kinds

if TYPE_CHECKING:
    from collections.abc import Collection

    from sluicegate.catalog.model import Expression, Index


def columns_used(node: Any, columns: Collection[str]) -> tuple[str, ...]:
    """Return the columns that an expression names, each once, in reading order; a whole-row reference names all."""
    found: dict[str, None] = {}
    for reference in walk_kinds(node, pg.ColumnRef):
        parts = [string(field) for field in reference.fields]
        if any(isinstance(unwrap(field), pg.A_Star) for field in reference.fields):
            found.update(dict.fromkeys(columns))
        elif parts[-1] in columns:
            found[parts[-1]] = None
        elif parts[0] in columns:
            found[parts[0]] = None
    return tuple(found)


def expression_columns(expression: Expression | None, columns: Collection[str]) -> tuple[str, ...]:
    """Return the columns that an expression of the catalog names."""
    return () if expression is None or expression.node is None else columns_used(expression.node, columns)


def index_columns(index: Index, columns: Collection[str]) -> frozenset[str]:
    """Return every column an index depends on: keys, expressions, included columns, predicate."""
    found = set(index.included)
    for key in index.keys:
        if key.column is not None:
            found.add(key.column)
        found.update(expression_columns(key.expression, columns))
    found.update(expression_columns(index.predicate, columns))
    return frozenset(found)
