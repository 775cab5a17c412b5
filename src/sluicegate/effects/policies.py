"""CREATE POLICY and ALTER POLICY."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.catalog.expressions import Invalid
from sluicegate.catalog.model import Index, RelationKind
from sluicegate.effects.context import Refused
from sluicegate.effects.grouping import is_aggregate
from sluicegate.effects.model import LockMode
from sluicegate.effects.queries import QueryReader
from sluicegate.effects.query_levels import Level, Stage
from sluicegate.effects.reading import note_reads
from sluicegate.effects.roles import require_roles
from sluicegate.effects.scopes import Scope, Source
from sluicegate.statements.nodes import qualified, walk_kinds

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context


def create_policy(context: Context, node: Any) -> None:
    """Note the effects of a ``CreatePolicyStmt`` (``CreatePolicy`` in PostgreSQL's commands/policy.c)."""
    command = node.cmd_name or "all"
    if command in {"select", "delete"} and node.HasField("with_check"):
        raise Refused("42601", "WITH CHECK cannot be applied to SELECT or DELETE")
    if command == "insert" and node.HasField("qual"):
        raise Refused("42601", "only WITH CHECK expression allowed for INSERT")
    require_roles(context, node.roles)
    relation = _table(context, node.table)
    context.builder.lock(relation, LockMode.AccessExclusiveLock)
    _expressions(context, relation, node)
    if node.policy_name in relation.policies:
        raise Refused("42710", f'policy "{node.policy_name}" for table "{relation.name.name}" already exists')


def change_policy(context: Context, node: Any) -> None:
    """Note the effects of an ``AlterPolicyStmt``."""
    require_roles(context, node.roles)
    relation = _table(context, node.table)
    context.builder.lock(relation, LockMode.AccessExclusiveLock)
    _expressions(context, relation, node)
    policy = relation.policies.get(node.policy_name)
    if policy is None:
        context.absent("42704", f'policy "{node.policy_name}" for table "{relation.name.name}" does not exist')
    if policy.command in {"select", "delete"} and node.HasField("with_check"):
        raise Refused("42601", "only USING expression allowed for SELECT, DELETE")
    if policy.command == "insert" and node.HasField("qual"):
        raise Refused("42601", "only WITH CHECK expression allowed for INSERT")


def _table(context: Context, name: Any) -> Relation:
    found = context.relation_or_index(name)
    if found is None:
        if context.is_system(name):
            raise Refused("42501", f'permission denied: "{qualified(name)[1]}" is a system catalog')
        context.missing(name)
    if isinstance(found, Index) or found.kind not in {RelationKind.TABLE, RelationKind.PARTITIONED}:
        raise Refused("42809", f'"{found.name.name}" is not a table')
    return found


def _expressions(context: Context, relation: Relation, node: Any) -> None:
    from postgast import pg_query_pb2 as pg

    columns = [(column.name, column.type) for column in relation.columns.values()]
    for field in ("qual", "with_check"):
        if not node.HasField(field):
            continue
        expression = getattr(node, field)
        for call in walk_kinds(expression, pg.FuncCall):
            inside = any(call in list(walk_kinds(sub, pg.FuncCall)) for sub in walk_kinds(expression, pg.SelectStmt))
            if is_aggregate(call) and not inside:
                raise Refused("42803", "aggregate functions are not allowed in policy expressions")
        reader = QueryReader(context)
        level = Level(Scope([Source(relation.name.name, list(columns), relation, relation.name.schema)]))
        try:
            reader.condition(expression, level, "POLICY")
        except Invalid as invalid:
            raise Refused(invalid.sqlstate, invalid.message) from None
        note_reads(context, reader, Stage.ANALYZED)
