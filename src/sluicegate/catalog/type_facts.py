"""What ``pg_type`` says of a type, whether it is built in, pgvector's or the user's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.catalog.builtins import builtins
from sluicegate.catalog.model import SqlType, TypeKind, Volatility
from sluicegate.catalog.types import base_type, from_key, key_of

if TYPE_CHECKING:
    from sluicegate.catalog.model import Catalog

# Input and output of enums, arrays, ranges, records and domains look into the catalogs, so they are stable
# (PostgreSQL 18, pg_proc.dat: enum_in, array_in, range_in, record_in, domain_in).
_CATALOG_BASED = Volatility.STABLE


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """What decides how a type takes part in casts and in the choice of functions.

    Attributes:
        category: ``pg_type.typcategory``, such as ``N`` for numbers and ``S`` for strings.
        preferred: ``pg_type.typispreferred``.
        input_volatility: of the function that reads its text form; None when the type is not known.
        output_volatility: of the function that writes it; None when the type is not known.
        length: bytes, or -1 for variable length.
        storage: ``p``, ``e``, ``m`` or ``x``.
        collatable: whether it has a collation.
        pseudo: whether it is a pseudo-type such as ``anyelement``.
        known: False when neither the server nor the catalog defines it.
    """

    category: str
    preferred: bool = False
    input_volatility: Volatility | None = None
    output_volatility: Volatility | None = None
    length: int = -1
    storage: str = "x"
    collatable: bool = False
    pseudo: bool = False
    known: bool = True


def type_facts(sql_type: SqlType, catalog: Catalog) -> TypeFacts:
    """Return what is known of a type."""
    if not sql_type.array:
        sql_type = base_type(sql_type, catalog)
    builtin = builtins(18).types.get(key_of(sql_type, catalog))
    if sql_type.array:
        element = type_facts(SqlType(sql_type.name), catalog)
        return TypeFacts("A", False, _CATALOG_BASED, _CATALOG_BASED, collatable=element.collatable, known=element.known)
    if builtin is not None:
        return TypeFacts(
            builtin.category,
            builtin.preferred,
            builtin.input_volatility,
            builtin.output_volatility,
            builtin.length,
            builtin.storage,
            builtin.collatable,
            pseudo=builtin.kind == "p",
        )
    user_type = catalog.types.get(sql_type.name)
    if user_type is None:
        if sql_type.name in catalog.relations:
            return TypeFacts("C", False, _CATALOG_BASED, _CATALOG_BASED)
        return TypeFacts("U", known=False)
    match user_type.kind:
        case TypeKind.ENUM:
            return TypeFacts("E", False, _CATALOG_BASED, _CATALOG_BASED, length=4, storage="p")
        case TypeKind.COMPOSITE:
            return TypeFacts("C", False, _CATALOG_BASED, _CATALOG_BASED)
        case TypeKind.RANGE:
            return TypeFacts("R", False, _CATALOG_BASED, _CATALOG_BASED)
        case _:
            return TypeFacts("U", known=False)


def element_type(sql_type: SqlType, catalog: Catalog) -> SqlType | None:
    """Return the element type of an array type, and of the fixed-length kinds that can be subscripted; else None."""
    sql_type = base_type(sql_type, catalog)
    if sql_type.array:
        return SqlType(sql_type.name, sql_type.modifiers)
    builtin = builtins(18).types.get(key_of(sql_type, catalog))
    if builtin is not None and builtin.element is not None:
        return from_key(builtin.element, catalog)
    return None


def range_subtype(sql_type: SqlType, catalog: Catalog) -> SqlType | None:
    """Return the subtype of a range or multirange type, or None."""
    if sql_type.array:
        return None
    builtin = builtins(18).types.get(key_of(sql_type, catalog))
    if builtin is not None:
        return from_key(builtin.subtype, catalog) if builtin.subtype else None
    user_type = catalog.types.get(sql_type.name)
    return user_type.subtype if user_type is not None else None
