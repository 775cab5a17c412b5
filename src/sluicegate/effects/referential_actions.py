"""What foreign keys do when rows change: the checks of their own keys, the actions on tables that reference them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.model import ConstraintKind, RelationKind
from sluicegate.effects.model import LockMode, LossKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from sluicegate.catalog.model import Constraint, Relation
    from sluicegate.effects.context import Context

_RS, _RX = LockMode.RowShareLock, LockMode.RowExclusiveLock


def note_own_keys(context: Context, relation: Relation, columns: Collection[str]) -> None:
    """Note the look-ups of the rows that a table's new values reference (``RI_FKey_check``)."""
    for constraint in relation.constraints.values():
        if constraint.kind is not ConstraintKind.FOREIGN_KEY or constraint.references is None:
            continue
        if not constraint.enforced or not set(constraint.columns) <= set(columns):
            continue
        _lock_family(context, context.catalog.relations.get(constraint.references), _RS)
        context.builder.depends(f"fails if {constraint.references} has no row that a new value references")


def _lock_family(context: Context, relation: Relation | None, mode: LockMode) -> None:
    """Note locks on a table, its partitions and their indexes."""
    if relation is None:
        return
    members: tuple[Relation, ...] = (relation,)
    if relation.kind is RelationKind.PARTITIONED:
        members = (relation, *context.catalog.descendants_of(relation.name))
    for member in members:
        context.builder.lock(member, mode)
        for index in context.catalog.indexes_of(member.name):
            context.builder.lock(index, mode)


def note_referencing(
    context: Context,
    relation: Relation,
    *,
    changed: Collection[str] | None,
    every_row: bool,
    seen: set[str] | None = None,
) -> None:
    """Note what happens to the tables that reference changed or deleted rows.

    Args:
        context: the statement's context.
        relation: the table whose rows change.
        changed: the columns an UPDATE sets; None for a DELETE.
        every_row: whether all rows are deleted, so that a single referencing row makes the statement fail.
        seen: foreign keys that are already followed.
    """
    seen = seen if seen is not None else set()
    tables = [relation.name, *relation.parents] if relation.bound is not None else [relation.name]
    for table in tables:
        for holder, constraint in context.catalog.foreign_keys_to(table):
            key = f"{holder.name}.{constraint.name}"
            if key in seen or not constraint.enforced or (constraint.inherited and holder.bound is not None):
                continue
            if changed is not None and not set(constraint.referenced_columns) & set(changed):
                continue
            seen.add(key)
            _act(context, relation, holder, constraint, deleting=changed is None, every_row=every_row, seen=seen)


def _act(
    context: Context,
    relation: Relation,
    holder: Relation,
    constraint: Constraint,
    *,
    deleting: bool,
    every_row: bool,
    seen: set[str],
) -> None:
    builder = context.builder
    action = constraint.on_delete if deleting else constraint.on_update
    if action in {"no action", "restrict"}:
        if every_row and holder.name != relation.name and holder.rows != 0:
            builder.refuse(
                "23503",
                f'update or delete on table "{relation.name.name}" violates foreign key constraint "{constraint.name}"'
                f' on table "{holder.name.name}"',
            )
        builder.depends(f"fails if {holder.name} references a row that goes")
        _visit(context, holder, constraint, _RS)
        return
    _visit(context, holder, constraint, _RX)
    if deleting and action == "cascade":
        builder.lose(LossKind.ROWS, holder, asked=False, detail=f"by {constraint.name} ON DELETE CASCADE")
        note_referencing(context, holder, changed=None, every_row=False, seen=seen)
    else:
        note_referencing(context, holder, changed=constraint.columns, every_row=False, seen=seen)


def _visit(context: Context, holder: Relation, constraint: Constraint, mode: LockMode) -> None:
    """Note the query on the referencing table: by index where one begins with the key's columns."""
    _lock_family(context, holder, mode)
    members = context.catalog.descendants_of(holder.name) if holder.kind is RelationKind.PARTITIONED else (holder,)
    for member in members:
        leading = any(
            index.keys
            and index.keys[0].column in constraint.columns
            and index.method == "btree"
            and index.predicate is None
            for index in context.catalog.indexes_of(member.name)
        )
        if not leading:
            context.builder.scan(member, f"no index serves the foreign key {constraint.name}")
