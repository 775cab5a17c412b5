"""ALTER TABLE, and ALTER VIEW, SEQUENCE, TYPE … in its grammar: examined, run pass by pass, finished.

Source: ``AlterTable``, ``ATController`` and ``RangeVarCallbackForAlterRelation`` in PostgreSQL's tablecmds.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Index, Relation, RelationKind
from sluicegate.effects import (
    column_storage,
    columns,
    constraints,
    generated_columns,
    inheritance,
    not_null,
    table_files,
    table_options,
)
from sluicegate.effects.added_columns import prepare_add_column, run_add_column
from sluicegate.effects.alter_actions import ACTIONS, LETTERS, Pass, run_of, strongest
from sluicegate.effects.alteration import Alteration, Command
from sluicegate.effects.attributes import alter_composite
from sluicegate.effects.column_types import prepare_column_type, run_column_type
from sluicegate.effects.context import Refused
from sluicegate.effects.index_changes import alter_index
from sluicegate.effects.partitions import attach, detach, refuse_finalize
from sluicegate.effects.rebuilt_objects import rebuild
from sluicegate.statements.nodes import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.effects.context import Context
    from sluicegate.effects.model import Effects


def _run_attach(alteration: Alteration, command: Command) -> None:
    definition = getattr(command.node, "def")
    attach(alteration.now, alteration.relation(command.table), definition)
    alteration.apply(command.table, command.node)


def _run_detach(alteration: Alteration, command: Command) -> None:
    definition = getattr(command.node, "def")
    if command.node.subtype == pg.AT_DetachPartitionFinalize:
        refuse_finalize(alteration.now, alteration.relation(command.table), definition)
    detach(alteration.now, alteration.relation(command.table), definition)
    alteration.apply(command.table, command.node)


PREPARE: dict[int, Callable[[Alteration, Command], object]] = {
    **columns.PREPARE,
    **generated_columns.PREPARE,
    **inheritance.PREPARE,
    **table_files.PREPARE,
    pg.AT_AddColumn: prepare_add_column,
    pg.AT_AlterColumnType: prepare_column_type,
    pg.AT_AddConstraint: constraints.prepare_add_constraint,
    pg.AT_DropConstraint: constraints.prepare_drop_constraint,
}
"""Action → what the server examines before any action runs."""

EXECUTE: dict[int, Callable[[Alteration, Command], object]] = {
    **column_storage.EXECUTE,
    **columns.EXECUTE,
    **generated_columns.EXECUTE,
    **inheritance.EXECUTE,
    **not_null.EXECUTE,
    **table_options.EXECUTE,
    pg.AT_AddColumn: run_add_column,
    pg.AT_AlterColumnType: run_column_type,
    pg.AT_AddConstraint: constraints.run_add_constraint,
    pg.AT_DropConstraint: constraints.run_drop_constraint,
    pg.AT_ValidateConstraint: constraints.run_validate_constraint,
    pg.AT_AlterConstraint: constraints.run_alter_constraint,
    pg.AT_AttachPartition: _run_attach,
    pg.AT_DetachPartition: _run_detach,
    pg.AT_DetachPartitionFinalize: _run_detach,
}
"""Action → what runs it."""

_WORDS = {
    pg.OBJECT_VIEW: ("view", {RelationKind.VIEW}),
    pg.OBJECT_MATVIEW: ("materialized view", {RelationKind.MATERIALIZED_VIEW}),
    pg.OBJECT_FOREIGN_TABLE: ("foreign table", {RelationKind.FOREIGN}),
    pg.OBJECT_SEQUENCE: ("sequence", {RelationKind.SEQUENCE}),
    pg.OBJECT_TYPE: ("composite type", {RelationKind.COMPOSITE}),
}


def predict_alter_table(context: Context, node: Any) -> Effects:
    """Predict an ``AlterTableStmt``, or the ``AlterTableMoveAllStmt`` of ALTER TABLE ALL IN TABLESPACE."""
    if isinstance(node, pg.AlterTableMoveAllStmt):
        return _move_all(context, node)
    for item in node.cmds:
        command = item.alter_table_cmd
        if command.subtype == pg.AT_DetachPartition and getattr(command, "def").partition_cmd.concurrent:
            context.builder.forbid_in_transaction("ALTER TABLE ... DETACH CONCURRENTLY")
    if context.is_system(node.relation) and context.relation_or_index(node.relation) is None:
        return _system(context, node)
    found = context.relation_or_index(node.relation)
    if isinstance(found, Index) or node.objtype == pg.OBJECT_INDEX:
        return alter_index(context, node)
    if found is None:
        if not node.missing_ok:
            context.missing(node.relation)
        return context.builder.finish()
    refuse_other_kind(found, node.objtype)
    commands = [unwrap(item) for item in node.cmds]
    if found.kind is RelationKind.COMPOSITE:
        return alter_composite(context, found, commands)
    lock = strongest(commands, found)
    context.builder.lock(found, lock)
    alteration = Alteration(context, found, lock, recurse=node.relation.inh)
    run(alteration, [Command(command, found.name) for command in commands])
    return context.builder.finish()


def run(alteration: Alteration, commands: list[Command]) -> None:
    """Examine the actions in order, run them pass by pass, and note what is left to do to the tables."""
    for command in commands:
        _refuse_kind(alteration, command)
        prepare = PREPARE.get(command.node.subtype)
        if prepare is not None:
            prepare(alteration, command)
        alteration.queue.append((run_of(command.node), command))
    retyped = False
    while alteration.queue:
        current = min(run for run, _ in alteration.queue)
        if current > Pass.ALTER_TYPE and not retyped:
            rebuild(alteration)
            retyped = True
        batch = [command for run, command in alteration.queue if run == current]
        alteration.queue = [entry for entry in alteration.queue if entry[0] != current]
        for command in batch:
            EXECUTE.get(command.node.subtype, table_options.not_modelled)(alteration, command)
    if not retyped:
        rebuild(alteration)
    alteration.finish()


def _refuse_kind(alteration: Alteration, command: Command) -> None:
    """Refuse an action that the kind of relation does not have (``ATSimplePermissions``)."""
    relation, action = alteration.relation(command.table), ACTIONS.get(command.node.subtype)
    if action is None:
        return
    letter = LETTERS[relation.kind]
    logged = command.node.subtype in {pg.AT_SetLogged, pg.AT_SetUnLogged}
    if letter in action.kinds or (logged and letter == "p" and alteration.version < 18):
        return
    alteration.refuse("42809", f'ALTER action {action.words} cannot be performed on relation "{command.table.name}"')


def refuse_other_kind(relation: Relation, objtype: int) -> None:
    """Refuse ALTER VIEW on a table and the like; ALTER TABLE accepts all but composite types."""
    name = relation.name.name
    if objtype in _WORDS:
        word, kinds = _WORDS[objtype]
        if relation.kind not in kinds:
            raise Refused("42809", f'"{name}" is not a {word}')
    elif relation.kind is RelationKind.COMPOSITE:
        raise Refused("42809", f'"{name}" is a composite type')


def _system(context: Context, node: Any) -> Effects:
    """Refuse to alter a system catalog; views and tables of the information schema are left out of every report."""
    if node.relation.schemaname != "information_schema":
        context.builder.refuse("42501", f'permission denied: "{node.relation.relname}" is a system catalog')
    return context.builder.finish()


def _move_all(context: Context, node: Any) -> Effects:
    """Note ALTER … ALL IN TABLESPACE, which moves what lies in one tablespace to another."""
    if node.orig_tablespacename == node.new_tablespacename:
        return context.builder.finish()
    context.builder.unknown(
        f"which relations lie in tablespace {node.orig_tablespacename} depends on the database's default tablespace"
    )
    return context.builder.finish()
