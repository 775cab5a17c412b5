"""What conditions of policies and triggers read apart from the plain columns of their table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.queries import Query
from sluicegate.statements.nodes import strings, unwrap, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Expression, Name


def subquery_reads(node: Any, catalog: Catalog, search_path: tuple[str, ...]) -> dict[Name, frozenset[str] | None]:
    """Return the relations that subqueries of an expression read, each with its columns (None: all, or not known)."""
    found: dict[Name, frozenset[str] | None] = {}
    for link in walk_kinds(node, pg.SubLink):
        for name, columns in Query(unwrap(link.subselect), catalog, search_path).frozen_reads().items():
            known = found.get(name, frozenset())
            found[name] = None if known is None or columns is None else known | columns
    return found


def old_and_new_columns(condition: Expression | None) -> frozenset[str]:
    """Return the columns that a trigger's WHEN names; ``OLD.*`` depends on the table, not on its columns."""
    if condition is None:
        return frozenset()
    references = (strings(found.fields) for found in walk_kinds(condition.node, pg.ColumnRef))
    return frozenset(parts[1] for parts in references if len(parts) == 2 and parts[0] in {"old", "new"} and parts[1])
