"""Tables that an SQL file uses and nobody showed us: assumed to exist, so that a lock on them is not overlooked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Name, Relation, RelationKind
from sluicegate.statements.nodes import walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog
    from sluicegate.catalog.session import Session
    from sluicegate.statements.parse import Statement

# Statements whose first RangeVar names what is about to be created.
_CREATING = {"create_stmt", "create_table_as_stmt", "view_stmt", "create_seq_stmt", "create_foreign_table_stmt"}
_NOT_TABLES = {pg.OBJECT_INDEX, pg.OBJECT_VIEW, pg.OBJECT_MATVIEW, pg.OBJECT_SEQUENCE, pg.OBJECT_TYPE}


def with_assumed_tables(statement: Statement, catalog: Catalog, session: Session) -> Catalog:
    """Add each table that the statement names and the catalog lacks; only where the catalog is not complete.

    Its columns stay unknown: what depends on them is still answered with "not known".
    """
    if catalog.complete or getattr(statement.node, "objtype", None) in _NOT_TABLES:
        return catalog
    if getattr(statement.node, "rename_type", None) in _NOT_TABLES:
        return catalog
    common = {cte.ctename for cte in walk_kinds(statement.node, pg.CommonTableExpr)}
    variables = list(walk_kinds(statement.node, pg.RangeVar))
    if statement.kind in _CREATING:
        created = statement.node.rel if statement.kind == "create_table_as_stmt" else None
        target = created.rel if created is not None and hasattr(created, "rel") else None
        skip = target or getattr(statement.node, "relation", None) or getattr(statement.node, "view", None)
        variables = [
            v for v in variables if skip is None or (v.schemaname, v.relname) != (skip.schemaname, skip.relname)
        ]
    for variable in variables:
        schema, name = variable.schemaname or None, variable.relname
        if (schema is None and name in common) or schema in {"pg_catalog", "information_schema"}:
            continue
        if schema is None and name.startswith("pg_"):
            continue
        path = ("pg_temp", *session.search_path)
        if catalog.find_relation(schema, name, path) or catalog.find_index(schema, name, path):
            continue
        full_name = Name(schema or (session.search_path or ("public",))[0], name)
        catalog = catalog.with_relation(Relation(full_name, RelationKind.TABLE))
    return catalog
