"""ALTER INDEX, and ALTER TABLE on an index: parameters, statistics, tablespace, ATTACH PARTITION."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Index, RelationKind
from sluicegate.catalog.replay.indexes import same_definition
from sluicegate.effects.context import Refused
from sluicegate.effects.index_definition import check_tablespace
from sluicegate.effects.model import LockMode
from sluicegate.effects.relation_options import check_options, options_lock
from sluicegate.statements.nodes import options, unwrap

if TYPE_CHECKING:
    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects

_AX, _SUX, _AS = LockMode.AccessExclusiveLock, LockMode.ShareUpdateExclusiveLock, LockMode.AccessShareLock
_WORDS = {
    pg.AT_SetRelOptions: "SET",
    pg.AT_ResetRelOptions: "RESET",
    pg.AT_AttachPartition: "ATTACH PARTITION",
    pg.AT_SetStatistics: "ALTER COLUMN ... SET STATISTICS",
    pg.AT_AddColumn: "ADD COLUMN",
    pg.AT_DropColumn: "DROP COLUMN",
    pg.AT_AddConstraint: "ADD CONSTRAINT",
    pg.AT_AlterColumnType: "ALTER COLUMN ... SET DATA TYPE",
}


def alter_index(context: Context, node: Any) -> Effects:
    """Predict an ``AlterTableStmt`` whose target is an index, or that says it is."""
    found = context.relation_or_index(node.relation)
    if found is None:
        attaches = all(item.alter_table_cmd.subtype == pg.AT_AttachPartition for item in node.cmds)
        # Attaching is a matter of a moment whatever the two indexes are.
        if not node.missing_ok and (context.catalog.complete or not attaches):
            context.missing(node.relation)
        return context.builder.finish()
    if not isinstance(found, Index):
        raise Refused("42809", f'"{found.name.name}" is not an index')
    for item in node.cmds:
        _command(context, found, item.alter_table_cmd)
    return context.builder.finish()


def _command(context: Context, index: Index, command: Any) -> None:
    builder = context.builder
    table = context.catalog.relations.get(index.table)
    partitioned = table is not None and table.kind is RelationKind.PARTITIONED
    match command.subtype:
        case pg.AT_SetRelOptions | pg.AT_ResetRelOptions if not partitioned:
            definitions = unwrap(getattr(command, "def")).items
            if command.subtype == pg.AT_SetRelOptions:
                refusal = check_options(definitions, index.method, context.version)
                if refusal is not None:
                    raise Refused(refusal.sqlstate, refusal.message)
            builder.lock(index, options_lock(options(definitions), index.method))
        case pg.AT_SetStatistics:
            _statistics(context, index, command)
        case pg.AT_SetTableSpace:
            check_tablespace(context, command.name)
            builder.lock(index, _AX)
            if command.name not in {"pg_default", index.tablespace}:
                builder.unknown(f"whether {index.name} is copied depends on the database's default tablespace")
        case pg.AT_AttachPartition if partitioned:
            _attach(context, index, unwrap(getattr(command, "def")))
        case pg.AT_ChangeOwner:
            builder.lock(index, _AX)  # a warning, nothing is changed
        case _:
            word = _WORDS.get(command.subtype, "")
            raise Refused("42809", f'ALTER action {word} cannot be performed on relation "{index.name.name}"')


def _statistics(context: Context, index: Index, command: Any) -> None:
    name, number = index.name.name, int(command.num)
    if not number:
        column = command.name
        raise Refused("42703", f'column "{column}" of relation "{name}" does not exist')
    if number > len(index.keys) + len(index.included):
        raise Refused("42703", f'column number {number} of relation "{name}" does not exist')
    if number > len(index.keys):
        column = index.included[number - len(index.keys) - 1]
        raise Refused("0A000", f'cannot alter statistics on included column "{column}" of index "{name}"')
    column = index.keys[number - 1].column
    if column is not None:
        raise Refused("0A000", f'cannot alter statistics on non-expression column "{column}" of index "{name}"')
    context.builder.lock(index, _SUX)


def _attach(context: Context, parent: Index, definition: Any) -> None:
    """Source: ``ATExecAttachPartitionIdx`` in PostgreSQL's commands/tablecmds.c."""
    builder, catalog = context.builder, context.catalog
    found = context.relation_or_index(definition.name)
    if found is None:
        context.missing(definition.name)
    if not isinstance(found, Index):
        raise Refused("42809", f'"{found.name.name}" is not an index')
    cannot = f'cannot attach index "{found.name.name}" as a partition of index "{parent.name.name}"'
    builder.lock(parent, _SUX)
    builder.lock(found, _AX)
    builder.lock(parent.table, _AS)
    builder.lock(found.table, _AS)
    if found.parent == parent.name:
        return
    if found.parent is not None:
        raise Refused("55000", cannot)
    table = catalog.relations.get(found.table)
    if table is None or parent.table not in table.parents:
        raise Refused("55000", cannot)
    if any(index.parent == parent.name for index in catalog.indexes_of(found.table)):
        raise Refused("55000", cannot)
    if not same_definition(found, parent):
        raise Refused("42P17", cannot)
    if parent.constraint is not None and found.constraint is None:
        raise Refused("42P17", cannot)
