"""INHERIT and NO INHERIT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import ConstraintKind, Relation, RelationKind
from sluicegate.catalog.types import same_type
from sluicegate.effects.alter_actions import ACTIONS, LETTERS, definition
from sluicegate.effects.model import LockMode
from sluicegate.statements.nodes import same_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from sluicegate.catalog.model import Constraint
    from sluicegate.effects.alteration import Alteration, Command


def _prepare(alteration: Alteration, command: Command) -> None:
    relation = alteration.relation(command.table)
    if command.node.subtype == pg.AT_AddInherit and relation.of_type is not None:
        alteration.refuse("42809", "cannot change inheritance of typed table")
    if relation.bound is not None:
        alteration.refuse("42809", "cannot change inheritance of a partition")
    if command.node.subtype == pg.AT_AddInherit and relation.kind is RelationKind.PARTITIONED:
        alteration.refuse("42809", "cannot change inheritance of partitioned table")


def run_add_inherit(alteration: Alteration, command: Command) -> None:
    """Run INHERIT (``ATExecAddInherit``)."""
    child = alteration.relation(command.table)
    parent = alteration.now.require_relation(definition(command.node))
    alteration.builder.lock(parent, LockMode.ShareUpdateExclusiveLock)
    if LETTERS[parent.kind] not in ACTIONS[pg.AT_AddInherit].kinds:
        alteration.refuse("42809", f'ALTER action INHERIT cannot be performed on relation "{parent.name.name}"')
    if parent.persistence == "temporary" and child.persistence != "temporary":
        alteration.refuse("42809", f'cannot inherit from temporary relation "{parent.name.name}"')
    if parent.kind is RelationKind.PARTITIONED:
        alteration.refuse("42809", f'cannot inherit from partitioned table "{parent.name.name}"')
    if parent.bound is not None:
        alteration.refuse("42809", "cannot inherit from a partition")
    if parent.name in alteration.draft.family(child.name):
        alteration.refuse("42P07", "circular inheritance not allowed")
    if parent.name in child.parents:
        alteration.refuse("42P07", f'relation "{parent.name.name}" would be inherited from more than once')
    _require_columns(alteration, parent, child)
    _require_checks(alteration, parent, child)
    alteration.apply(command.table, command.node, recurse=False)


def _require_columns(alteration: Alteration, parent: Relation, child: Relation) -> None:
    """Refuse a child without the parent's columns (``MergeAttributesIntoExisting``)."""
    name = child.name.name
    for column in parent.columns.values():
        own = child.columns.get(column.name)
        if own is None:
            alteration.refuse("42804", f'child table is missing column "{column.name}"')
        if not same_type(own.type, column.type):
            alteration.refuse("42804", f'child table "{name}" has different type for column "{column.name}"')
        if own.collation != column.collation:
            alteration.refuse("42P21", f'child table "{name}" has different collation for column "{column.name}"')
        needs = column.not_null and not _keeps_to_itself(parent, column.name)
        if needs and not own.not_null:
            shown = f' "{name}"' if alteration.version >= 17 else ""
            alteration.refuse("42804", f'column "{column.name}" in child table{shown} must be marked NOT NULL')
        if column.generated is not None and own.generated is None:
            alteration.refuse("42804", f'column "{column.name}" in child table must be a generated column')
        if column.generated is None and own.generated is not None:
            alteration.refuse("42804", f'column "{column.name}" in child table must not be a generated column')


def _keeps_to_itself(parent: Relation, column: str) -> bool:
    return any(
        one.kind is ConstraintKind.NOT_NULL and one.columns == (column,) and one.no_inherit
        for one in parent.constraints.values()
    )


def _require_checks(alteration: Alteration, parent: Relation, child: Relation) -> None:
    """Refuse a child without the parent's checks (``MergeConstraintsIntoExisting``)."""
    name = child.name.name
    for constraint in parent.constraints.values():
        if constraint.kind is not ConstraintKind.CHECK or constraint.no_inherit:
            continue
        own = child.constraints.get(constraint.name)
        if own is None or own.kind is not ConstraintKind.CHECK:
            alteration.refuse("42804", f'child table is missing constraint "{constraint.name}"')
        if not _same_check(own, constraint):
            alteration.refuse(
                "42804", f'child table "{name}" has different definition for check constraint "{own.name}"'
            )
        if own.no_inherit:
            alteration.refuse(
                "42P17", f'constraint "{own.name}" conflicts with non-inherited constraint on child table "{name}"'
            )
        if constraint.validated and own.enforced and not own.validated:
            alteration.refuse(
                "42P17", f'constraint "{own.name}" conflicts with NOT VALID constraint on child table "{name}"'
            )


def _same_check(one: Constraint, other: Constraint) -> bool:
    if one.expression is None or other.expression is None:
        return one.expression is other.expression
    return one.expression.sql == other.expression.sql or same_tree(one.expression.node, other.expression.node)


def run_drop_inherit(alteration: Alteration, command: Command) -> None:
    """Run NO INHERIT."""
    child = alteration.relation(command.table)
    parent = alteration.now.require_relation(definition(command.node))
    alteration.builder.lock(parent, LockMode.AccessShareLock)
    if parent.name not in child.parents:
        alteration.refuse("42P01", f'relation "{parent.name.name}" is not a parent of relation "{child.name.name}"')
    alteration.apply(command.table, command.node, recurse=False)


PREPARE: dict[int, Callable[[Alteration, Command], None]] = {
    pg.AT_AddInherit: _prepare,
    pg.AT_DropInherit: _prepare,
}
"""Action → what is examined before any action runs."""

EXECUTE: dict[int, Callable[[Alteration, Command], None]] = {
    pg.AT_AddInherit: run_add_inherit,
    pg.AT_DropInherit: run_drop_inherit,
}
"""Action → what runs it."""
