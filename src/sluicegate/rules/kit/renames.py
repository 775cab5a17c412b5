"""Renames: which name goes, which comes, and whether the old one comes back before the revision ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.model import Name

if TYPE_CHECKING:
    from sluicegate.rules.kit.context import Context


@dataclass(frozen=True, slots=True)
class Renamed:
    """A name that changes: a column's where ``column`` is set, else the relation's.

    Attributes:
        table: the relation, under its name before.
        old: the name that goes.
        new: the name that comes.
        column: whether it is a column's.
    """

    table: Name
    old: str
    new: str
    column: bool


def renamed(context: Context, kinds: tuple[str, ...]) -> Renamed | None:
    """Return the rename that a statement makes of one of these ``ObjectType`` kinds; moving to a schema is one."""
    numbers = {pg.ObjectType.Value(kind) for kind in kinds}
    node = context.node
    if context.kind == "rename_stmt" and node.rename_type in numbers and node.HasField("relation"):
        table = context.name_of(node.relation)
        column = node.rename_type == pg.OBJECT_COLUMN
        if context.before.complete and context.relation(table) is None:
            return None
        return Renamed(table, node.subname if column else table.name, node.newname, column)
    if context.kind == "alter_object_schema_stmt" and node.object_type in numbers and node.HasField("relation"):
        table = context.name_of(node.relation)
        return Renamed(table, table.name, f"{node.newschema}.{table.name}", column=False)
    return None


def name_returns(context: Context, change: Renamed) -> bool:
    """Tell whether the rename is a part of a swap.

    Either something else has the old name when the revision ends, or the new name was somebody else's when it began:
    then the readers of that name are the ones who matter.
    """
    start, end = context.revision.before, context.revision.after
    if not change.column:
        return change.table in end.relations or Name(change.table.schema, change.new) in start.relations
    before, after = start.relations.get(change.table), end.relations.get(change.table)
    taken = before is not None and change.new in before.columns
    return taken or (after is not None and change.old in after.columns)
