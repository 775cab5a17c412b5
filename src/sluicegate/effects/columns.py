"""Actions on one column that leave its type alone: drop, default, identity, generation, storage, statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.columns_used import expression_columns, index_columns
from sluicegate.catalog.model import Generated, Name, RelationKind
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import base_type, display
from sluicegate.effects.added_columns import refuse_virtual, require_immutable
from sluicegate.effects.alter_actions import definition
from sluicegate.effects.dependencies import Sort, Thing
from sluicegate.effects.model import LockMode
from sluicegate.effects.removals import remove
from sluicegate.effects.table_expressions import read_default, read_generation
from sluicegate.statements.nodes import options, string, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.catalog.model import Column
    from sluicegate.effects.alteration import Alteration, Command

_AX, _SRX = LockMode.AccessExclusiveLock, LockMode.ShareRowExclusiveLock
_INTEGERS = frozenset({"int2", "int4", "int8"})


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
            shown = f"cannot drop column {name} of table {_visible(alteration, table)} because other objects depend on it"
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
        read_default(alteration, getattr(node, "def"), column.type, name)
    _each(alteration, command)


def _each(alteration: Alteration, command: Command) -> None:
    if alteration.recurse:
        for member in alteration.family(command.table):
            alteration.lock_table(member)
    alteration.apply(command.table, command.node, recurse=alteration.recurse)


# -- identity --------------------------------------------------------------------------------------------------------


def run_add_identity(alteration: Alteration, command: Command) -> None:
    """Run ADD GENERATED … AS IDENTITY."""
    table, name = command.table, command.node.name
    relation, column = alteration.relation(table), alteration.column(table, name)
    base = base_type(column.type, alteration.draft.catalog)
    subject = f'column "{name}" of relation "{table.name}"'
    if base.name.name not in _INTEGERS or base.array:
        alteration.refuse("22023", "identity column type must be smallint, integer, or bigint")
    if relation.bound is not None and alteration.version >= 17:
        alteration.refuse("0A000", "cannot add identity to a column of a partition")
    if not column.not_null:
        alteration.refuse("55000", f"{subject} must be declared NOT NULL before identity can be added")
    if not column.not_null_validated:
        alteration.refuse("55000", f'incompatible NOT VALID constraint on relation "{table.name}"')
    if column.identity is not None:
        alteration.refuse("55000", f"{subject} is already an identity column")
    if column.default is not None:
        alteration.refuse("55000", f"{subject} already has a default value")
    _identity_below(alteration, table, "add identity to a column")
    alteration.apply(table, command.node, recurse=alteration.recurse)


def _identity_below(alteration: Alteration, table: Name, what: str) -> None:
    """Note that partitions follow, from PostgreSQL 17 on."""
    if alteration.version < 17 or alteration.relation(table).kind is not RelationKind.PARTITIONED:
        return
    if not alteration.recurse and alteration.children(table):
        alteration.refuse("42P16", f"cannot {what} of only the partitioned table")
    for member in alteration.family(table):
        alteration.lock_table(member)


def run_set_identity(alteration: Alteration, command: Command) -> None:
    """Run SET GENERATED, SET sequence options and RESTART of an identity column."""
    table, name = command.table, command.node.name
    column = alteration.column(table, name)
    if column.identity is None:
        alteration.refuse("55000", f'column "{name}" of relation "{table.name}" is not an identity column')
    _refuse_partition_identity(alteration, table, "change")
    _identity_below(alteration, table, "change identity column")
    sequence = _owned_sequence(alteration, table, name)
    if sequence is not None:
        alteration.builder.lock(sequence, _SRX)
    _check_sequence_options(alteration, definition(command.node))
    alteration.apply(table, command.node, recurse=alteration.recurse)


def _check_sequence_options(alteration: Alteration, items: Any) -> None:
    found = options(items.items) if items is not None else {}
    if "sequence_name" in found:
        alteration.refuse("42601", "invalid sequence option SEQUENCE NAME")
    if found.get("increment") in {0, "0"}:
        alteration.refuse("22023", "INCREMENT must not be zero")


def run_drop_identity(alteration: Alteration, command: Command) -> None:
    """Run DROP IDENTITY: the sequence goes along."""
    table, name = command.table, command.node.name
    column = alteration.column(table, name)
    if column.identity is None:
        if command.node.missing_ok:
            return
        alteration.refuse("55000", f'column "{name}" of relation "{table.name}" is not an identity column')
    _refuse_partition_identity(alteration, table, "drop")
    _identity_below(alteration, table, "drop identity from a column")
    sequence = _owned_sequence(alteration, table, name)
    if sequence is not None:
        alteration.builder.lock(sequence, _AX)
    alteration.apply(table, command.node, recurse=alteration.recurse)


def _refuse_partition_identity(alteration: Alteration, table: Name, verb: str) -> None:
    if alteration.version >= 17 and alteration.relation(table).bound is not None:
        what = "identity column of a partition" if verb == "change" else "identity from a column of a partition"
        alteration.refuse("0A000", f"cannot {verb} {what}")


def _owned_sequence(alteration: Alteration, table: Name, column: str) -> Name | None:
    for relation in alteration.draft.catalog.relations.values():
        if relation.owned_by == (table, column):
            return relation.name
    return None


# -- generation ------------------------------------------------------------------------------------------------------


def prepare_drop_expression(alteration: Alteration, command: Command) -> None:
    """Refuse DROP EXPRESSION where parents and children would part."""
    table, name = command.table, command.node.name
    if not alteration.recurse and alteration.children(table):
        alteration.refuse("42P16", "ALTER TABLE / DROP EXPRESSION must be applied to child tables too")
    column = alteration.relation(table).columns.get(name)
    if column is None:
        alteration.column(table, name)
    elif column.inherited:
        alteration.refuse("42P16", "cannot drop generation expression from inherited column")


def run_drop_expression(alteration: Alteration, command: Command) -> None:
    """Run DROP EXPRESSION: stored values stay as they are."""
    table, name = command.table, command.node.name
    column = alteration.column(table, name)
    if column.generated is None:
        if command.node.missing_ok:
            return
        stored = "stored " if alteration.version < 18 else ""
        alteration.refuse("55000", f'column "{name}" of relation "{table.name}" is not a {stored}generated column')
    if column.generated is Generated.VIRTUAL:
        alteration.refuse("0A000", "ALTER TABLE / DROP EXPRESSION is not supported for virtual generated columns")
    _each(alteration, command)


def run_set_expression(alteration: Alteration, command: Command) -> None:
    """Run SET EXPRESSION: a stored column is computed anew for every row, a virtual one is only checked."""
    table, name = command.table, command.node.name
    column = alteration.column(table, name)
    subject = f'column "{name}" of relation "{table.name}"'
    if column.generated is None:
        alteration.refuse("55000", f"{subject} is not a generated column")
    relation = alteration.relation(table)
    facts = read_generation(alteration, relation, getattr(command.node, "def"), column.type, name)
    require_immutable(alteration, facts)
    if column.generated is Generated.VIRTUAL:
        refuse_virtual(alteration, relation, name, column.type, getattr(command.node, "def"))
        if alteration.version < 19 and _is_checked(relation.constraints.values(), relation.columns, name):
            alteration.refuse(
                "0A000",
                "ALTER TABLE / SET EXPRESSION is not supported for virtual generated columns in tables with "
                "check constraints",
            )
    for member in alteration.family(table) if alteration.recurse else (table,):
        _set_expression(alteration, member, name, column)
    alteration.apply(table, command.node, recurse=alteration.recurse)


def _is_checked(constraints: Any, columns: Any, name: str) -> bool:
    return any(constraint.expression is not None for constraint in constraints) and bool(name) and bool(columns)


def _set_expression(alteration: Alteration, member: Name, name: str, column: Column) -> None:
    work, relation = alteration.work(member), alteration.relation(member)
    own = relation.columns.get(name, column)
    if column.generated is Generated.STORED:
        work.rewrite.append(f"stored generated column {name} is computed anew")
        for constraint in relation.constraints.values():
            if name in expression_columns(constraint.expression, relation.columns) and constraint.validated:
                work.verify.append(f"constraint {constraint.name} is checked against the new values")
    elif own.not_null:
        work.verify.append(f"no row may have a NULL in {name}")
    for index in alteration.draft.catalog.indexes_of(member):
        if name in index_columns(index, relation.columns):
            alteration.builder.lock(index, _AX)


# -- storage and statistics ------------------------------------------------------------------------------------------


def run_storage(alteration: Alteration, command: Command) -> None:
    """Run SET STORAGE; only values written later are stored so."""
    column = alteration.column(command.table, command.node.name)
    check_storage(alteration, column, string(definition(command.node)))
    for index in alteration.draft.catalog.indexes_of(command.table):
        if any(key.column == column.name for key in index.keys):
            alteration.builder.lock(index, _AX)
    _each(alteration, command)


def check_storage(alteration: Alteration, column: Column, wanted: str) -> None:
    """Refuse a storage that does not exist or that a type of fixed length cannot have."""
    if wanted.lower() not in {"plain", "external", "extended", "main", "default"}:
        alteration.refuse("22023", f'invalid storage type "{wanted}"')
    facts = type_facts(column.type, alteration.draft.catalog)
    if facts.known and facts.storage == "p" and wanted.lower() not in {"plain", "default"}:
        shown = display(base_type(column.type, alteration.draft.catalog))
        alteration.refuse("0A000", f"column data type {shown} can only have storage PLAIN")


def run_compression(alteration: Alteration, command: Command) -> None:
    """Run SET COMPRESSION; only values written later are compressed so."""
    column = alteration.column(command.table, command.node.name)
    check_compression(alteration, column, string(definition(command.node)))
    for index in alteration.draft.catalog.indexes_of(command.table):
        if any(key.column == column.name for key in index.keys):
            alteration.builder.lock(index, _AX)
    alteration.apply(command.table, command.node, recurse=False)


def check_compression(alteration: Alteration, column: Column, wanted: str) -> None:
    """Refuse a compression method that does not exist, and one for a type that is never compressed."""
    if wanted == "default":
        return
    facts = type_facts(column.type, alteration.draft.catalog)
    if facts.known and facts.storage == "p":
        shown = display(base_type(column.type, alteration.draft.catalog))
        alteration.refuse("0A000", f"column data type {shown} does not support compression")
    if wanted not in {"pglz", "lz4"}:
        alteration.refuse("22023", f'invalid compression method "{wanted}"')
    if wanted == "lz4":
        alteration.builder.unknown("whether the server was built with LZ4")


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
    _each(alteration, command)


def run_column_options(alteration: Alteration, command: Command) -> None:
    """Run ALTER COLUMN SET (…) and RESET (…)."""
    node = command.node
    alteration.column(command.table, node.name)
    for option in definition(node).items:
        name = unwrap(option).defname
        if name not in {"n_distinct", "n_distinct_inherited"} and node.subtype == pg.AT_SetOptions:
            alteration.refuse("22023", f'unrecognized parameter "{name}"')
    alteration.apply(command.table, node, recurse=False)


PREPARE: dict[int, Callable[[Alteration, Command], None]] = {
    pg.AT_DropColumn: prepare_drop_column,
    pg.AT_DropExpression: prepare_drop_expression,
}
"""Action → what is examined before any action runs."""

EXECUTE: dict[int, Callable[[Alteration, Command], None]] = {
    pg.AT_DropColumn: run_drop_column,
    pg.AT_ColumnDefault: run_default,
    pg.AT_AddIdentity: run_add_identity,
    pg.AT_SetIdentity: run_set_identity,
    pg.AT_DropIdentity: run_drop_identity,
    pg.AT_DropExpression: run_drop_expression,
    pg.AT_SetExpression: run_set_expression,
    pg.AT_SetStorage: run_storage,
    pg.AT_SetCompression: run_compression,
    pg.AT_SetStatistics: run_statistics,
    pg.AT_SetOptions: run_column_options,
    pg.AT_ResetOptions: run_column_options,
}
"""Action → what runs it."""
