"""Who stores values of a row type: what forbids changing the columns it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.model import Name, RelationKind, TypeKind

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog, Relation

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
            if current not in _column_types(relation):
                continue
            for column in relation.columns.values():
                if column.type.name != current:
                    continue
                if relation.kind in _STORES:
                    return relation.name, column.name
                pending.append(relation.name)
    return None


def _column_types(relation: Relation) -> frozenset[Name]:
    """Return the types of a relation's columns; kept by value, since most tables stay what they are for long."""
    known = _types.get(id(relation))
    if known is not None and known[0] is relation:
        return known[1]
    found = frozenset(column.type.name for column in relation.columns.values())
    if len(_types) >= _KEPT:
        _types.clear()
    _types[id(relation)] = (relation, found)  # holding the relation keeps its id from meaning another one
    return found


_KEPT = 20_000
_types: dict[int, tuple[Relation, frozenset[Name]]] = {}
