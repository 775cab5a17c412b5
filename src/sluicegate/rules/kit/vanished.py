"""What a statement takes away, read off the schema before and after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.catalog.model import ConstraintKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Catalog, Name


@dataclass(frozen=True, slots=True)
class Vanished:
    """One thing that is gone: ``kind`` in words, the relation it belonged to, its name (empty for the relation)."""

    kind: str
    relation: Name
    name: str = ""

    def __str__(self) -> str:
        relation = self.relation.name if self.relation.schema == "public" else str(self.relation)
        return f"the {self.kind} {relation}{f'.{self.name}' if self.name else ''}"


def vanished(before: Catalog, after: Catalog) -> Iterator[Vanished]:
    """Yield relations that are gone, and of the others the columns, constraints, indexes, triggers that are gone.

    A not-null constraint is no thing of its own here, nor is an index that belongs to a constraint.
    """
    for name, relation in before.relations.items():
        now = after.relations.get(name)
        if now is relation:
            continue
        if now is None:
            yield Vanished(relation.kind.value, name)
            continue
        yield from (Vanished("column", name, column) for column in relation.columns if column not in now.columns)
        for constraint in relation.constraints.values():
            if constraint.name not in now.constraints and constraint.kind is not ConstraintKind.NOT_NULL:
                yield Vanished(constraint.kind.value, name, constraint.name)
        yield from (Vanished("trigger", name, trigger) for trigger in relation.triggers if trigger not in now.triggers)
    for name, index in before.indexes.items():
        if name not in after.indexes and index.constraint is None and index.table in after.relations:
            yield Vanished("index", index.table, name.name)
