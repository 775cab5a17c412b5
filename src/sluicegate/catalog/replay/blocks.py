"""DO blocks: what the statements in them leave in the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.errors import ParseError
from sluicegate.statements.plpgsql import body_of, embedded_sql

if TYPE_CHECKING:
    from sluicegate.catalog.replay.draft import Draft
    from sluicegate.statements.parse import Statement


def run_block(draft: Draft, node: Any) -> None:
    """Replay a DO block of PL/pgSQL.

    A branch is taken when it makes something that is not there, or changes or removes something that is: that is what
    the conditions of such blocks ask. What EXECUTE puts together at run time leaves no trace.
    """
    from sluicegate.catalog.replay.apply import step

    found = body_of(node)
    if found is None or found[0] != "plpgsql":
        return
    try:
        pieces = embedded_sql(found[1])
    except ParseError:
        return
    for piece in pieces:
        if piece.statement is not None and not _is_there(draft, piece.statement):
            step(draft, piece.statement.kind, piece.statement.node)


def _is_there(draft: Draft, statement: Statement) -> bool:
    """Tell whether what a statement creates exists, so that it would fail or was not meant to run."""
    node = statement.node
    match node:
        case pg.CreateStmt():
            return draft.new_name(node.relation) in draft.catalog.relations
        case pg.ViewStmt():
            return not node.replace and draft.new_name(node.view) in draft.catalog.relations
        case pg.CreateSeqStmt():
            return draft.new_name(node.sequence) in draft.catalog.relations
        case pg.CreateEnumStmt() | pg.CreateRangeStmt():
            return draft.new_name(node.type_name) in draft.catalog.types
        case pg.CompositeTypeStmt():
            return draft.new_name(node.typevar) in draft.catalog.types
        case pg.CreateDomainStmt():
            return draft.new_name(node.domainname) in draft.catalog.types
        case pg.IndexStmt():
            relation = draft.relation(node.relation)
            return relation is not None and draft.relation_name_taken(relation.name.schema)(node.idxname)
        case pg.CreateTableAsStmt():
            return draft.new_name(node.into.rel) in draft.catalog.relations
    return False
