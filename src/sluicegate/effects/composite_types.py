"""Who stores values of a row type: what forbids changing the columns it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.model import Name, RelationKind, TypeKind

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog

_STORES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED, RelationKind.MATERIALIZED_VIEW})


def column_using_row_type(catalog: Catalog, name: Name) -> tuple[Name, str] | None:
    """Return a stored column whose type is, or contains, the row type of a relation; None when there is none.

    Source: ``find_composite_type_dependencies`` in PostgreSQL's tablecmds.c, which looks through arrays, domains,
    ranges and other row types.
    """
    seen: set[Name] = set()
    pending = [name]
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        for user_type in catalog.types.values():
            if user_type.kind in {TypeKind.DOMAIN, TypeKind.RANGE}:
                below = (user_type.base, user_type.subtype)
                if current in {one.name for one in below if one is not None}:
                    pending.append(user_type.name)
        for relation in catalog.relations.values():
            for column in relation.columns.values():
                if column.type.name != current:
                    continue
                if relation.kind in _STORES:
                    return relation.name, column.name
                pending.append(relation.name)
    return None
