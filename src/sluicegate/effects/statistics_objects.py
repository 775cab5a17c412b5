"""CREATE STATISTICS and ALTER STATISTICS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import Index, RelationKind, SqlType
from sluicegate.catalog.types import display
from sluicegate.effects.alteration import SYSTEM_COLUMNS
from sluicegate.effects.comments import require_statistics
from sluicegate.effects.context import Refused
from sluicegate.effects.expressions import Place, read_expression
from sluicegate.effects.model import LockMode
from sluicegate.effects.operator_classes import default_operator_class
from sluicegate.statements.nodes import qualified, string, unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context

_KINDS = {"ndistinct", "dependencies", "mcv"}
_HAVE = {RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.MATERIALIZED_VIEW, RelationKind.FOREIGN}
_MOST = 8  # STATS_MAX_DIMENSIONS in statistics/statistics.h


def create_statistics(context: Context, node: Any) -> None:
    """Note the effects of a ``CreateStatsStmt`` (``CreateStatistics`` in PostgreSQL's statscmds.c)."""
    if len(node.relations) != 1:
        raise Refused("0A000", "only a single relation is allowed in CREATE STATISTICS")
    name = unwrap(node.relations[0])
    relation = context.relation_or_index(name)
    if relation is None:
        if context.is_system(name):
            raise Refused("42501", f'permission denied: "{name.relname}" is a system catalog')
        context.missing(name)
    if isinstance(relation, Index) or relation.kind not in _HAVE:
        raise Refused("42809", f'cannot define statistics for relation "{relation.name.name}"')
    context.builder.lock(relation, LockMode.ShareUpdateExclusiveLock)
    columns, expressions = _keys(context, relation, node)
    if node.defnames and _taken(context, node):
        return
    if len(columns) + expressions > _MOST:
        raise Refused("54011", f"cannot have more than {_MOST} columns in statistics")
    for column in columns:
        _check_column(context, relation, column)
    if expressions == 1 and not columns:
        if node.stat_types:
            raise Refused(
                "0A000", "when building statistics on a single expression, statistics kinds may not be specified"
            )
        return
    for item in node.stat_types:
        if string(item) not in _KINDS:
            raise Refused("42601", f'unrecognized statistics kind "{string(item)}"')
    if len(columns) + expressions < 2:
        raise Refused("42P17", "extended statistics require at least 2 columns")
    if len(set(columns)) < len(columns):
        raise Refused("42701", "duplicate column name in statistics definition")


def _keys(context: Context, relation: Relation, node: Any) -> tuple[list[str], int]:
    columns, expressions = [], 0
    for item in node.exprs:
        element = item.stats_elem
        if element.name:
            columns.append(element.name)
            continue
        facts = read_expression(context, element.expr, Place.STATISTICS, relation=relation)
        if facts.refusal is not None:
            raise Refused(facts.refusal.sqlstate, facts.refusal.message)
        expressions += 1
    return columns, expressions


def _check_column(context: Context, relation: Relation, name: str) -> None:
    column = relation.columns.get(name)
    if column is None and name in SYSTEM_COLUMNS:
        raise Refused("0A000", "statistics creation on system columns is not supported")
    if column is None:
        context.absent("42703", f'column "{name}" does not exist')
    if default_operator_class("btree", column.type, context.catalog, context.version) is None:
        shown = display(SqlType(column.type.name, array=column.type.array))
        why = f"because its type {shown} has no default btree operator class"
        raise Refused("0A000", f'column "{name}" cannot be used in statistics {why}')


def _taken(context: Context, node: Any) -> bool:
    schema, name = qualified(node.defnames)
    if schema and schema not in context.catalog.schemas:
        context.absent("3F000", f'schema "{schema}" does not exist')
    for other in context.catalog.relations.values():
        if name in other.statistics and other.name.schema == (schema or context.creation_schema):
            if node.if_not_exists:
                return True
            raise Refused("42710", f'statistics object "{name}" already exists')
    return False


def alter_statistics(context: Context, node: Any) -> None:
    """Refuse ALTER STATISTICS on an object that does not exist."""
    require_statistics(context, node.defnames, missing_ok=node.missing_ok)
