"""What domains check and give, through domains over domains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.catalog.model import TypeKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sluicegate.catalog.model import Catalog, SqlType, UserType

_DEPTH = 50  # more domains over domains than anyone builds; a broken catalog could hold a circle


def is_constrained(sql_type: SqlType, catalog: Catalog) -> bool:
    """Tell whether a type is a domain that checks something (``DomainHasConstraints`` in PostgreSQL's typcache.c)."""
    return any(
        domain.not_null or any(one.expression is not None for one in domain.constraints.values())
        for domain in _domains(sql_type, catalog)
    )


def default_of(sql_type: SqlType, catalog: Catalog) -> Any:
    """Return the tree of the default that a domain gives its columns, or None."""
    for domain in _domains(sql_type, catalog):
        if domain.default is not None and domain.default.node is not None:
            return domain.default.node
    return None


def _domains(sql_type: SqlType, catalog: Catalog) -> Iterator[UserType]:
    for _ in range(_DEPTH):
        user_type = catalog.types.get(sql_type.name)
        if sql_type.array or user_type is None or user_type.kind is not TypeKind.DOMAIN or user_type.base is None:
            return
        yield user_type
        sql_type = user_type.base
