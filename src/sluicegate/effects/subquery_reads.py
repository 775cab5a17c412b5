"""What the subqueries inside an expression read: policies may ask other tables, and then depend on their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.queries import Query
from sluicegate.statements.nodes import unwrap, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Name


def subquery_reads(node: Any, catalog: Catalog, search_path: tuple[str, ...]) -> dict[Name, frozenset[str] | None]:
    """Return the relations that subqueries of an expression read, each with its columns (None: all, or not known)."""
    found: dict[Name, frozenset[str] | None] = {}
    for link in walk_kinds(node, pg.SubLink):
        for name, columns in Query(unwrap(link.subselect), catalog, search_path).frozen_reads().items():
            known = found.get(name, frozenset())
            found[name] = None if known is None or columns is None else known | columns
    return found
