"""Renames: which name goes, which comes, and whether the old one comes back before the revision ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

if TYPE_CHECKING:
    from sluicegate.catalog.model import Name
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
    """Tell whether something else has the old name when the revision ends, as after a swap."""
    end = context.revision.after
    if not change.column:
        return change.table in end.relations
    relation = end.relations.get(change.table)
    return relation is not None and change.old in relation.columns
