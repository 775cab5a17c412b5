"""The table that INSERT, UPDATE, DELETE and MERGE change: views resolved to it, and what its columns take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.expressions import Invalid
from sluicegate.catalog.expressions.literals import check_assigned_length
from sluicegate.catalog.model import RelationKind, SqlType
from sluicegate.catalog.polymorphism import UNKNOWN
from sluicegate.catalog.types import display
from sluicegate.effects.context import Refused
from sluicegate.effects.model import LockMode
from sluicegate.effects.reading import substituted, view_base
from sluicegate.statements.nodes import unwrap

if TYPE_CHECKING:
    from sluicegate.catalog.model import Column, Relation
    from sluicegate.effects.context import Context
    from sluicegate.effects.queries import QueryReader
    from sluicegate.effects.query_levels import Level, Read

_RX = LockMode.RowExclusiveLock
_CHANGEABLE = {RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.FOREIGN}
_COMMANDS = {"insert": "insert into", "update": "update", "delete": "delete from", "merge": "execute MERGE on"}


@dataclass
class Target:
    """What a change is about.

    Attributes:
        read: the entry that stands for the table whose rows change.
        relation: that table.
        named: the relation that the statement names; a view, or the same.
        columns: the columns of ``named`` → the columns of ``relation``.
        views: the views in between, which are locked too.
        handled: True where triggers or rules of a view do the work instead.
    """

    read: Read
    relation: Relation
    named: Relation
    columns: dict[str, str]
    views: list[Relation] = field(default_factory=list)
    handled: bool = False


def resolve_target(context: Context, reader: QueryReader, node: Any, level: Level, command: str) -> Target:
    """Return what a change is about.

    Raises:
        Refused: the relation does not exist, or cannot be changed.
    """
    level.scope.sources.append(reader.table(node, level, _RX, target=True))
    read = reader.reads[-1]
    named = read.relation
    if named.kind is RelationKind.MATERIALIZED_VIEW:
        raise Refused("42809", f'cannot change materialized view "{named.name.name}"')
    if named.kind is RelationKind.SEQUENCE:
        raise Refused("42809", f'cannot change sequence "{named.name.name}"')
    target = Target(read, named, named, {name: name for name in named.columns})
    if named.kind is RelationKind.VIEW:
        _through_view(context, target, command)
    elif named.kind not in _CHANGEABLE:
        raise Refused("42809", f'cannot change relation "{named.name.name}"')
    return target


def _through_view(context: Context, target: Target, command: str) -> None:
    """Follow automatically updatable views down to their table (``rewriteTargetView`` in rewriteHandler.c)."""
    while target.relation.kind is RelationKind.VIEW:
        view = target.relation
        target.views.append(view)
        instead = any(
            trigger.timing == "instead of" and command in trigger.events for trigger in view.triggers.values()
        )
        if instead or view.rules:
            target.handled = True
            context.builder.unknown(f"what the triggers and rules of the view {view.name} do is not followed")
            return
        if command == "merge" and context.version < 17:
            raise Refused("0A000", f'cannot execute MERGE on relation "{view.name.name}"')
        base = view_base(context, view)
        if base is None:
            raise Refused("55000", f'cannot {_COMMANDS[command]} view "{view.name.name}"')
        relation, level, columns = base
        target.columns = {name: columns[column] for name, column in target.columns.items() if column in columns}
        _take_conditions(target, level)
        target.relation = relation


def _take_conditions(target: Target, level: Level) -> None:
    """Move the statement's conditions on the view to the table, and add the view's own."""
    own = list(level.conditions)
    for condition in target.read.level.conditions:
        outputs = {name: _reference(column) for name, column in target.columns.items()}
        moved = substituted(condition, outputs, target.read)
        if moved is not None:
            own.append(moved)
    target.read.level.conditions[:] = own


def _reference(column: str) -> Any:
    reference = pg.ColumnRef()
    reference.fields.add().string.sval = column
    return reference


def column_of(context: Context, target: Target, name: str) -> Column:
    """Return the table's column behind a name of the target.

    Raises:
        Refused: there is none (42703), or the view computes it (0A000).
    """
    if name not in target.named.columns:
        context.absent("42703", f'column "{name}" of relation "{target.named.name.name}" does not exist')
    if name not in target.columns or target.columns[name] not in target.relation.columns:
        raise Refused("0A000", f'cannot update column "{name}" of view "{target.named.name.name}"')
    return target.relation.columns[target.columns[name]]


def assign(reader: QueryReader, level: Level, column: Column, value: Any) -> None:
    """Read a value that is assigned to a column.

    Raises:
        Refused: it cannot be (42804), or a literal is no value of the type.
    """
    inner = unwrap(value)
    if isinstance(inner, pg.SetToDefault):
        return
    expressions = reader.reader(level)
    try:
        found = expressions.read(value)
        if found.type is None:
            return
        assign_type(reader, level, column, found.type, found)
    except Invalid as invalid:
        raise Refused(invalid.sqlstate, invalid.message) from None


def assign_type(reader: QueryReader, level: Level, column: Column, given: SqlType, found: Any = None) -> None:
    """Refuse a value of a type that a column does not take.

    Raises:
        Refused: 42804, or what the type's input function says of a literal.
    """
    from sluicegate.catalog.casts import CastContext
    from sluicegate.catalog.expressions import Meaning

    meaning = found if found is not None else Meaning(given)
    try:
        reader.reader(level).coerce(meaning, column.type, CastContext.ASSIGNMENT)
        if meaning.literal is not None and meaning.type == UNKNOWN:
            check_assigned_length(meaning.literal, column.type, reader.context.catalog)
    except Invalid as invalid:
        if invalid.sqlstate == "42804" and given != UNKNOWN:
            wanted = display(SqlType(column.type.name, array=column.type.array))
            shown = display(SqlType(given.name, array=given.array))
            message = f'column "{column.name}" is of type {wanted} but expression is of type {shown}'
            raise Refused("42804", message) from None
        raise Refused(invalid.sqlstate, invalid.message) from None


def lock_target(context: Context, target: Target) -> None:
    """Note the locks on the views a change goes through, and on the parents of a partition it names."""
    for view in target.views:
        context.builder.lock(view, _RX)


def lock_path(context: Context, leaf: Relation, root: Relation) -> None:
    """Note the locks of a row's way from a partitioned table to its partition."""
    current: Relation | None = leaf
    while current is not None and current.name != root.name:
        context.builder.lock(current, _RX)
        current = context.catalog.relations.get(current.parents[0]) if current.parents else None


def lock_ancestors(context: Context, relation: Relation) -> None:
    """Note the locks taken to check that a partition's new rows fit its bound (``RelationGetPartitionQual``)."""
    pending = [relation]
    while pending:
        current = pending.pop()
        if current.bound is None:
            continue
        for name in current.parents:
            context.builder.lock(name, LockMode.AccessShareLock)
            parent = context.catalog.relations.get(name)
            if parent is not None:
                pending.append(parent)
