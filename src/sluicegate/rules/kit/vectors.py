"""What pgvector's types and index methods are and allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluicegate.catalog.model import SqlType

VECTOR_TYPES = frozenset({"vector", "halfvec", "sparsevec"})
"""The types that pgvector brings (0.7 and later)."""

ANN_METHODS = frozenset({"hnsw", "ivfflat"})
"""Its index methods."""


_SHORT = {"int2": "smallint", "int4": "integer", "int8": "bigint", "bool": "boolean", "bpchar": "char"}
_SHORT |= {"float4": "real", "float8": "double precision"}


def written_type(column_type: SqlType) -> str:
    """Return a type as people write it, such as ``varchar(50)`` or ``bigint[]``."""
    name = _SHORT.get(column_type.name.name, column_type.name.name)
    modifiers = f"({', '.join(map(str, column_type.modifiers))})" if column_type.modifiers else ""
    return f"{name}{modifiers}{'[]' if column_type.array else ''}"


def written_vector_type(column_type: SqlType) -> str:
    """Return a vector type as it is written, such as ``vector(1536)``; an empty string for any other type."""
    name = column_type.name
    if name.name not in VECTOR_TYPES or name.schema == "pg_catalog":
        return ""
    return written_type(column_type)
