"""The columns that a new foreign key joins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.catalog.model import ConstraintKind
from sluicegate.rules.kit.vectors import written_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.rules.kit.context import Context

_TEXTS = frozenset({"text", "varchar", "bpchar"})


@dataclass(frozen=True, slots=True)
class Joined:
    """Two columns of different types that a foreign key joins, as a reader knows them."""

    column: str
    type: str
    referenced: str
    referenced_type: str


def mismatched(context: Context) -> Iterator[Joined]:
    """Yield the pairs of columns with different types that the foreign keys of a statement join."""
    for name, relation, before in context.changed_relations:
        for constraint in relation.constraints.values():
            known = before is not None and constraint.name in before.constraints
            if known or constraint.kind is not ConstraintKind.FOREIGN_KEY or constraint.references is None:
                continue
            target = context.after.relations.get(constraint.references)
            for own, other in zip(constraint.columns, constraint.referenced_columns, strict=False):
                column = relation.columns.get(own)
                referenced = target.columns.get(other) if target else None
                if column is None or referenced is None or column.type.name == referenced.type.name:
                    continue
                if {column.type.name.name, referenced.type.name.name} <= _TEXTS:
                    continue
                yield Joined(
                    f"{context.spelled(name)}.{own}",
                    written_type(column.type),
                    f"{context.spelled(constraint.references)}.{other}",
                    written_type(referenced.type),
                )
