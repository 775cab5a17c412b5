"""Which operator classes exist, which is a type's default, and whether one accepts a type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.catalog.builtins import BuiltinOperatorClass, builtins
from sluicegate.catalog.casts import is_binary_coercible
from sluicegate.catalog.extensions import vector_schema
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import base_type, from_key, key_of

if TYPE_CHECKING:
    from sluicegate.catalog.builtins import AccessMethod
    from sluicegate.catalog.model import Catalog, SqlType


def access_method(name: str, catalog: Catalog, version: int) -> AccessMethod | None:
    """Return an access method, or None when it does not exist; pgvector's need the extension."""
    method = builtins(version).access_methods.get(name)
    if method is not None and name in {"hnsw", "ivfflat"} and vector_schema(catalog) is None:
        return None
    return method


def operator_class(method: str, name: str, catalog: Catalog, version: int) -> tuple[BuiltinOperatorClass, ...]:
    """Return the operator classes of a name for an access method; several when they differ in input type only."""
    return tuple(found for found in _classes(method, catalog, version) if found.name == name)


def default_operator_class(
    method: str, sql_type: SqlType, catalog: Catalog, version: int
) -> BuiltinOperatorClass | None:
    """Return the default operator class of a type for an access method, or None when it has none.

    Source: ``GetDefaultOpClass`` in PostgreSQL's indexcmds.c: an exact match wins; else a binary-coercible one, a
    preferred type's first; several of equal rank are none.
    """
    sql_type = base_type(sql_type, catalog)
    word = key_of(sql_type, catalog)
    exact, preferred, compatible = [], [], []
    for candidate in _classes(method, catalog, version):
        if not candidate.default:
            continue
        if candidate.input == word:
            exact.append(candidate)
            continue
        accepted = from_key(candidate.input, catalog)
        if not is_binary_coercible(sql_type, accepted, catalog, version):
            continue
        facts = type_facts(accepted, catalog)
        # A pseudo-type's category is not the value's, so it is never "preferred".
        if facts.preferred and facts.category == type_facts(sql_type, catalog).category:
            preferred.append(candidate)
        else:
            compatible.append(candidate)
    for rank in (exact, preferred, compatible):
        if len(rank) == 1:
            return rank[0]
        if rank:
            return None
    return None


def accepts(candidate: BuiltinOperatorClass, sql_type: SqlType, catalog: Catalog, version: int) -> bool:
    """Tell whether an operator class can index a type (``ResolveOpClass`` in PostgreSQL's indexcmds.c)."""
    return is_binary_coercible(sql_type, from_key(candidate.input, catalog), catalog, version)


def _classes(method: str, catalog: Catalog, version: int) -> tuple[BuiltinOperatorClass, ...]:
    vector = vector_schema(catalog) is not None
    return tuple(
        found
        for found in builtins(version).operator_classes
        if found.method == method and (vector or not found.from_vector)
    )
