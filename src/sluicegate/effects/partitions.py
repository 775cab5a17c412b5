"""CREATE TABLE … PARTITION OF, ATTACH PARTITION and DETACH PARTITION."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import ConstraintKind, RelationKind
from sluicegate.catalog.replay import apply
from sluicegate.catalog.types import same_type
from sluicegate.effects.bounds import Bound, check_new_bound, read_bound
from sluicegate.effects.constants import Incomparable
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.proofs import excludes_bound, proves_bound
from sluicegate.effects.removals import default_partition
from sluicegate.statements.nodes import same_tree

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Column, Constraint, Name, Relation
    from sluicegate.effects.context import Context

_AX, _SUX, _SRX = LockMode.AccessExclusiveLock, LockMode.ShareUpdateExclusiveLock, LockMode.ShareRowExclusiveLock
_UNKNOWN_ORDER = "whether the bound overlaps another partition's cannot be told"


def create_partition(context: Context, parent: Relation, spec: Any, name: str) -> None:
    """Note what a new partition does to its parent, its DEFAULT sibling and the tables of foreign keys."""
    builder = context.builder
    bound = _checked_bound(context, parent, spec, name)
    builder.lock(parent, _AX)
    for index in context.catalog.indexes_of(parent.name):
        builder.lock(index, _SUX)
    if bound is None or not bound.default:
        _check_default(context, parent, bound)
    _lock_foreign_keys(context, parent)


def attach(context: Context, parent: Relation, command: Any) -> None:
    """Note what ATTACH PARTITION does.

    Source: ``ATExecAttachPartition`` in PostgreSQL's tablecmds.c, in its order of checks.
    """
    builder = context.builder
    _require_partitioned(context, parent, "ATTACH PARTITION")
    definition = command.partition_cmd
    bound = _read(context, parent, definition.bound)
    child = context.require_relation(definition.name)
    _check_candidate(context, parent, child)
    if bound is not None:
        _checked(context, parent, bound, child.name.name)
    _check_columns(context, parent, child)
    _check_constraints(parent, child)
    builder.lock(parent, _SUX)
    family = (child, *context.catalog.descendants_of(child.name))
    for relation in family:
        builder.lock(relation, _AX)
    _ensure_indexes(context, parent, child)
    _validate_foreign_keys(context, parent, child, family)
    if bound is None and not context.catalog.complete and _has_checks(child):
        builder.unknown(f"whether a CHECK of {child.name} proves the bound, for a key that is not known")
    elif bound is None or not _proved(context, child, bound, parent):
        for relation in family:
            if relation.kind is RelationKind.TABLE and (
                bound is None or not proves_bound(relation, bound, parent, context.catalog)
            ):
                builder.scan(relation, "its rows are checked against the partition's bound")
                builder.depends(f"fails if {relation.name} holds rows outside the bound")
    if bound is None or not bound.default:
        _check_default(context, parent, bound)
    _lock_foreign_keys(context, parent)


def _has_checks(relation: Relation) -> bool:
    checks = (c for c in relation.constraints.values() if c.kind is ConstraintKind.CHECK)
    return any(check.validated and check.enforced for check in checks)


def detach(context: Context, parent: Relation, command: Any) -> None:
    """Note what DETACH PARTITION does, plainly, CONCURRENTLY or FINALIZE."""
    builder, definition = context.builder, command.partition_cmd
    _require_partitioned(context, parent, "DETACH PARTITION")
    default = default_partition(context, parent.name)
    if default is not None and definition.concurrent:
        raise Refused("55000", "cannot detach partitions concurrently when a default partition exists")
    child = context.require_relation(definition.name)
    if child.bound is None or parent.name not in child.parents:
        raise Refused("42P01", f'relation "{child.name.name}" is not a partition of relation "{parent.name.name}"')
    builder.lock(parent, _SUX if definition.concurrent else _AX)
    builder.lock(child, _AX)
    for member in context.catalog.descendants_of(child.name):
        builder.lock(member, _AX)
    if default is not None:
        builder.lock(default, _AX)
    for index in context.catalog.indexes_of(child.name):
        if index.parent is not None and not definition.concurrent:
            builder.lock(index, _AX)
    for constraint in child.constraints.values():
        if constraint.kind is ConstraintKind.FOREIGN_KEY and constraint.inherited and constraint.references:
            builder.lock(constraint.references, _SRX)
    for holder, constraint in context.catalog.foreign_keys_to(parent.name):
        if constraint.inherited:
            continue
        builder.lock(holder, _AX)
        builder.scan(holder, f"its rows must not reference {child.name}")
        builder.depends(f"fails if {holder.name} references rows of {child.name}")


def refuse_finalize(context: Context, parent: Relation, command: Any) -> None:
    """Refuse DETACH PARTITION … FINALIZE where no detach was interrupted, which a schema cannot hold."""
    child = context.require_relation(command.partition_cmd.name)
    if child.bound is None or parent.name not in child.parents:
        raise Refused("42P01", f'relation "{child.name.name}" is not a partition of relation "{parent.name.name}"')
    raise Refused("55000", f'cannot complete detaching partition "{child.name.name}"')


def _require_partitioned(context: Context, relation: Relation, words: str) -> None:
    if relation.kind is RelationKind.PARTITIONED:
        return
    name = relation.name.name
    if context.version >= 18:
        raise Refused("42809", f'ALTER action {words} cannot be performed on relation "{name}"')
    raise Refused(
        "42P17", f'{"table" if relation.kind is RelationKind.TABLE else "relation"} "{name}" is not partitioned'
    )


# -- bounds ------------------------------------------------------------------------------------------------------------


def _read(context: Context, parent: Relation, spec: Any) -> Bound | None:
    try:
        return read_bound(spec, parent, context.catalog)
    except Incomparable:
        context.builder.unknown(_UNKNOWN_ORDER)
        return None


def _checked(context: Context, parent: Relation, bound: Bound, name: str) -> None:
    try:
        check_new_bound(name, bound, parent, context.catalog)
    except Incomparable:
        context.builder.unknown(_UNKNOWN_ORDER)


def _checked_bound(context: Context, parent: Relation, spec: Any, name: str) -> Bound | None:
    bound = _read(context, parent, spec)
    if bound is not None:
        _checked(context, parent, bound, name)
    return bound


def _proved(context: Context, child: Relation, bound: Bound, parent: Relation) -> bool:
    return proves_bound(child, bound, parent, context.catalog)


def _check_default(context: Context, parent: Relation, bound: Bound | None) -> None:
    """Note the lock on the DEFAULT partition, and the scan that proves that none of its rows belongs elsewhere now."""
    default = default_partition(context, parent.name)
    if default is None:
        return
    catalog = context.catalog
    for relation in (default, *catalog.descendants_of(default.name)):
        context.builder.lock(relation, _AX)
    if bound is not None and excludes_bound(default, bound, parent, catalog):
        return
    for relation in (default, *catalog.descendants_of(default.name)):
        if relation.kind is not RelationKind.TABLE:
            continue
        if bound is not None and excludes_bound(relation, bound, parent, catalog):
            continue
        context.builder.scan(relation, "its rows must not belong to the new partition")
        context.builder.depends(f"fails if {relation.name} holds rows that belong to the new partition")


# -- the table to attach -----------------------------------------------------------------------------------------------


def _check_candidate(context: Context, parent: Relation, child: Relation) -> None:
    catalog = context.catalog
    if child.kind not in {RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.FOREIGN}:
        raise Refused("42809", f'ALTER action ATTACH PARTITION cannot be performed on relation "{child.name.name}"')
    if child.bound is not None:
        raise Refused("42809", f'"{child.name.name}" is already a partition')
    if child.of_type is not None:
        raise Refused("42809", "cannot attach a typed table as partition")
    if child.parents:
        raise Refused("42809", "cannot attach inheritance child as partition")
    if child.kind is RelationKind.TABLE and catalog.children_of(child.name):
        raise Refused("42809", "cannot attach inheritance parent as partition")
    if child.name == parent.name or any(below.name == parent.name for below in catalog.descendants_of(child.name)):
        raise Refused("42P07", "circular inheritance not allowed")
    if (child.persistence == "temporary") != (parent.persistence == "temporary"):
        ours, theirs = ("temporary", "permanent") if child.persistence == "temporary" else ("permanent", "temporary")
        raise Refused(
            "42809", f'cannot attach a {ours} relation as partition of {theirs} relation "{parent.name.name}"'
        )
    for name in child.columns:
        if name not in parent.columns:
            raise Refused(
                "42804",
                f'table "{child.name.name}" contains column "{name}" not found in parent "{parent.name.name}"',
            )
    for trigger in child.triggers.values():
        if trigger.for_each_row and trigger.transition_tables:
            raise Refused(
                "55000",
                f'trigger "{trigger.name}" prevents table "{child.name.name}" from becoming an inheritance child',
            )


def _check_columns(context: Context, parent: Relation, child: Relation) -> None:
    """Refuse what ``MergeAttributesIntoExisting`` does."""
    where = f' in child table "{child.name.name}"' if context.version >= 18 else " in child table"
    for column in parent.columns.values():
        own = child.columns.get(column.name)
        if own is None:
            raise Refused("42804", f'child table is missing column "{column.name}"')
        if not same_type(own.type, column.type):
            raise Refused("42804", f'child table "{child.name.name}" has different type for column "{column.name}"')
        if _collation(own) != _collation(column):
            raise Refused(
                "42P21", f'child table "{child.name.name}" has different collation for column "{column.name}"'
            )
        if column.not_null and not own.not_null:
            raise Refused("42804", f'column "{column.name}"{where} must be marked NOT NULL')
        if (own.generated is None) != (column.generated is None):
            must = "must be" if column.generated is not None else "must not be"
            raise Refused("42804", f'column "{column.name}" in child table {must} a generated column')
        if own.identity is not None and context.version >= 17:
            raise Refused(
                "42809", f'table "{child.name.name}" being attached contains an identity column "{column.name}"'
            )


def _collation(column: Column) -> Name | None:
    return None if column.collation is not None and column.collation.name == "default" else column.collation


def _check_constraints(parent: Relation, child: Relation) -> None:
    """Refuse what ``MergeConstraintsIntoExisting`` does."""
    for constraint in parent.constraints.values():
        if constraint.kind is not ConstraintKind.CHECK or constraint.no_inherit:
            continue
        own = child.constraints.get(constraint.name)
        if own is None or own.kind is not ConstraintKind.CHECK:
            raise Refused("42804", f'child table is missing constraint "{constraint.name}"')
        if not _same_check(own, constraint):
            raise Refused(
                "42804",
                f'child table "{child.name.name}" has different definition for check constraint "{constraint.name}"',
            )
        if own.no_inherit:
            raise Refused(
                "42P17",
                f'constraint "{own.name}" conflicts with non-inherited constraint on child table "{child.name.name}"',
            )
        if constraint.validated and not own.validated:
            raise Refused(
                "42P17",
                f'constraint "{own.name}" conflicts with NOT VALID constraint on child table "{child.name.name}"',
            )


def _same_check(one: Constraint, other: Constraint) -> bool:
    if one.expression is None or other.expression is None:
        return True
    return one.expression.sql == other.expression.sql or same_tree(one.expression.node, other.expression.node)


# -- what comes with the parent ----------------------------------------------------------------------------------------


def _ensure_indexes(context: Context, parent: Relation, child: Relation) -> None:
    """Note the indexes that are built because the table has none that fits; the replay knows which."""
    before, builder = context.catalog, context.builder
    for index in before.indexes_of(parent.name):
        builder.lock(index, _SUX)
    for table in built_tables(before, apply(context.statement, before, context.session)):
        builder.build(table, "the parent's indexes are built on it")
    unlike = [index for index in before.indexes_of(child.name) if index.parent is None and not index.valid]
    if unlike:
        builder.unknown(f"whether the invalid index {unlike[0].name} is replaced")


def built_tables(before: Catalog, after: Catalog) -> list[Name]:
    """Return the tables that existed before and have an index afterwards that they had not."""
    return [
        index.table
        for name, index in after.indexes.items()
        if name not in before.indexes and index.table in before.relations
    ]


def _validate_foreign_keys(context: Context, parent: Relation, child: Relation, family: tuple[Relation, ...]) -> None:
    builder = context.builder
    for constraint in parent.constraints.values():
        if constraint.kind is not ConstraintKind.FOREIGN_KEY or constraint.references is None:
            continue
        builder.lock(constraint.references, _SRX)
        if not constraint.enforced or _has_foreign_key(child, constraint):
            continue
        target = context.catalog.relations.get(constraint.references)
        for relation in family:
            if relation.kind is RelationKind.TABLE:
                builder.scan(relation, f"the foreign key {constraint.name} is checked")
                builder.depends(f"fails if {relation.name} holds rows without a match in {constraint.references}")
        for relation in (target, *context.catalog.descendants_of(target.name)) if target is not None else ():
            builder.scan(relation, f"the foreign key {constraint.name} is checked")


def _has_foreign_key(child: Relation, constraint: Constraint) -> bool:
    return any(
        own.kind is ConstraintKind.FOREIGN_KEY
        and own.validated
        and replace(own, name="", local=True, inherited=0) == replace(constraint, name="", local=True, inherited=0)
        for own in child.constraints.values()
    )


def _lock_foreign_keys(context: Context, parent: Relation) -> None:
    """Note the locks for the triggers of foreign keys that the partition takes part in."""
    for constraint in parent.constraints.values():
        if constraint.kind is ConstraintKind.FOREIGN_KEY and constraint.references is not None:
            context.builder.lock(constraint.references, _SRX)
    for holder, constraint in context.catalog.foreign_keys_to(parent.name):
        if not constraint.inherited:
            context.builder.lock(holder, _SRX)
