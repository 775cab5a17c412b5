"""INHERIT and NO INHERIT, ATTACH and DETACH PARTITION."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import ConstraintKind
from sluicegate.catalog.replay.tables import adopt_partition, bound_text

if TYPE_CHECKING:
    from sluicegate.catalog.model import Constraint, Name, Relation
    from sluicegate.catalog.replay.draft import Draft


def inherit(draft: Draft, child: Name, parent: Relation) -> None:
    """Make a table that exists a child of another one."""
    relation = draft.catalog.relations[child]
    draft.alter(child, parents=(*relation.parents, parent.name))
    for column in parent.columns.values():
        own = relation.columns.get(column.name)
        if own is not None:
            draft.alter_column(child, column.name, inherited=own.inherited + 1)
    for constraint in parent.constraints.values():
        if constraint.kind not in {ConstraintKind.CHECK, ConstraintKind.NOT_NULL} or constraint.no_inherit:
            continue
        for own_constraint in draft.catalog.relations[child].constraints.values():
            same_name = own_constraint.name == constraint.name
            same_column = constraint.kind is ConstraintKind.NOT_NULL and own_constraint.columns == constraint.columns
            if own_constraint.kind is constraint.kind and (same_name or same_column):
                draft.put_constraint(child, replace(own_constraint, inherited=own_constraint.inherited + 1))
                break


def attach_partition(draft: Draft, table: Name, command: Any) -> None:
    """Replay ATTACH PARTITION: the child inherits, and gets the parent's indexes, foreign keys and row triggers."""
    child = draft.relation(command.name)
    parent = draft.catalog.relations[table]
    if child is None:
        return
    inherit(draft, child.name, parent)
    draft.alter(child.name, bound=bound_text(command.bound), bound_node=command.bound)
    # A partition has nothing of its own that its parent has too.
    relation = draft.catalog.relations[child.name]
    columns = {
        name: replace(
            column,
            local=False if name in parent.columns else column.local,
            identity=parent.columns[name].identity
            if name in parent.columns and draft.catalog.version >= 17
            else column.identity,
        )
        for name, column in relation.columns.items()
    }
    constraints = {
        name: replace(constraint, local=constraint.local and constraint.inherited == 0)
        for name, constraint in relation.constraints.items()
    }
    draft.alter(child.name, columns=columns, constraints=constraints)
    adopt_partition(draft, child.name, parent)


def _comes_from(constraint: Constraint, parent: Relation) -> bool:
    if constraint.kind is ConstraintKind.NOT_NULL:
        return any(
            own.kind is constraint.kind and own.columns == constraint.columns and not own.no_inherit
            for own in parent.constraints.values()
        )
    own = parent.constraints.get(constraint.name)
    return own is not None and own.kind is constraint.kind and not own.no_inherit


def _end_partition(draft: Draft, table: Name, cloned: set[str]) -> None:
    """Take away what a table and its own partitions had from the parent that they have no more."""
    for member in draft.family(table):
        relation = draft.catalog.relations[member]
        draft.alter(
            member,
            triggers={name: trigger for name, trigger in relation.triggers.items() if name not in cloned},
            columns={name: replace(column, identity=None) for name, column in relation.columns.items()},
        )


def detach(draft: Draft, parent: Name, child: Name) -> None:
    """Replay NO INHERIT and DETACH PARTITION: what was inherited is the child's own from now on."""
    relation = draft.catalog.relations[child]
    above = draft.catalog.relations[parent]
    was_partition = relation.bound is not None
    columns = {
        name: replace(
            column,
            inherited=max(column.inherited - 1, 0) if name in above.columns else column.inherited,
            local=True if name in above.columns and column.inherited <= 1 else column.local,
            identity=None if was_partition else column.identity,
        )
        for name, column in relation.columns.items()
    }
    constraints = {
        name: replace(
            constraint,
            inherited=max(constraint.inherited - 1, 0),
            local=constraint.local or constraint.inherited <= 1,
        )
        if constraint.inherited and (was_partition or _comes_from(constraint, above))
        else constraint
        for name, constraint in relation.constraints.items()
    }
    draft.alter(
        child,
        columns=columns,
        constraints=constraints,
        parents=tuple(name for name in relation.parents if name != parent),
        bound=None,
        bound_node=None,
    )
    if was_partition:
        _end_partition(draft, child, {name for name, trigger in above.triggers.items() if trigger.for_each_row})
    for index in draft.catalog.indexes_of(child):
        above_index = draft.catalog.indexes.get(index.parent) if index.parent is not None else None
        if above_index is not None and above_index.table == parent:
            draft.alter_index(index.name, parent=None)
