"""COMMENT ON and SECURITY LABEL: an object must exist, and its table is locked for a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Index, RelationKind, TypeKind
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.objects import find_function, require_object
from sluicegate.statements.nodes import qualified, string, strings, unwrap

if TYPE_CHECKING:
    from sluicegate.effects.context import Context

_SUX, _AS = LockMode.ShareUpdateExclusiveLock, LockMode.AccessShareLock
_RELATIONS = {
    pg.OBJECT_TABLE: ("table", {RelationKind.TABLE, RelationKind.PARTITIONED}),
    pg.OBJECT_VIEW: ("view", {RelationKind.VIEW}),
    pg.OBJECT_MATVIEW: ("materialized view", {RelationKind.MATERIALIZED_VIEW}),
    pg.OBJECT_SEQUENCE: ("sequence", {RelationKind.SEQUENCE}),
    pg.OBJECT_FOREIGN_TABLE: ("foreign table", {RelationKind.FOREIGN}),
    pg.OBJECT_INDEX: ("index", set[RelationKind]()),
}
_WITH_COLUMNS = {
    RelationKind.TABLE,
    RelationKind.PARTITIONED,
    RelationKind.VIEW,
    RelationKind.MATERIALIZED_VIEW,
    RelationKind.COMPOSITE,
    RelationKind.FOREIGN,
}
_PARTS = {
    pg.OBJECT_TABCONSTRAINT: ("constraint", "constraints", "table"),
    pg.OBJECT_TRIGGER: ("trigger", "triggers", "table"),
    pg.OBJECT_POLICY: ("policy", "policies", "table"),
    pg.OBJECT_RULE: ("rule", "rules", "relation"),
}
_FUNCTIONS = {pg.OBJECT_FUNCTION, pg.OBJECT_PROCEDURE, pg.OBJECT_ROUTINE, pg.OBJECT_AGGREGATE}


def comment(context: Context, node: Any) -> None:
    """Note the effects of a ``CommentStmt`` (``CommentObject`` in PostgreSQL's commands/comment.c)."""
    kind, item = node.objtype, node.object
    match kind:
        case _ if kind in _RELATIONS:
            _relation(context, kind, item)
        case pg.OBJECT_COLUMN:
            _column(context, item)
        case _ if kind in _PARTS:
            _part(context, kind, item)
        case pg.OBJECT_DOMCONSTRAINT:
            _domain_constraint(context, item)
        case pg.OBJECT_SCHEMA:
            if string(item) not in context.catalog.schemas:
                context.absent("3F000", f'schema "{string(item)}" does not exist')
        case pg.OBJECT_TYPE | pg.OBJECT_DOMAIN:
            sql_type = context.require_type(unwrap(item))
            user_type = context.catalog.types.get(sql_type.name)
            if kind == pg.OBJECT_DOMAIN and (user_type is None or user_type.kind is not TypeKind.DOMAIN):
                raise Refused("42809", f'"{sql_type.name.name}" is not a domain')
        case _ if kind in _FUNCTIONS:
            find_function(context, item, kind)
        case pg.OBJECT_STATISTIC_EXT:
            require_statistics(context, item)
        case pg.OBJECT_DATABASE:
            return  # a warning when it does not exist
        case pg.OBJECT_ROLE | pg.OBJECT_TABLESPACE:
            word = "role" if kind == pg.OBJECT_ROLE else "tablespace"
            if string(item) not in {"postgres", "pg_default", "pg_global"}:
                context.builder.depends(f"fails if there is no {word} {string(item)}")
        case _:
            require_object(context, kind, item)


def _relation(context: Context, kind: int, item: Any) -> None:
    word, kinds = _RELATIONS[kind]
    name = qualified(item)
    found = context.relation_or_index(name)
    if found is None:
        if context.is_system(name):
            return
        context.missing(name)
    matches = isinstance(found, Index) if not kinds else not isinstance(found, Index) and found.kind in kinds
    if not matches:
        raise Refused("42809", f'"{found.name.name}" is not {"an" if word == "index" else "a"} {word}')
    context.builder.lock(found, _SUX)


def _column(context: Context, item: Any) -> None:
    names = strings(unwrap(item).items)
    if len(names) < 2:
        raise Refused("42601", "column name must be qualified")
    table = (names[-3] if len(names) > 2 else None, names[-2])
    found = context.relation_or_index(table)
    if found is None:
        if context.is_system(table):
            return
        context.missing(table)
    if isinstance(found, Index) or found.kind not in _WITH_COLUMNS:
        raise Refused("42809", f'cannot set comment on relation "{found.name.name}"')
    if names[-1] not in found.columns:
        context.absent("42703", f'column "{names[-1]}" of relation "{found.name.name}" does not exist')
    context.builder.lock(found, _SUX)


def _part(context: Context, kind: int, item: Any) -> None:
    word, field, preposition = _PARTS[kind]
    names = strings(unwrap(item).items)
    table = (names[-3] if len(names) > 2 else None, names[-2])
    relation = context.relation(table)
    if relation is None:
        context.missing(table, parsing=True)
    if names[-1] not in getattr(relation, field):
        context.absent("42704", f'{word} "{names[-1]}" for {preposition} "{relation.name.name}" does not exist')
    context.builder.lock(relation, _AS)


def _domain_constraint(context: Context, item: Any) -> None:
    parts = unwrap(item).items
    sql_type = context.require_type(unwrap(parts[0]))
    user_type = context.catalog.types.get(sql_type.name)
    if user_type is None or user_type.kind is not TypeKind.DOMAIN:
        raise Refused("42809", f'"{sql_type.name.name}" is not a domain')
    if string(parts[1]) not in user_type.constraints:
        context.absent("42704", f'constraint "{string(parts[1])}" for domain {sql_type.name.name} does not exist')


def require_statistics(context: Context, names: Any, *, missing_ok: bool = False) -> None:
    """Refuse an extended statistics object that does not exist (42704)."""
    schema, name = qualified(names)
    for relation in context.catalog.relations.values():
        if name in relation.statistics and schema in (None, relation.name.schema):
            return
    if not missing_ok:
        shown = f"{schema}.{name}" if schema else name
        context.absent("42704", f'statistics object "{shown}" does not exist')


def security_label(context: Context, node: Any) -> None:
    """Note the effects of SECURITY LABEL, which needs a provider that the server has loaded."""
    if node.objtype in _RELATIONS:
        _relation(context, node.objtype, node.object)
    elif node.objtype == pg.OBJECT_COLUMN:
        _column(context, node.object)
    context.builder.depends("fails if the server has loaded no provider of security labels")
