"""ALTER TYPE on a composite type's attributes, which ALTER TABLE's machinery carries out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.casts import CastContext, find_cast
from sluicegate.catalog.model import SqlType
from sluicegate.catalog.replay.apply import step
from sluicegate.catalog.replay.draft import Draft
from sluicegate.catalog.types import display
from sluicegate.effects.alter_actions import ACTIONS, LETTERS, definition
from sluicegate.effects.column_definitions import require_column_type
from sluicegate.effects.composite_types import column_using_row_type
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode

if TYPE_CHECKING:
    from sluicegate.catalog.model import Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects

_AX = LockMode.AccessExclusiveLock


def alter_composite(context: Context, relation: Relation, commands: list[Any]) -> Effects:
    """Predict ADD, DROP and ALTER ATTRIBUTE of a composite type."""
    context.builder.lock(relation, _AX)
    for command in commands:
        action = ACTIONS.get(command.subtype)
        if action is None or LETTERS[relation.kind] not in action.kinds:
            words = action.words if action is not None else ""
            raise Refused("42809", f'ALTER action {words} cannot be performed on relation "{relation.name.name}"')
    draft = Draft(context.catalog, context.session)
    order = {pg.AT_DropColumn: 0, pg.AT_AlterColumnType: 1}
    for command in sorted(commands, key=lambda item: order.get(item.subtype, 2)):
        _run(context.with_catalog(draft.catalog), relation, command)
        statement = pg.AlterTableStmt(objtype=pg.OBJECT_TYPE)
        statement.relation.schemaname, statement.relation.relname = relation.name
        statement.relation.inh = True
        statement.cmds.add().alter_table_cmd.CopyFrom(command)
        step(draft, "alter_table_stmt", statement)
    return context.builder.finish()


def _run(context: Context, relation: Relation, command: Any) -> None:
    current, name = context.catalog.relations[relation.name], relation.name.name
    typed = [other for other in context.catalog.relations.values() if other.of_type == relation.name]
    match command.subtype:
        case pg.AT_AddColumn:
            column = definition(command)
            if column.colname in current.columns:
                raise Refused("42701", f'column "{column.colname}" of relation "{name}" already exists')
            require_column_type(context, column.type_name, column.colname, member_of=relation.name)
        case pg.AT_DropColumn:
            if command.name not in current.columns:
                if command.missing_ok:
                    return
                context.absent("42703", f'column "{command.name}" of relation "{name}" does not exist')
        case pg.AT_AlterColumnType:
            if command.name not in current.columns:
                context.absent("42703", f'column "{command.name}" of relation "{name}" does not exist')
            _change_type(context, relation, command)
    if typed and command.behavior != pg.DROP_CASCADE:
        raise Refused("2BP01", f'cannot alter type "{name}" because it is the type of a typed table')
    for other in typed:
        context.builder.lock(other, _AX)
        if command.subtype == pg.AT_AlterColumnType:
            context.builder.rewrite(other, f"{command.name} changes its type")


def _change_type(context: Context, relation: Relation, command: Any) -> None:
    target = require_column_type(context, definition(command).type_name, command.name, member_of=relation.name)
    old = context.catalog.relations[relation.name].columns[command.name].type
    _refuse_used(context, relation)
    path = find_cast(old, target, context.catalog, context.version)
    if path is None or path.context is CastContext.EXPLICIT:
        shown = display(SqlType(target.name, array=target.array))
        raise Refused("42804", f'column "{command.name}" cannot be cast automatically to type {shown}')


def _refuse_used(context: Context, relation: Relation) -> None:
    user = column_using_row_type(context.catalog, relation.name)
    if user is not None:
        shown = f'cannot alter type "{relation.name.name}" because column "{user[0].name}.{user[1]}" uses it'
        raise Refused("0A000", shown)
