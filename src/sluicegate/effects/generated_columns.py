"""Columns that the server fills: identity columns and generated ones, added, changed and made ordinary again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.columns_used import expression_columns, index_columns
from sluicegate.catalog.model import Generated, Name, RelationKind
from sluicegate.catalog.types import base_type
from sluicegate.effects.added_columns import refuse_virtual
from sluicegate.effects.alter_actions import definition
from sluicegate.effects.model import LockMode
from sluicegate.effects.sequences import check_sequence_options
from sluicegate.effects.table_expressions import read_generation
from sluicegate.statements.nodes import options, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.catalog.model import Column
    from sluicegate.effects.alteration import Alteration, Command

_AX, _SRX = LockMode.AccessExclusiveLock, LockMode.ShareRowExclusiveLock
_INTEGERS = frozenset({"int2", "int4", "int8"})


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
        alteration.refuse("42P16", "cannot add identity to a column of a partition")
    if not column.not_null:
        alteration.refuse("55000", f"{subject} must be declared NOT NULL before identity can be added")
    if not column.not_null_validated:
        alteration.refuse("55000", f'incompatible NOT VALID constraint on relation "{table.name}"')
    if column.identity is not None:
        alteration.refuse("55000", f"{subject} is already an identity column")
    if column.default is not None:
        alteration.refuse("55000", f"{subject} already has a default value")
    _identity_below(alteration, table, "add identity to a column")
    check_sequence_options(alteration.now, _without_name(definition(command.node).options), None, base.name.name)
    alteration.apply(table, command.node, recurse=alteration.recurse)


def _without_name(items: Any) -> list[Any]:
    return [item for item in items if unwrap(item).defname != "sequence_name"]


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
    _refuse_partition_identity(alteration, table, "change")
    if column.identity is None:
        alteration.refuse("55000", f'column "{name}" of relation "{table.name}" is not an identity column')
    _identity_below(alteration, table, "change identity column")
    sequence = _owned_sequence(alteration, table, name)
    if sequence is not None:
        alteration.builder.lock(sequence, _SRX)
    _check_sequence_options(alteration, definition(command.node), sequence)
    alteration.apply(table, command.node, recurse=alteration.recurse)


def _check_sequence_options(alteration: Alteration, items: Any, sequence: Name | None) -> None:
    if items is None:
        return
    if "sequence_name" in options(items.items):
        alteration.refuse("42601", "invalid sequence option SEQUENCE NAME")
    given = [item for item in items.items if unwrap(item).defname != "generated"]
    relation = alteration.draft.catalog.relations.get(sequence) if sequence is not None else None
    kind = relation.sequence_type.name.name if relation is not None and relation.sequence_type is not None else "int8"
    before = relation.sequence_options if relation is not None else {}
    check_sequence_options(alteration.now, given, before, kind)


def run_drop_identity(alteration: Alteration, command: Command) -> None:
    """Run DROP IDENTITY: the sequence goes along."""
    table, name = command.table, command.node.name
    column = alteration.column(table, name)
    _refuse_partition_identity(alteration, table, "drop")
    if column.identity is None:
        if command.node.missing_ok:
            return
        alteration.refuse("55000", f'column "{name}" of relation "{table.name}" is not an identity column')
    _identity_below(alteration, table, "drop identity from a column")
    sequence = _owned_sequence(alteration, table, name)
    if sequence is not None:
        alteration.builder.lock(sequence, _AX)
    alteration.apply(table, command.node, recurse=alteration.recurse)


def _refuse_partition_identity(alteration: Alteration, table: Name, verb: str) -> None:
    if alteration.version >= 17 and alteration.relation(table).bound is not None:
        what = "identity column of a partition" if verb == "change" else "identity from a column of a partition"
        alteration.refuse("42P16", f"cannot {verb} {what}")


def _owned_sequence(alteration: Alteration, table: Name, column: str) -> Name | None:
    for relation in alteration.draft.catalog.relations.values():
        if relation.owned_by == (table, column):
            return relation.name
    return None


# -- generation ------------------------------------------------------------------------------------------------------


def prepare_drop_expression(alteration: Alteration, command: Command) -> None:
    """Refuse DROP EXPRESSION where parents and children would part."""
    table, name = command.table, command.node.name
    # The server does not look beyond one level, so children of children count as left out.
    below = alteration.children(table)
    if (below and not alteration.recurse) or any(alteration.children(child.name) for child in below):
        alteration.refuse("0A000", "ALTER TABLE / DROP EXPRESSION must be applied to child tables too")
    for member in alteration.family(table) if alteration.recurse else ():
        alteration.lock_table(member)
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
    alteration.run_below(command)


def run_set_expression(alteration: Alteration, command: Command) -> None:
    """Run SET EXPRESSION: a stored column is computed anew for every row, a virtual one is only checked."""
    table, name = command.table, command.node.name
    column = alteration.column(table, name)
    subject = f'column "{name}" of relation "{table.name}"'
    if column.generated is None:
        alteration.refuse("55000", f"{subject} is not a generated column")
    relation = alteration.relation(table)
    read_generation(alteration, relation, getattr(command.node, "def"), column.type, name)
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


PREPARE: dict[int, Callable[[Alteration, Command], None]] = {pg.AT_DropExpression: prepare_drop_expression}
"""Action → what is examined before any action runs."""

EXECUTE: dict[int, Callable[[Alteration, Command], None]] = {
    pg.AT_AddIdentity: run_add_identity,
    pg.AT_SetIdentity: run_set_identity,
    pg.AT_DropIdentity: run_drop_identity,
    pg.AT_DropExpression: run_drop_expression,
    pg.AT_SetExpression: run_set_expression,
}
"""Action → what runs it."""
