"""Actions on one column that leave its type alone: DROP COLUMN, defaults, statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.columns_used import expression_columns
from sluicegate.catalog.model import Generated, Name, RelationKind, SqlType
from sluicegate.catalog.types import base_type
from sluicegate.effects.alter_actions import definition
from sluicegate.effects.dependencies import Sort, Thing
from sluicegate.effects.relation_options import check_options
from sluicegate.effects.removals import remove
from sluicegate.effects.table_expressions import read_default
from sluicegate.statements.nodes import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.effects.alteration import Alteration, Command


# -- DROP COLUMN -----------------------------------------------------------------------------------------------------


def prepare_drop_column(alteration: Alteration, command: Command) -> None:
    """Refuse to drop a column of a table that follows a composite type."""
    if alteration.relation(command.table).of_type is not None:
        alteration.refuse("42809", "cannot drop column from typed table")


def run_drop_column(alteration: Alteration, command: Command) -> None:
    """Drop a column, here and below, with everything that hangs on it."""
    node, table, name = command.node, command.table, command.node.name
    relation = alteration.relation(table)
    if name not in relation.columns and node.missing_ok:
        return
    column = alteration.column(table, name, system="drop system column")
    if column.inherited:
        alteration.refuse("42P16", f'cannot drop inherited column "{name}"')
    refuse_partition_key(alteration, table, name, "drop")
    things = [Thing(Sort.COLUMN, table, name)]
    _drop_below(alteration, table, name, things)
    if not remove(alteration.now, things, cascade=node.behavior == pg.DROP_CASCADE):
        refusal = alteration.builder.refusal
        if refusal is not None:
            # The server speaks of the column the statement names, whatever else goes with it.
            shown = (
                f"cannot drop column {name} of table {_visible(alteration, table)} because other objects depend on it"
            )
            alteration.refuse(refusal.sqlstate, shown)
    alteration.apply(table, node, recurse=alteration.recurse)


def _visible(alteration: Alteration, table: Name) -> str:
    return table.name if table.schema in alteration.context.search_path else str(table)


def _drop_below(alteration: Alteration, table: Name, name: str, things: list[Thing]) -> None:
    children = alteration.children(table)
    if children and not alteration.recurse and alteration.relation(table).kind is RelationKind.PARTITIONED:
        alteration.refuse("42P16", "cannot drop column from only the partitioned table when partitions exist")
    for child in children:
        alteration.lock_table(child.name)
        own = child.columns.get(name)
        if alteration.recurse and own is not None and own.inherited == 1 and not own.local:
            refuse_partition_key(alteration, child.name, name, "drop")
            things.append(Thing(Sort.COLUMN, child.name, name))
            _drop_below(alteration, child.name, name, things)


def refuse_partition_key(alteration: Alteration, table: Name, name: str, verb: str) -> None:
    """Refuse to drop or alter a column that the table is partitioned by."""
    partitioning = alteration.relation(table).partitioning
    if partitioning is None:
        return
    columns = alteration.relation(table).columns
    suffix = f'partition key of relation "{table.name}"'
    if name in partitioning.columns:
        alteration.refuse("42P16", f'cannot {verb} column "{name}" because it is part of the {suffix}')
    if any(name in expression_columns(expression, columns) for expression in partitioning.expressions):
        alteration.refuse("42P16", f'cannot {verb} column "{name}" because it is part of the {suffix}')


# -- DEFAULT ---------------------------------------------------------------------------------------------------------


def run_default(alteration: Alteration, command: Command) -> None:
    """Run SET DEFAULT or DROP DEFAULT; only rows written later notice."""
    node, table, name = command.node, command.table, command.node.name
    column = alteration.column(table, name)
    if column.identity is not None:
        alteration.refuse("42601", f'column "{name}" of relation "{table.name}" is an identity column')
    if column.generated is not None:
        alteration.refuse("42601", f'column "{name}" of relation "{table.name}" is a generated column')
    if definition(node) is not None:
        # It is not evaluated now, so a value that is too long or too wide is only refused when a row gets it.
        base = base_type(column.type, alteration.draft.catalog)
        read_default(alteration, getattr(node, "def"), SqlType(base.name, (), base.array), name)
    alteration.run_below(command)


# -- statistics ------------------------------------------------------------------------------------------------------


def run_statistics(alteration: Alteration, command: Command) -> None:
    """Run SET STATISTICS."""
    node, table = command.node, command.table
    if not node.name:
        alteration.refuse("0A000", "cannot refer to non-index column by number")
    column = alteration.column(table, node.name)
    if column.generated is Generated.VIRTUAL:
        alteration.refuse("0A000", f'cannot alter statistics on virtual generated column "{node.name}"')
    target = unwrap(getattr(node, "def"))
    value = int(target.ival) if isinstance(target, pg.Integer) else -1
    if value < -1:
        alteration.refuse("22023", f"statistics target {value} is too low")
    alteration.run_below(command)


def run_column_options(alteration: Alteration, command: Command) -> None:
    """Run ALTER COLUMN SET (…) and RESET (…)."""
    node = command.node
    alteration.column(command.table, node.name)
    refusal = check_options(definition(node).items, "attribute", alteration.version)
    if refusal is not None and node.subtype == pg.AT_SetOptions:
        alteration.refuse(refusal.sqlstate, refusal.message)
    alteration.apply(command.table, node, recurse=False)


PREPARE: dict[int, Callable[[Alteration, Command], None]] = {pg.AT_DropColumn: prepare_drop_column}
"""Action → what is examined before any action runs."""

EXECUTE: dict[int, Callable[[Alteration, Command], None]] = {
    pg.AT_DropColumn: run_drop_column,
    pg.AT_ColumnDefault: run_default,
    pg.AT_SetStatistics: run_statistics,
    pg.AT_SetOptions: run_column_options,
    pg.AT_ResetOptions: run_column_options,
}
"""Action → what runs it."""
