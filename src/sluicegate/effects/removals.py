"""The effects of taking objects away: which locks each deletion takes, what is lost, what stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.model import ConstraintKind, RelationKind
from sluicegate.catalog.types import display
from sluicegate.effects.dependencies import Dependencies, Sort, Thing, relation_thing
from sluicegate.effects.model import LockMode, LossKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sluicegate.catalog.model import Constraint, Name, Relation
    from sluicegate.effects.context import Context

_AX = LockMode.AccessExclusiveLock


def remove(context: Context, asked: Iterable[Thing], *, cascade: bool) -> bool:
    """Note the effects of dropping things; False when the server refuses because of what depends on them."""
    dependencies = Dependencies.of(context.catalog, context.search_path)
    things = list(dict.fromkeys(asked))
    for thing in things:
        owner = dependencies.required_by(thing)
        if owner is not None and owner not in things:
            context.builder.refuse(
                "2BP01", f"cannot drop {describe(context, thing)} because {describe(context, owner)} requires it"
            )
            return False
    removal = dependencies.removal(things)
    if removal.blockers and not cascade:
        subject = f"{describe(context, things[0])}" if len(things) == 1 else "desired object(s)"
        context.builder.refuse("2BP01", f"cannot drop {subject} because other objects depend on it")
        if len(things) > 1:
            context.builder.refusal = None
            context.builder.refuse("2BP01", f"cannot drop {subject} because other objects depend on them")
        return False
    everything = removal.everything
    for thing in sorted(everything):  # in the same order every time
        note_locks(context, thing, everything)
        _note_loss(context, thing, everything, asked=thing in removal.asked)
    return True


def note_locks(context: Context, thing: Thing, gone: frozenset[Thing]) -> None:
    """Note the locks that the deletion of one thing takes.

    Source: ``doDeletion`` in PostgreSQL's dependency.c and the functions it calls (heap_drop_with_catalog,
    index_drop, RemoveTriggerById, RemovePolicyById, RemoveAttrDefaultById, RemoveConstraintById …): each locks its
    table ACCESS EXCLUSIVE; a foreign key's triggers stand on the referenced table too.
    """
    builder, catalog = context.builder, context.catalog
    match thing.sort:
        case Sort.RELATION:
            relation = catalog.relations[thing.owner]
            builder.lock(relation, _AX)
            if relation.bound is not None:
                lock_parent_of_partition(context, relation)
        case Sort.INDEX:
            index = catalog.indexes[thing.owner]
            builder.lock(index, _AX)
            builder.lock(index.table, _AX)
        case Sort.STATISTICS:
            if relation_thing(thing.owner) not in gone:
                builder.lock(thing.owner, LockMode.ShareUpdateExclusiveLock)
        case Sort.COLUMN | Sort.DEFAULT | Sort.TRIGGER | Sort.POLICY | Sort.RULE:
            builder.lock(thing.owner, _AX)
        case Sort.CONSTRAINT:
            holder = catalog.relations.get(thing.owner)
            constraint = holder.constraints.get(thing.part) if holder is not None else None
            if holder is not None and constraint is not None:
                builder.lock(holder, _AX)
                if constraint.kind is ConstraintKind.FOREIGN_KEY:
                    lock_referenced(context, holder, constraint)


def lock_referenced(context: Context, holder: Relation, constraint: Constraint) -> None:
    """Note the locks on the table that a foreign key points to, when the key goes.

    The triggers on the referenced table belong to the key as it was declared, so a partition's inherited copy has none.
    """
    if constraint.references is None or (constraint.inherited and holder.bound is not None) or not constraint.enforced:
        return
    context.builder.lock(constraint.references, _AX)
    target = context.catalog.relations.get(constraint.references)
    if target is not None and target.kind is RelationKind.PARTITIONED:
        for partition in context.catalog.descendants_of(target.name):
            context.builder.lock(partition, _AX)


def lock_parent_of_partition(context: Context, relation: Relation, mode: LockMode = _AX) -> None:
    """Note the locks on a partition's parent, and on the DEFAULT partition whose bound changes with it."""
    for parent in relation.parents:
        context.builder.lock(parent, mode)
        default = default_partition(context, parent)
        if default is not None and default.name != relation.name:
            context.builder.lock(default, _AX)


def default_partition(context: Context, parent: Name) -> Relation | None:
    """Return a partitioned table's DEFAULT partition, or None."""
    return next((child for child in context.catalog.children_of(parent) if child.bound == "DEFAULT"), None)


def _note_loss(context: Context, thing: Thing, gone: frozenset[Thing], *, asked: bool) -> None:
    builder, catalog = context.builder, context.catalog
    owner_goes = relation_thing(thing.owner) in gone
    match thing.sort:
        case Sort.RELATION:
            relation = catalog.relations[thing.owner]
            kind = LossKind.TABLE if relation.kind in _HOLDS_ROWS else LossKind.OBJECT
            builder.lose(kind, relation, asked=asked, detail=relation.kind.value)
        case Sort.COLUMN if not owner_goes and thing.owner in catalog.relations:
            column = catalog.relations[thing.owner].columns[thing.part]
            builder.lose(LossKind.COLUMN, thing.owner, thing.part, asked=asked, detail=display(column.type))
        case Sort.INDEX:
            index = catalog.indexes[thing.owner]
            if relation_thing(index.table) not in gone:
                builder.lose(LossKind.INDEX, index.table, thing.owner.name, asked=asked, detail=index.method)
        case Sort.CONSTRAINT if not owner_goes and thing.owner in catalog.relations:
            constraint = catalog.relations[thing.owner].constraints[thing.part]
            builder.lose(LossKind.CONSTRAINT, thing.owner, thing.part, asked=asked, detail=constraint.kind.value)
        case Sort.TRIGGER | Sort.POLICY | Sort.RULE | Sort.STATISTICS | Sort.DEFAULT if not owner_goes:
            builder.lose(LossKind.OBJECT, thing.owner, thing.part, asked=asked, detail=thing.sort.value)
        case Sort.TYPE | Sort.FUNCTION | Sort.SCHEMA | Sort.EXTENSION:
            name = thing.owner.name if not thing.owner.schema else thing.owner
            builder.lose(LossKind.OBJECT, str(name), thing.part, asked=asked, detail=thing.sort.value)


_HOLDS_ROWS = {RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.MATERIALIZED_VIEW}


def describe(context: Context, thing: Thing) -> str:
    """Return a thing as the server's messages name it (``getObjectDescription``)."""
    visible = thing.owner.schema in ("", *context.search_path)
    owner = thing.owner.name if visible else str(thing.owner)
    match thing.sort:
        case Sort.RELATION:
            relation = context.catalog.relations[thing.owner]
            word = "table" if relation.kind is RelationKind.PARTITIONED else relation.kind.value
            return f"{word} {owner}"
        case Sort.COLUMN | Sort.DEFAULT:
            what = "column" if thing.sort is Sort.COLUMN else "default value for column"
            return f"{what} {thing.part} of table {owner}"
        case Sort.CONSTRAINT | Sort.TRIGGER | Sort.POLICY | Sort.RULE:
            return f"{thing.sort.value} {thing.part} on table {owner}"
        case Sort.FUNCTION:
            return f"function {owner}({thing.part})"
        case Sort.STATISTICS:
            return f"statistics object {thing.part}"
        case _:
            return f"{thing.sort.value} {owner}"
