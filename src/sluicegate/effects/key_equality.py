"""How a foreign key compares its column with the referenced one, or that it cannot.

Source: ``ATAddForeignKeyConstraint`` in PostgreSQL's tablecmds.c, and ``findFkeyCast`` there.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.casts import CastContext, CastMethod, find_cast
from sluicegate.catalog.type_facts import type_facts
from sluicegate.catalog.types import base_type, from_key, key_of
from sluicegate.effects.operator_classes import default_operator_class, operator_class

if TYPE_CHECKING:
    from sluicegate.catalog.builtins import BuiltinOperatorClass
    from sluicegate.catalog.model import Catalog, IndexKey, SqlType

_EQUAL = 3  # BTEqualStrategyNumber in access/stratnum.h
_POLYMORPHIC = {"anyarray": "A", "anyenum": "E", "anyrange": "R", "anymultirange": "R", "record": "C"}


class Equality(NamedTuple):
    """The comparison that a foreign key uses: the operator's family and sides, and how the column gets there."""

    family: str
    left: str
    right: str
    cast: CastMethod


def key_class(
    method: str, key: IndexKey, sql_type: SqlType, catalog: Catalog, version: int
) -> BuiltinOperatorClass | None:
    """Return the operator class of an index key, the type's default where none is written."""
    if key.operator_class is None:
        return default_operator_class(method, sql_type, catalog, version)
    named = operator_class(method, key.operator_class, catalog, version)
    return named[0] if named else None


def key_equality(
    referencing: SqlType, referenced: SqlType, compared: BuiltinOperatorClass, catalog: Catalog, version: int
) -> Equality | None:
    """Return how a referencing column is compared with a referenced one, or None when their types do not fit.

    Args:
        referencing: the type of the foreign key's column.
        referenced: the type of the key's column.
        compared: the operator class of the referenced column in its unique index.
        catalog: the schema.
        version: the server's major version.
    """
    below = key_of(base_type(referencing, catalog), catalog)
    if below is not None and (compared.family, compared.input, below) in _equalities(version):
        return Equality(compared.family, compared.input, below, CastMethod.BINARY)
    if not _coercible(referencing, referenced, compared.input, catalog, version):
        return None
    if compared.input in _POLYMORPHIC:
        return Equality(compared.family, compared.input, compared.input, CastMethod.BINARY)
    path = find_cast(base_type(referencing, catalog), from_key(compared.input, catalog), catalog, version)
    method = CastMethod.BINARY if path is None or path.method is CastMethod.SAME else path.method
    return Equality(compared.family, compared.input, compared.input, method)


def _coercible(referencing: SqlType, referenced: SqlType, wanted: str, catalog: Catalog, version: int) -> bool:
    if wanted in _POLYMORPHIC:
        one, other = base_type(referencing, catalog), base_type(referenced, catalog)
        same = one.name == other.name and one.array == other.array
        return same and type_facts(one, catalog).category == _POLYMORPHIC[wanted]
    target = from_key(wanted, catalog)
    for source in (referenced, referencing):
        path = find_cast(source, target, catalog, version)
        if path is None or path.context is not CastContext.IMPLICIT:
            return False
    return True


@functools.cache
def _equalities(version: int) -> frozenset[tuple[str, str, str]]:
    return frozenset(
        (found.family, found.left, found.right)
        for found in builtins(version).family_operators
        if found.method == "btree" and found.strategy == _EQUAL and found.purpose == "s"
    )
